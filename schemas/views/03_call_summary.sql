CREATE OR REPLACE VIEW call_summary AS
WITH measured AS (
    SELECT
        recording_id,
        max(value) FILTER (WHERE name = 'talk_ratio') AS agent_talk_ratio,
        max(value) FILTER (WHERE name = 'talk_time' AND role = 'agent') AS agent_talk_s,
        max(value) FILTER (WHERE name = 'talk_time' AND role = 'customer') AS customer_talk_s,
        max(value) FILTER (WHERE name = 'dead_air_count') AS dead_air_count,
        max(value) FILTER (WHERE name = 'dead_air_time') AS dead_air_s,
        -- An event that was looked for and not found counts 0; one that could not be looked for is NULL.
        count(value) FILTER (WHERE name = 'hold_count') > 0 AS holds_known,
        count(value) FILTER (WHERE name = 'interruptions' AND role = 'agent') > 0 AS by_agent_known,
        count(value) FILTER (WHERE name = 'interruptions' AND role = 'customer') > 0 AS by_customer_known
    FROM metric_value
    GROUP BY recording_id
),
held AS (
    SELECT
        recording_id,
        count(*) AS holds,
        sum(end_s - start_s) AS hold_s,
        max(end_s - start_s) AS longest_hold_s,
        count(*) FILTER (WHERE permission = 'granted') AS granted,
        count(*) FILTER (WHERE thanked) AS thanked
    FROM hold
    GROUP BY recording_id
),
interrupted AS (
    SELECT
        recording_id,
        count(*) FILTER (WHERE by_role = 'agent') AS by_agent,
        count(*) FILTER (WHERE by_role = 'customer') AS by_customer
    FROM overlap
    WHERE kind = 'interruption'
    GROUP BY recording_id
),
judged AS (
    SELECT
        recording_id,
        max(verdict) FILTER (WHERE rule_id = 'recording_disclosure') AS recording_disclosure,
        max(detail ->> 'status') FILTER (WHERE rule_id = 'recording_disclosure') AS disclosure_status,
        max(verdict) FILTER (WHERE rule_id = 'hold_permission') AS hold_permission,
        max(verdict) FILTER (WHERE rule_id = 'hold_thanks') AS hold_thanks,
        count(*) FILTER (WHERE verdict = 'pass') AS passes,
        count(*) FILTER (WHERE verdict = 'fail') AS fails,
        count(*) FILTER (WHERE verdict = 'not_determinable') AS not_determinable
    FROM finding
    GROUP BY recording_id
),
scored AS (
    SELECT
        recording_id,
        max(value) FILTER (WHERE score = 'compliance') AS compliance_score,
        max(value) FILTER (WHERE score = 'quality') AS quality_score,
        flatten(list(fatal_fail_rules ORDER BY score)) AS fatal_fail_rules
    FROM call_score
    GROUP BY recording_id
)
SELECT
    recording.recording_id,
    call.call_ref,
    recording.uri,
    call.started_at,
    call.direction,
    call.queue,
    call.agent_id,
    call.agent_name,
    recording.duration_s,
    recording.layout,
    recording.call_kind,
    recording.language,
    recording.language_probability,
    recording.language_source = 'default' AS language_unsure,
    measured.agent_talk_ratio,
    measured.agent_talk_s,
    measured.customer_talk_s,
    CASE WHEN measured.holds_known THEN coalesce(held.holds, 0) END AS hold_count,
    CASE WHEN measured.holds_known THEN coalesce(held.hold_s, 0.0) END AS hold_s,
    CASE WHEN measured.holds_known THEN coalesce(held.granted, 0) END AS holds_permission_granted,
    CASE WHEN measured.holds_known THEN coalesce(held.thanked, 0) END AS holds_thanked,
    CASE WHEN measured.holds_known THEN held.longest_hold_s END AS longest_hold_s,
    CASE WHEN measured.by_agent_known THEN coalesce(interrupted.by_agent, 0) END AS interruptions_by_agent,
    CASE WHEN measured.by_customer_known THEN coalesce(interrupted.by_customer, 0) END
        AS interruptions_by_customer,
    measured.dead_air_count::BIGINT AS dead_air_count,
    measured.dead_air_s,
    judged.recording_disclosure,
    judged.disclosure_status,
    judged.hold_permission,
    judged.hold_thanks,
    coalesce(judged.passes, 0) AS passes,
    coalesce(judged.fails, 0) AS fails,
    coalesce(judged.not_determinable, 0) AS not_determinable,
    judged.passes / nullif(judged.passes + judged.fails, 0) AS score,
    scored.compliance_score,
    scored.quality_score,
    coalesce(len(scored.fatal_fail_rules), 0) AS fatal_fails,
    coalesce(scored.fatal_fail_rules, []) AS fatal_fail_rules
