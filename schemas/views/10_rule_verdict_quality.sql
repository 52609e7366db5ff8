-- A finding counts once however many people judged it: a sample of 25 findings is 25, not 50. Where they
-- differed and it was settled, what was settled counts. Findings that were not drawn at random do not count.
CREATE OR REPLACE VIEW rule_verdict_quality AS
WITH latest AS (
    SELECT *
    FROM review
    WHERE kind <> 'unsampled'
    WINDOW
        of_finding AS (PARTITION BY recording_id, rule_id, rule_version),
        of_reviewer AS (PARTITION BY recording_id, rule_id, rule_version, reviewer)
    QUALIFY
        CASE
            WHEN bool_or(kind = 'settled') OVER of_finding
                THEN row_number() OVER (of_finding ORDER BY kind = 'settled' DESC, reviewed_at DESC)
            ELSE row_number() OVER (of_reviewer ORDER BY reviewed_at DESC)
        END = 1
),
judged AS (
    SELECT
        latest.recording_id,
        latest.rule_id,
        latest.rule_version,
        coalesce(latest.verdict, finding.verdict, 'unknown') AS verdict,
        bool_or(latest.judgement = 'confirmed') AND NOT bool_or(latest.judgement = 'wrong') AS is_confirmed,
        bool_or(latest.judgement = 'wrong') AND NOT bool_or(latest.judgement = 'confirmed') AS is_wrong
    FROM latest
    LEFT JOIN finding USING (recording_id, rule_id, rule_version)
    GROUP BY ALL
),
counted AS (
    SELECT
        rule_id,
        rule_version,
        CASE WHEN grouping(verdict) = 1 THEN 'all' ELSE verdict END AS verdict,
        count(*) AS reviewed,
        count(*) FILTER (WHERE is_confirmed) AS confirmed,
        count(*) FILTER (WHERE is_wrong) AS wrong,
        nullif(confirmed + wrong, 0) AS n,
        confirmed / n AS p,
        pow(1.959963984540054, 2) AS z2 -- 97.5 % point of the normal distribution, squared
    FROM judged
    GROUP BY GROUPING SETS ((rule_id, rule_version, verdict), (rule_id, rule_version))
),
populations AS (
    SELECT rule_id, rule_version, verdict, count(*) AS population
    FROM finding
    GROUP BY rule_id, rule_version, verdict
),
-- E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209.
wilson AS (
    SELECT
        *,
        (p + z2 / (2 * n)) / (1 + z2 / n) AS middle,
        sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n) AS half
    FROM counted
)
SELECT
    wilson.rule_id,
    wilson.rule_version,
    wilson.verdict,
    wilson.reviewed,
    wilson.confirmed,
    wilson.wrong,
    wilson.reviewed - wilson.confirmed - wilson.wrong AS unclear,
    wilson.p AS precision,
    -- least() and greatest() skip NULL, so an undefined interval has to be kept out of them.
    CASE WHEN wilson.n IS NOT NULL THEN greatest(wilson.middle - wilson.half, 0) END AS precision_low,
    CASE WHEN wilson.n IS NOT NULL THEN least(wilson.middle + wilson.half, 1) END AS precision_high,
    populations.population,
    review_interval.low AS fpc_low,
    review_interval.high AS fpc_high
FROM wilson
LEFT JOIN populations
    ON
        populations.rule_id = wilson.rule_id AND populations.rule_version = wilson.rule_version
        AND populations.verdict = wilson.verdict
LEFT JOIN review_interval
    ON
        review_interval.rule_id = wilson.rule_id AND review_interval.rule_version = wilson.rule_version
        AND review_interval.verdict = wilson.verdict
ORDER BY wilson.rule_id, wilson.rule_version, wilson.verdict;

COMMENT ON VIEW rule_verdict_quality IS 'One row per rule, version and verdict, and one over all verdicts: how often reviewers found it right; a reviewer''s latest judgement counts, or what was settled where reviewers differ';
COMMENT ON COLUMN rule_verdict_quality.rule_id IS 'The rule';
COMMENT ON COLUMN rule_verdict_quality.rule_version IS 'Version of the rule';
COMMENT ON COLUMN rule_verdict_quality.verdict IS 'The verdict that was judged; unknown when it was not kept, all for the sum';
COMMENT ON COLUMN rule_verdict_quality.reviewed IS 'Number of findings reviewed';
COMMENT ON COLUMN rule_verdict_quality.confirmed IS 'Number found right';
COMMENT ON COLUMN rule_verdict_quality.wrong IS 'Number found wrong';
COMMENT ON COLUMN rule_verdict_quality.unclear IS 'Number left open, or on which reviewers differ without a settlement; they do not count in the precision';
COMMENT ON COLUMN rule_verdict_quality.precision IS 'confirmed / (confirmed + wrong), 0 to 1';
COMMENT ON COLUMN rule_verdict_quality.precision_low IS 'Lower end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_verdict_quality.precision_high IS 'Upper end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_verdict_quality.population IS 'Number of findings with this verdict in the store; NULL for the sum';
COMMENT ON COLUMN rule_verdict_quality.fpc_low IS 'Lower end of the 95 % interval that takes the population into account, as of the last merge of reviews, 0 to 1';
COMMENT ON COLUMN rule_verdict_quality.fpc_high IS 'Upper end of that interval, 0 to 1';
