CREATE OR REPLACE VIEW agent_rule AS
SELECT
    call.agent_id,
    finding.rule_id,
    count(*) FILTER (WHERE finding.verdict = 'pass') AS passes,
    count(*) FILTER (WHERE finding.verdict = 'fail') AS fails,
    count(*) FILTER (WHERE finding.verdict = 'not_applicable') AS not_applicable,
    count(*) FILTER (WHERE finding.verdict = 'not_determinable') AS not_determinable,
    count(*) FILTER (WHERE finding.verdict = 'pass')
    / nullif(count(*) FILTER (WHERE finding.verdict IN ('pass', 'fail')), 0) AS pass_rate
FROM finding
INNER JOIN call ON call.recording_id = finding.recording_id
INNER JOIN recording ON recording.recording_id = finding.recording_id
WHERE coalesce(recording.call_kind, 'conversation') = 'conversation'
GROUP BY call.agent_id, finding.rule_id
ORDER BY call.agent_id, finding.rule_id;

COMMENT ON VIEW agent_rule IS 'One row per agent and rule: how often it passed and failed, in conversations';
COMMENT ON COLUMN agent_rule.agent_id IS 'The agent''s identifier; NULL stands for all calls without one';
COMMENT ON COLUMN agent_rule.rule_id IS 'The rule';
COMMENT ON COLUMN agent_rule.passes IS 'Number of calls that passed';
COMMENT ON COLUMN agent_rule.fails IS 'Number of calls that failed';
COMMENT ON COLUMN agent_rule.not_applicable IS 'Number of calls to which the rule did not apply';
COMMENT ON COLUMN agent_rule.not_determinable IS 'Number of calls that could not be judged';
COMMENT ON COLUMN agent_rule.pass_rate IS 'passes / (passes + fails), 0 to 1; NULL without either';
