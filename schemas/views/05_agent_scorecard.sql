-- Every measure is pooled as sum / sum over the calls in which it is defined, never as a mean of ratios.
CREATE OR REPLACE VIEW agent_scorecard AS
WITH pooled AS (
    SELECT
        call.agent_id,
        metric.name,
        metric.role,
        sum(metric.numerator) AS numerator,
        sum(metric.denominator) AS denominator
    FROM metric
    INNER JOIN call ON call.recording_id = metric.recording_id
    INNER JOIN recording ON recording.recording_id = metric.recording_id
    WHERE metric.denominator > 0 AND coalesce(recording.call_kind, 'conversation') = 'conversation'
    GROUP BY call.agent_id, metric.name, metric.role
),
measured AS (
    SELECT
        agent_id,
        max(numerator) FILTER (WHERE name = 'talk_ratio') AS agent_talk_s,
        max(denominator) FILTER (WHERE name = 'talk_ratio') AS talk_s,
        max(numerator) FILTER (WHERE name = 'hold_count')::BIGINT AS holds,
        max(numerator) FILTER (WHERE name = 'hold_time') AS hold_s,
        max(denominator) FILTER (WHERE name = 'hold_count')::BIGINT AS hold_calls,
        max(numerator) FILTER (WHERE name = 'interruptions' AND role = 'agent')::BIGINT AS interruptions,
        max(denominator) FILTER (WHERE name = 'interruptions' AND role = 'agent') AS customer_talk_min,
        max(numerator) FILTER (WHERE name = 'agent_overtalk')::BIGINT AS overtalk_turns,
        max(denominator) FILTER (WHERE name = 'agent_overtalk')::BIGINT AS agent_turns,
        max(numerator) FILTER (WHERE name = 'dead_air_count')::BIGINT AS dead_airs,
        max(numerator) FILTER (WHERE name = 'dead_air_time') AS dead_air_s,
        max(denominator) FILTER (WHERE name = 'dead_air_count')::BIGINT AS dead_air_calls
    FROM pooled
    GROUP BY agent_id
),
judged AS (
    SELECT
        agent_id,
        max(passes) FILTER (WHERE rule_id = 'recording_disclosure') AS disclosure_passes,
        max(fails) FILTER (WHERE rule_id = 'recording_disclosure') AS disclosure_fails,
        max(pass_rate) FILTER (WHERE rule_id = 'recording_disclosure') AS disclosure_pass_rate,
        max(passes) FILTER (WHERE rule_id = 'hold_permission') AS hold_permission_passes,
        max(fails) FILTER (WHERE rule_id = 'hold_permission') AS hold_permission_fails,
        max(pass_rate) FILTER (WHERE rule_id = 'hold_permission') AS hold_permission_pass_rate,
        max(passes) FILTER (WHERE rule_id = 'hold_thanks') AS hold_thanks_passes,
        max(fails) FILTER (WHERE rule_id = 'hold_thanks') AS hold_thanks_fails,
        max(pass_rate) FILTER (WHERE rule_id = 'hold_thanks') AS hold_thanks_pass_rate,
        map_from_entries(list((rule_id, pass_rate) ORDER BY rule_id)) AS pass_rates,
        map_from_entries(list((
            rule_id,
            {
                'passes': passes,
                'fails': fails,
                'not_applicable': not_applicable,
                'not_determinable': not_determinable
            }
        ) ORDER BY rule_id)) AS rule_counts,
        sum(passes)::BIGINT AS passes,
        sum(fails)::BIGINT AS fails
    FROM agent_rule
    GROUP BY agent_id
),
scored AS (
    SELECT
        call.agent_id,
        sum(call_score.points) FILTER (WHERE call_score.score = 'compliance') AS compliance_points,
        sum(call_score.points_possible) FILTER (WHERE call_score.score = 'compliance')
            AS compliance_points_possible,
        sum(call_score.points) FILTER (WHERE call_score.score = 'quality') AS quality_points,
        sum(call_score.points_possible) FILTER (WHERE call_score.score = 'quality') AS quality_points_possible,
        sum(call_score.fatal_fails)::BIGINT AS fatal_fails,
        count(DISTINCT call_score.recording_id) FILTER (WHERE call_score.fatal_fails > 0) AS fatal_fail_calls
    FROM call_score
    INNER JOIN call ON call.recording_id = call_score.recording_id
    INNER JOIN recording ON recording.recording_id = call_score.recording_id
    WHERE coalesce(recording.call_kind, 'conversation') = 'conversation'
    GROUP BY call.agent_id
),
calls AS (
    SELECT
        agent_id,
        max(agent_name) AS agent_name,
        count(*) FILTER (WHERE conversation) AS calls,
        count(*) FILTER (WHERE NOT conversation) AS other_calls,
        sum(duration_s) FILTER (WHERE conversation) AS duration_s,
        sum(duration_s) FILTER (WHERE conversation)
        / nullif(count(duration_s) FILTER (WHERE conversation), 0) AS duration_s_per_call
    FROM (
        SELECT
            *,
            coalesce(call_kind, 'conversation') = 'conversation' AS conversation
        FROM call_summary
    ) AS summary
    GROUP BY agent_id
)
SELECT
    calls.agent_id,
    calls.agent_name,
    calls.calls,
    calls.other_calls,
    calls.duration_s,
    calls.duration_s_per_call,
    measured.agent_talk_s,
    measured.talk_s,
    measured.agent_talk_s / measured.talk_s AS agent_talk_ratio,
    measured.holds,
    measured.hold_s,
    measured.hold_calls,
    measured.holds / measured.hold_calls AS holds_per_call,
    measured.hold_s / measured.hold_calls AS hold_s_per_call,
    measured.interruptions,
    measured.customer_talk_min,
    measured.interruptions / measured.customer_talk_min AS interruptions_per_min,
    measured.overtalk_turns,
    measured.agent_turns,
    measured.overtalk_turns / measured.agent_turns AS overtalk_ratio,
    measured.dead_airs,
    measured.dead_air_s,
    measured.dead_air_calls,
    measured.dead_airs / measured.dead_air_calls AS dead_air_per_call,
    measured.dead_air_s / measured.dead_air_calls AS dead_air_s_per_call,
    judged.disclosure_passes,
    judged.disclosure_fails,
    judged.disclosure_pass_rate,
    judged.hold_permission_passes,
    judged.hold_permission_fails,
    judged.hold_permission_pass_rate,
    judged.hold_thanks_passes,
    judged.hold_thanks_fails,
    judged.hold_thanks_pass_rate,
    judged.pass_rates,
    judged.rule_counts,
    coalesce(judged.passes, 0) AS passes,
    coalesce(judged.fails, 0) AS fails,
    judged.passes / nullif(judged.passes + judged.fails, 0) AS score,
    scored.compliance_points,
    scored.compliance_points_possible,
    scored.compliance_points / nullif(scored.compliance_points_possible, 0) AS compliance_score,
    scored.quality_points,
    scored.quality_points_possible,
    scored.quality_points / nullif(scored.quality_points_possible, 0) AS quality_score,
    coalesce(scored.fatal_fails, 0) AS fatal_fails,
    coalesce(scored.fatal_fail_calls, 0) AS fatal_fail_calls
