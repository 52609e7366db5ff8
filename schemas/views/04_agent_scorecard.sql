-- Every measure is pooled as sum / sum over the calls in which it is defined, never as a mean of ratios.
CREATE OR REPLACE VIEW agent_scorecard AS
WITH pooled AS (
    SELECT
        call.agent_id,
        metric_value.name,
        metric_value.role,
        sum(metric_value.numerator) / sum(metric_value.denominator) AS value
    FROM metric_value
    INNER JOIN call ON call.recording_id = metric_value.recording_id
    WHERE metric_value.value IS NOT NULL
    GROUP BY call.agent_id, metric_value.name, metric_value.role
),
measured AS (
    SELECT
        agent_id,
        max(value) FILTER (WHERE name = 'talk_ratio') AS agent_talk_ratio,
        max(value) FILTER (WHERE name = 'hold_count') AS holds_per_call,
        max(value) FILTER (WHERE name = 'hold_time') AS hold_s_per_call,
        max(value) FILTER (WHERE name = 'interruptions' AND role = 'agent') AS interruptions_per_min,
        max(value) FILTER (WHERE name = 'agent_overtalk') AS overtalk_ratio,
        max(value) FILTER (WHERE name = 'dead_air_count') AS dead_air_per_call,
        max(value) FILTER (WHERE name = 'dead_air_time') AS dead_air_s_per_call
    FROM pooled
    GROUP BY agent_id
),
judged AS (
    SELECT
        agent_id,
        max(pass_rate) FILTER (WHERE rule_id = 'recording_disclosure') AS disclosure_pass_rate,
        max(pass_rate) FILTER (WHERE rule_id = 'hold_permission') AS hold_permission_pass_rate,
        max(pass_rate) FILTER (WHERE rule_id = 'hold_thanks') AS hold_thanks_pass_rate,
        map_from_entries(list((rule_id, pass_rate) ORDER BY rule_id)) AS pass_rates,
        sum(passes)::BIGINT AS passes,
        sum(fails)::BIGINT AS fails
    FROM agent_rule
    GROUP BY agent_id
),
calls AS (
    SELECT
        agent_id,
        max(agent_name) AS agent_name,
        count(*) AS calls,
        sum(duration_s) / nullif(count(duration_s), 0) AS duration_s_per_call
    FROM call_summary
    GROUP BY agent_id
)
SELECT
    calls.agent_id,
    calls.agent_name,
    calls.calls,
    calls.duration_s_per_call,
    measured.agent_talk_ratio,
    measured.holds_per_call,
    measured.hold_s_per_call,
    measured.interruptions_per_min,
    measured.overtalk_ratio,
    measured.dead_air_per_call,
    measured.dead_air_s_per_call,
    judged.disclosure_pass_rate,
    judged.hold_permission_pass_rate,
    judged.hold_thanks_pass_rate,
    judged.pass_rates,
    coalesce(judged.passes, 0) AS passes,
    coalesce(judged.fails, 0) AS fails,
    judged.passes / nullif(judged.passes + judged.fails, 0) AS score
FROM calls
LEFT JOIN measured ON measured.agent_id IS NOT DISTINCT FROM calls.agent_id
LEFT JOIN judged ON judged.agent_id IS NOT DISTINCT FROM calls.agent_id
ORDER BY calls.agent_id;

COMMENT ON VIEW agent_scorecard IS 'One row per agent over the analysed calls; pooled, so that long calls weigh more than short ones';
COMMENT ON COLUMN agent_scorecard.agent_id IS 'The agent''s identifier; NULL stands for all calls without one';
COMMENT ON COLUMN agent_scorecard.agent_name IS 'The agent''s name';
COMMENT ON COLUMN agent_scorecard.calls IS 'Number of analysed calls';
COMMENT ON COLUMN agent_scorecard.duration_s_per_call IS 'Mean length of a recording in seconds';
COMMENT ON COLUMN agent_scorecard.agent_talk_ratio IS 'Agent''s talk time / agent''s and customer''s talk time, 0 to 1';
COMMENT ON COLUMN agent_scorecard.holds_per_call IS 'Mean number of holds in a call';
COMMENT ON COLUMN agent_scorecard.hold_s_per_call IS 'Mean time on hold in seconds a call';
COMMENT ON COLUMN agent_scorecard.interruptions_per_min IS 'Interruptions by the agent per minute of the customer''s talk time';
COMMENT ON COLUMN agent_scorecard.overtalk_ratio IS 'Agent turns begun inside a customer turn / agent turns, 0 to 1';
COMMENT ON COLUMN agent_scorecard.dead_air_per_call IS 'Mean number of long unannounced silences in a call';
COMMENT ON COLUMN agent_scorecard.dead_air_s_per_call IS 'Mean length of those silences in seconds a call';
COMMENT ON COLUMN agent_scorecard.disclosure_pass_rate IS 'Pass rate of recording_disclosure, 0 to 1';
COMMENT ON COLUMN agent_scorecard.hold_permission_pass_rate IS 'Pass rate of hold_permission, 0 to 1';
COMMENT ON COLUMN agent_scorecard.hold_thanks_pass_rate IS 'Pass rate of hold_thanks, 0 to 1';
COMMENT ON COLUMN agent_scorecard.pass_rates IS 'Pass rate of every rule by its id, 0 to 1; NULL where it never passed or failed';
COMMENT ON COLUMN agent_scorecard.passes IS 'Number of rules passed, over all calls';
COMMENT ON COLUMN agent_scorecard.fails IS 'Number of rules failed, over all calls';
COMMENT ON COLUMN agent_scorecard.score IS 'passes / (passes + fails), 0 to 1';
