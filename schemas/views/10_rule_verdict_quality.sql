-- A finding counts once however many people judged it: a sample of 25 findings is 25, not 50.
CREATE OR REPLACE VIEW rule_verdict_quality AS
WITH latest AS (
    SELECT *
    FROM review
    QUALIFY row_number() OVER (
        PARTITION BY recording_id, rule_id, rule_version, reviewer ORDER BY reviewed_at DESC
    ) = 1
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
-- E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209.
wilson AS (
    SELECT
        *,
        (p + z2 / (2 * n)) / (1 + z2 / n) AS middle,
        sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n) AS half
    FROM counted
)
SELECT
    rule_id,
    rule_version,
    verdict,
    reviewed,
    confirmed,
    wrong,
    reviewed - confirmed - wrong AS unclear,
    p AS precision,
    -- least() and greatest() skip NULL, so an undefined interval has to be kept out of them.
    CASE WHEN n IS NOT NULL THEN greatest(middle - half, 0) END AS precision_low,
    CASE WHEN n IS NOT NULL THEN least(middle + half, 1) END AS precision_high
FROM wilson
ORDER BY rule_id, rule_version, verdict;

COMMENT ON VIEW rule_verdict_quality IS 'One row per rule, version and verdict, and one over all verdicts: how often reviewers found it right; a reviewer''s latest judgement counts';
COMMENT ON COLUMN rule_verdict_quality.rule_id IS 'The rule';
COMMENT ON COLUMN rule_verdict_quality.rule_version IS 'Version of the rule';
COMMENT ON COLUMN rule_verdict_quality.verdict IS 'The verdict that was judged; unknown when it was not kept, all for the sum';
COMMENT ON COLUMN rule_verdict_quality.reviewed IS 'Number of findings reviewed';
COMMENT ON COLUMN rule_verdict_quality.confirmed IS 'Number found right';
COMMENT ON COLUMN rule_verdict_quality.wrong IS 'Number found wrong';
COMMENT ON COLUMN rule_verdict_quality.unclear IS 'Number left open, or on which reviewers differ; they do not count in the precision';
COMMENT ON COLUMN rule_verdict_quality.precision IS 'confirmed / (confirmed + wrong), 0 to 1';
COMMENT ON COLUMN rule_verdict_quality.precision_low IS 'Lower end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_verdict_quality.precision_high IS 'Upper end of its 95 % Wilson interval, 0 to 1';
