CREATE OR REPLACE VIEW call_summary AS
SELECT
    recording_id,
    call_ref,
    uri,
    started_at,
    direction,
    queue,
    agent_id,
    agent_name,
    duration_s,
    layout,
    call_kind,
    language,
    language_probability,
    language_unsure,
    agent_talk_ratio,
    agent_talk_s,
    customer_talk_s,
    hold_count,
    hold_s,
    holds_permission_granted,
    holds_thanked,
    longest_hold_s,
    interruptions_by_agent,
    interruptions_by_customer,
    dead_air_count,
    dead_air_s,
    recording_disclosure,
    disclosure_status,
    hold_permission,
    hold_thanks,
    passes,
    fails,
    not_determinable,
    score,
    compliance_score,
    quality_score,
    fatal_fails,
    fatal_fail_rules
FROM summary;

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
