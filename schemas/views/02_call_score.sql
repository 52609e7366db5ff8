-- Calls are weighed by the scorecard of today, also those that an older version of a rule has judged.
CREATE OR REPLACE VIEW call_score AS
WITH judged AS (
    SELECT
        finding.recording_id,
        rule.score,
        count(*) FILTER (WHERE finding.verdict = 'pass') AS passes,
        count(*) FILTER (WHERE finding.verdict = 'fail') AS fails,
        coalesce(sum(rule.weight) FILTER (WHERE finding.verdict = 'pass'), 0.0) AS passed_weight,
        coalesce(sum(rule.weight) FILTER (WHERE finding.verdict IN ('pass', 'fail')), 0.0) AS judged_weight,
        coalesce(
            list(finding.rule_id ORDER BY finding.rule_id) FILTER (WHERE finding.verdict = 'fail' AND rule.fatal),
            []
        ) AS fatal_fail_rules
    FROM finding
    INNER JOIN rule ON rule.rule_id = finding.rule_id AND rule.active
    GROUP BY finding.recording_id, rule.score
)
SELECT
    recording_id,
    score,
    passes,
    fails,
    len(fatal_fail_rules) AS fatal_fails,
    fatal_fail_rules,
    CASE WHEN len(fatal_fail_rules) > 0 THEN 0.0 ELSE passed_weight END AS points,
    judged_weight AS points_possible,
    CASE WHEN len(fatal_fail_rules) > 0 THEN 0.0 ELSE passed_weight / nullif(judged_weight, 0) END AS value
FROM judged;

COMMENT ON VIEW call_score IS 'One row per recording and score; pool calls as sum(points) / sum(points_possible)';
COMMENT ON COLUMN call_score.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN call_score.score IS 'compliance or quality';
COMMENT ON COLUMN call_score.passes IS 'Number of its rules passed';
COMMENT ON COLUMN call_score.fails IS 'Number of its rules failed';
COMMENT ON COLUMN call_score.fatal_fails IS 'Number of its fatal rules failed; one makes the score 0';
COMMENT ON COLUMN call_score.fatal_fail_rules IS 'Those rules, by id';
COMMENT ON COLUMN call_score.points IS 'Weight of the rules passed; 0 after a fatal fail';
COMMENT ON COLUMN call_score.points_possible IS 'Weight of the rules passed or failed; the others do not count';
COMMENT ON COLUMN call_score.value IS 'points / points_possible, 0 to 1; NULL where nothing was judged';