FROM recording
LEFT JOIN call ON call.recording_id = recording.recording_id
LEFT JOIN measured ON measured.recording_id = recording.recording_id
LEFT JOIN held ON held.recording_id = recording.recording_id
LEFT JOIN interrupted ON interrupted.recording_id = recording.recording_id
LEFT JOIN judged ON judged.recording_id = recording.recording_id
LEFT JOIN scored ON scored.recording_id = recording.recording_id
WHERE recording.status = 'analysed';

COMMENT ON VIEW call_summary IS 'One wide row per analysed recording; NULL where a value is unknown or undefined';
COMMENT ON COLUMN call_summary.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN call_summary.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN call_summary.uri IS 'Where the file was last seen';
COMMENT ON COLUMN call_summary.started_at IS 'When the call began, instant';
COMMENT ON COLUMN call_summary.direction IS 'inbound or outbound, seen from the call centre';
COMMENT ON COLUMN call_summary.queue IS 'Queue or team that took the call';
COMMENT ON COLUMN call_summary.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN call_summary.agent_name IS 'The agent''s name';
COMMENT ON COLUMN call_summary.duration_s IS 'Length of the recording in seconds';
COMMENT ON COLUMN call_summary.layout IS 'stereo, mono or fake_stereo';
COMMENT ON COLUMN call_summary.call_kind IS 'Kind of call, such as conversation or voicemail; see table recording';
COMMENT ON COLUMN call_summary.language IS 'Language with most speech, ISO 639-1';
COMMENT ON COLUMN call_summary.language_probability IS 'Probability of that language, 0 to 1; NULL where it was given';
COMMENT ON COLUMN call_summary.language_unsure IS 'Whether no language was detected with enough probability, so that the default was taken';
COMMENT ON COLUMN call_summary.agent_talk_ratio IS 'Agent''s talk time / agent''s and customer''s talk time, 0 to 1';
COMMENT ON COLUMN call_summary.agent_talk_s IS 'Agent''s talk time in seconds, overlaps included';
COMMENT ON COLUMN call_summary.customer_talk_s IS 'Customer''s talk time in seconds, overlaps included';
COMMENT ON COLUMN call_summary.hold_count IS 'Number of holds';
COMMENT ON COLUMN call_summary.hold_s IS 'Time on hold in seconds';
COMMENT ON COLUMN call_summary.holds_permission_granted IS 'Number of holds the customer agreed to';
COMMENT ON COLUMN call_summary.holds_thanked IS 'Number of holds after which the agent gave thanks or apologised for the wait';
COMMENT ON COLUMN call_summary.longest_hold_s IS 'Longest hold in seconds; NULL without a hold';
COMMENT ON COLUMN call_summary.interruptions_by_agent IS 'Number of times the agent took the floor from the customer';
COMMENT ON COLUMN call_summary.interruptions_by_customer IS 'Number of times the customer took the floor from the agent';
COMMENT ON COLUMN call_summary.dead_air_count IS 'Number of long silences nobody announced';
COMMENT ON COLUMN call_summary.dead_air_s IS 'Length of those silences in seconds';
COMMENT ON COLUMN call_summary.recording_disclosure IS 'Verdict: was the recording disclosed in time';
COMMENT ON COLUMN call_summary.disclosure_status IS 'How the disclosure was, such as late, absent or partial';
COMMENT ON COLUMN call_summary.hold_permission IS 'Verdict: was permission asked and given for every hold';
COMMENT ON COLUMN call_summary.hold_thanks IS 'Verdict: was the customer thanked after every hold';
COMMENT ON COLUMN call_summary.passes IS 'Number of rules passed';
COMMENT ON COLUMN call_summary.fails IS 'Number of rules failed';
COMMENT ON COLUMN call_summary.not_determinable IS 'Number of rules that could not be judged; they count in no score';
COMMENT ON COLUMN call_summary.score IS 'passes / (passes + fails), 0 to 1: every rule alike, whatever its weight';
COMMENT ON COLUMN call_summary.compliance_score IS 'Share of the weight of compliance rules that was passed, 0 to 1; 0 after a fatal fail among them, NULL where none was judged';
COMMENT ON COLUMN call_summary.quality_score IS 'The same of the quality rules';
COMMENT ON COLUMN call_summary.fatal_fails IS 'Number of fatal rules failed; each makes its score 0';
COMMENT ON COLUMN call_summary.fatal_fail_rules IS 'Those rules, by id; empty without any';