FROM calls
LEFT JOIN measured ON measured.agent_id IS NOT DISTINCT FROM calls.agent_id
LEFT JOIN judged ON judged.agent_id IS NOT DISTINCT FROM calls.agent_id
LEFT JOIN scored ON scored.agent_id IS NOT DISTINCT FROM calls.agent_id
ORDER BY calls.agent_id;

COMMENT ON VIEW agent_scorecard IS 'One row per agent over the analysed calls; pooled, so that long calls weigh more than short ones';
COMMENT ON COLUMN agent_scorecard.agent_id IS 'The agent''s identifier; NULL stands for all calls without one';
COMMENT ON COLUMN agent_scorecard.agent_name IS 'The agent''s name';
COMMENT ON COLUMN agent_scorecard.calls IS 'Number of analysed conversations';
COMMENT ON COLUMN agent_scorecard.other_calls IS 'Number of calls of other kinds, such as voicemails; they count in nothing else here';
COMMENT ON COLUMN agent_scorecard.duration_s IS 'Length of the recordings together in seconds';
COMMENT ON COLUMN agent_scorecard.duration_s_per_call IS 'Mean length of a recording in seconds';
COMMENT ON COLUMN agent_scorecard.agent_talk_s IS 'Agent''s talk time in seconds, over the calls where both parties'' was defined';
COMMENT ON COLUMN agent_scorecard.talk_s IS 'Agent''s and customer''s talk time in seconds, over the same calls';
COMMENT ON COLUMN agent_scorecard.agent_talk_ratio IS 'agent_talk_s / talk_s, 0 to 1';
COMMENT ON COLUMN agent_scorecard.holds IS 'Number of holds';
COMMENT ON COLUMN agent_scorecard.hold_s IS 'Time on hold in seconds';
COMMENT ON COLUMN agent_scorecard.hold_calls IS 'Number of calls in which holds could be detected, with or without one';
COMMENT ON COLUMN agent_scorecard.holds_per_call IS 'holds / hold_calls';
COMMENT ON COLUMN agent_scorecard.hold_s_per_call IS 'hold_s / hold_calls, in seconds';
COMMENT ON COLUMN agent_scorecard.interruptions IS 'Number of interruptions by the agent';
COMMENT ON COLUMN agent_scorecard.customer_talk_min IS 'Customer''s talk time in minutes, over the calls where interruptions could be detected';
COMMENT ON COLUMN agent_scorecard.interruptions_per_min IS 'interruptions / customer_talk_min, per minute';
COMMENT ON COLUMN agent_scorecard.overtalk_turns IS 'Number of agent turns begun inside a customer turn';
COMMENT ON COLUMN agent_scorecard.agent_turns IS 'Number of agent turns';
COMMENT ON COLUMN agent_scorecard.overtalk_ratio IS 'overtalk_turns / agent_turns, 0 to 1';
COMMENT ON COLUMN agent_scorecard.dead_airs IS 'Number of long unannounced silences';
COMMENT ON COLUMN agent_scorecard.dead_air_s IS 'Length of those silences in seconds';
COMMENT ON COLUMN agent_scorecard.dead_air_calls IS 'Number of calls in which they could be detected, with or without one';
COMMENT ON COLUMN agent_scorecard.dead_air_per_call IS 'dead_airs / dead_air_calls';
COMMENT ON COLUMN agent_scorecard.dead_air_s_per_call IS 'dead_air_s / dead_air_calls, in seconds';
COMMENT ON COLUMN agent_scorecard.disclosure_passes IS 'Number of calls that passed recording_disclosure';
COMMENT ON COLUMN agent_scorecard.disclosure_fails IS 'Number of calls that failed it';
COMMENT ON COLUMN agent_scorecard.disclosure_pass_rate IS 'disclosure_passes / (disclosure_passes + disclosure_fails), 0 to 1';
COMMENT ON COLUMN agent_scorecard.hold_permission_passes IS 'Number of calls that passed hold_permission';
COMMENT ON COLUMN agent_scorecard.hold_permission_fails IS 'Number of calls that failed it';
COMMENT ON COLUMN agent_scorecard.hold_permission_pass_rate IS 'Passes / (passes + fails) of hold_permission, 0 to 1';
COMMENT ON COLUMN agent_scorecard.hold_thanks_passes IS 'Number of calls that passed hold_thanks';
COMMENT ON COLUMN agent_scorecard.hold_thanks_fails IS 'Number of calls that failed it';
COMMENT ON COLUMN agent_scorecard.hold_thanks_pass_rate IS 'Passes / (passes + fails) of hold_thanks, 0 to 1';
COMMENT ON COLUMN agent_scorecard.pass_rates IS 'Pass rate of every rule by its id, 0 to 1; NULL where it never passed or failed';
COMMENT ON COLUMN agent_scorecard.rule_counts IS 'Number of calls by rule id and verdict';
COMMENT ON COLUMN agent_scorecard.passes IS 'Number of rules passed, over all calls';
COMMENT ON COLUMN agent_scorecard.fails IS 'Number of rules failed, over all calls';
COMMENT ON COLUMN agent_scorecard.score IS 'passes / (passes + fails), 0 to 1: every rule alike, whatever its weight';
COMMENT ON COLUMN agent_scorecard.compliance_points IS 'Weight of the compliance rules passed, over all calls; a call with a fatal fail among them adds 0';
COMMENT ON COLUMN agent_scorecard.compliance_points_possible IS 'Weight of the compliance rules passed or failed, over all calls';
COMMENT ON COLUMN agent_scorecard.compliance_score IS 'compliance_points / compliance_points_possible, 0 to 1; NULL where nothing was judged';
COMMENT ON COLUMN agent_scorecard.quality_points IS 'Weight of the quality rules passed, over all calls; a call with a fatal fail among them adds 0';
COMMENT ON COLUMN agent_scorecard.quality_points_possible IS 'Weight of the quality rules passed or failed, over all calls';
COMMENT ON COLUMN agent_scorecard.quality_score IS 'quality_points / quality_points_possible, 0 to 1; NULL where nothing was judged';
COMMENT ON COLUMN agent_scorecard.fatal_fails IS 'Number of fatal rules failed, over all calls';
COMMENT ON COLUMN agent_scorecard.fatal_fail_calls IS 'Number of calls with a fatal fail';
