-- The corrected rate is the stratified estimate of double sampling (Tenenbein, Journal of the American
-- Statistical Association 65 (1970) 1350): the verdicts are the strata, known for all calls, and the review
-- tells how many of each are truly a pass:
--   rate_corrected = pass_rate * pass_precision + (1 - pass_rate) * (1 - fail_precision)
-- Its interval is put together from the Wilson intervals of both precisions (MOVER: Zou and Donner,
-- Statistics in Medicine 27 (2008) 1693), each distance weighed by its stratum's share.
CREATE OR REPLACE VIEW rule_quality AS
WITH verdicts AS (
    SELECT
        rule_id,
        rule_version,
        count(*) FILTER (WHERE verdict = 'pass') AS passes,
        count(*) FILTER (WHERE verdict = 'fail') AS fails
    FROM finding
    GROUP BY rule_id, rule_version
),
known AS (
    SELECT rule_id, rule_version FROM verdicts
    UNION
    SELECT rule_id, rule_version FROM rule_verdict_quality
),
strata AS (
    SELECT
        known.rule_id,
        known.rule_version,
        coalesce(verdicts.passes, 0) AS passes,
        coalesce(verdicts.fails, 0) AS fails,
        passes / nullif(passes + fails, 0) AS pass_rate,
        coalesce(whole.reviewed, 0) AS reviewed,
        coalesce(whole.confirmed, 0) AS confirmed,
        coalesce(whole.wrong, 0) AS wrong,
        coalesce(whole.unclear, 0) AS unclear,
        whole.precision,
        whole.precision_low,
        whole.precision_high,
        coalesce(passed.confirmed, 0) AS pass_confirmed,
        coalesce(passed.wrong, 0) AS pass_wrong,
        passed.precision AS pass_precision,
        passed.precision_low AS pass_precision_low,
        passed.precision_high AS pass_precision_high,
        coalesce(passed.unclear, 0) AS pass_unclear,
        passed.fpc_low AS pass_fpc_low,
        passed.fpc_high AS pass_fpc_high,
        coalesce(failed.confirmed, 0) AS fail_confirmed,
        coalesce(failed.wrong, 0) AS fail_wrong,
        failed.precision AS fail_precision,
        failed.precision_low AS fail_precision_low,
        failed.precision_high AS fail_precision_high,
        coalesce(failed.unclear, 0) AS fail_unclear,
        failed.fpc_low AS fail_fpc_low,
        failed.fpc_high AS fail_fpc_high,
        corrected_now.low AS rate_fpc_low,
        corrected_now.high AS rate_fpc_high
    FROM known
    LEFT JOIN verdicts ON verdicts.rule_id = known.rule_id AND verdicts.rule_version = known.rule_version
    LEFT JOIN rule_verdict_quality AS whole
        ON
            whole.rule_id = known.rule_id AND whole.rule_version = known.rule_version
            AND whole.verdict = 'all'
    LEFT JOIN rule_verdict_quality AS passed
        ON
            passed.rule_id = known.rule_id AND passed.rule_version = known.rule_version
            AND passed.verdict = 'pass'
    LEFT JOIN rule_verdict_quality AS failed
        ON
            failed.rule_id = known.rule_id AND failed.rule_version = known.rule_version
            AND failed.verdict = 'fail'
    LEFT JOIN review_interval AS corrected_now
        ON
            corrected_now.rule_id = known.rule_id AND corrected_now.rule_version = known.rule_version
            AND corrected_now.verdict = 'corrected'
),
-- A stratum without a call has no share, and what is not known of it does no harm.
shares AS (
    SELECT
        *,
        CASE WHEN passes > 0 THEN pass_rate * pass_precision ELSE 0 END AS true_passes,
        CASE WHEN fails > 0 THEN (1 - pass_rate) * (1 - fail_precision) ELSE 0 END AS missed_passes,
        CASE WHEN passes + fails > 0 THEN true_passes + missed_passes END AS corrected,
        CASE WHEN passes > 0 THEN pass_rate * (pass_precision - pass_precision_low) ELSE 0 END AS pass_below,
        CASE WHEN passes > 0 THEN pass_rate * (pass_precision_high - pass_precision) ELSE 0 END AS pass_above,
        CASE WHEN fails > 0 THEN (1 - pass_rate) * (fail_precision_high - fail_precision) ELSE 0 END AS fail_below,
        CASE WHEN fails > 0 THEN (1 - pass_rate) * (fail_precision - fail_precision_low) ELSE 0 END AS fail_above
    FROM strata
)
SELECT
    rule_id,
    rule_version,
    reviewed,
    confirmed,
    wrong,
    unclear,
    precision,
    precision_low,
    precision_high,
    pass_confirmed,
    pass_wrong,
    pass_precision,
    pass_precision_low,
    pass_precision_high,
    fail_confirmed,
    fail_wrong,
    fail_precision,
    fail_precision_low,
    fail_precision_high,
    passes,
    fails,
    pass_rate,
    corrected AS rate_corrected,
    -- least() and greatest() skip NULL, so an undefined interval has to be kept out of them.
    CASE
        WHEN corrected IS NOT NULL THEN greatest(corrected - sqrt(pow(pass_below, 2) + pow(fail_below, 2)), 0)
    END AS rate_corrected_low,
    CASE
        WHEN corrected IS NOT NULL THEN least(corrected + sqrt(pow(pass_above, 2) + pow(fail_above, 2)), 1)
    END AS rate_corrected_high,
    pass_unclear,
    fail_unclear,
    pass_fpc_low,
    pass_fpc_high,
    fail_fpc_low,
    fail_fpc_high,
    rate_fpc_low,
    rate_fpc_high
