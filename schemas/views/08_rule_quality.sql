CREATE OR REPLACE VIEW rule_quality AS
WITH latest AS (
    SELECT
        review.rule_id,
        review.rule_version,
        coalesce(review.verdict, finding.verdict) AS verdict,
        review.judgement
    FROM review
    LEFT JOIN finding USING (recording_id, rule_id, rule_version)
    QUALIFY row_number() OVER (
        PARTITION BY review.recording_id, review.rule_id, review.rule_version, review.reviewer
        ORDER BY review.reviewed_at DESC
    ) = 1
),
counted AS (
    SELECT
        rule_id,
        rule_version,
        verdict,
        count(*) AS reviewed,
        count(*) FILTER (WHERE judgement = 'confirmed') AS confirmed,
        count(*) FILTER (WHERE judgement = 'wrong') AS wrong,
        count(*) FILTER (WHERE judgement = 'unclear') AS unclear,
        nullif(confirmed + wrong, 0) AS n,
        confirmed / n AS p,
        pow(1.959963984540054, 2) AS z2 -- 97.5 % point of the normal distribution, squared
    FROM latest
    GROUP BY rule_id, rule_version, verdict
),
interval AS (
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
    unclear,
    p AS precision,
    -- least() and greatest() skip NULL, so an undefined interval has to be kept out of them.
    CASE WHEN n IS NOT NULL THEN greatest(middle - half, 0) END AS precision_low,
    CASE WHEN n IS NOT NULL THEN least(middle + half, 1) END AS precision_high
FROM interval
ORDER BY rule_id, rule_version, verdict;

COMMENT ON VIEW rule_quality IS 'One row per rule, version and verdict: how often reviewers found it right; a reviewer''s latest judgement of a finding counts';
COMMENT ON COLUMN rule_quality.rule_id IS 'The rule';
COMMENT ON COLUMN rule_quality.rule_version IS 'Version of the rule';
COMMENT ON COLUMN rule_quality.verdict IS 'The verdict that was judged; NULL when it is no longer known';
COMMENT ON COLUMN rule_quality.reviewed IS 'Number of judgements';
COMMENT ON COLUMN rule_quality.confirmed IS 'Number that found the verdict right';
COMMENT ON COLUMN rule_quality.wrong IS 'Number that found it wrong';
COMMENT ON COLUMN rule_quality.unclear IS 'Number that left it open; they do not count in the precision';
COMMENT ON COLUMN rule_quality.precision IS 'confirmed / (confirmed + wrong), 0 to 1';
COMMENT ON COLUMN rule_quality.precision_low IS 'Lower end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_quality.precision_high IS 'Upper end of its 95 % Wilson interval, 0 to 1';