FROM shares
ORDER BY rule_id, rule_version;

COMMENT ON VIEW rule_quality IS 'One row per rule and version: how often reviewers found its verdicts right, and the pass rate corrected for that';
COMMENT ON COLUMN rule_quality.rule_id IS 'The rule';
COMMENT ON COLUMN rule_quality.rule_version IS 'Version of the rule';
COMMENT ON COLUMN rule_quality.reviewed IS 'Number of findings reviewed, whatever their verdict';
COMMENT ON COLUMN rule_quality.confirmed IS 'Number of them found right';
COMMENT ON COLUMN rule_quality.wrong IS 'Number of them found wrong';
COMMENT ON COLUMN rule_quality.unclear IS 'Number left open, or on which reviewers differ; they do not count in any precision';
COMMENT ON COLUMN rule_quality.precision IS 'confirmed / (confirmed + wrong), 0 to 1: of the findings reviewed, however common their verdicts are';
COMMENT ON COLUMN rule_quality.precision_low IS 'Lower end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_quality.precision_high IS 'Upper end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_quality.pass_confirmed IS 'Number of passes found right';
COMMENT ON COLUMN rule_quality.pass_wrong IS 'Number of passes found wrong';
COMMENT ON COLUMN rule_quality.pass_precision IS 'pass_confirmed / (pass_confirmed + pass_wrong), 0 to 1';
COMMENT ON COLUMN rule_quality.pass_precision_low IS 'Lower end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_quality.pass_precision_high IS 'Upper end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_quality.fail_confirmed IS 'Number of fails found right';
COMMENT ON COLUMN rule_quality.fail_wrong IS 'Number of fails found wrong';
COMMENT ON COLUMN rule_quality.fail_precision IS 'fail_confirmed / (fail_confirmed + fail_wrong), 0 to 1';
COMMENT ON COLUMN rule_quality.fail_precision_low IS 'Lower end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_quality.fail_precision_high IS 'Upper end of its 95 % Wilson interval, 0 to 1';
COMMENT ON COLUMN rule_quality.passes IS 'Number of calls that passed';
COMMENT ON COLUMN rule_quality.fails IS 'Number of calls that failed';
COMMENT ON COLUMN rule_quality.pass_rate IS 'passes / (passes + fails), 0 to 1';
COMMENT ON COLUMN rule_quality.rate_corrected IS 'pass_rate * pass_precision + (1 - pass_rate) * (1 - fail_precision), 0 to 1: a verdict found wrong counts as the other; NULL where a verdict that occurs was not reviewed';
COMMENT ON COLUMN rule_quality.rate_corrected_low IS 'Lower end of its 95 % interval, from the Wilson intervals of both precisions, 0 to 1';
COMMENT ON COLUMN rule_quality.rate_corrected_high IS 'Upper end of its 95 % interval, 0 to 1';
COMMENT ON COLUMN rule_quality.pass_unclear IS 'Number of passes left open, or on which reviewers differ';
COMMENT ON COLUMN rule_quality.fail_unclear IS 'Number of fails left open, or on which reviewers differ';
COMMENT ON COLUMN rule_quality.pass_fpc_low IS 'Lower end of the 95 % interval of pass_precision that takes the number of passes into account (see review_interval), 0 to 1; NULL before a merge of reviews';
COMMENT ON COLUMN rule_quality.pass_fpc_high IS 'Upper end of that interval, 0 to 1';
COMMENT ON COLUMN rule_quality.fail_fpc_low IS 'Lower end of the 95 % interval of fail_precision that takes the number of fails into account, 0 to 1; NULL before a merge of reviews';
COMMENT ON COLUMN rule_quality.fail_fpc_high IS 'Upper end of that interval, 0 to 1';
COMMENT ON COLUMN rule_quality.rate_fpc_low IS 'Lower end of the 95 % interval of rate_corrected put together from these two, 0 to 1; NULL before a merge of reviews';
COMMENT ON COLUMN rule_quality.rate_fpc_high IS 'Upper end of that interval, 0 to 1';
