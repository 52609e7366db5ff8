CREATE OR REPLACE VIEW verdict_change AS
SELECT
    verdict_history.changed_at,
    verdict_history.recording_id,
    call.call_ref,
    recording.uri,
    call.started_at,
    call.queue,
    call.agent_id,
    call.agent_name,
    verdict_history.rule_id,
    verdict_history.old_verdict,
    verdict_history.new_verdict,
    verdict_history.old_rule_version,
    verdict_history.new_rule_version,
    verdict_history.cause,
    verdict_history.old_start_s,
    verdict_history.new_start_s,
    verdict_history.old_quote,
    verdict_history.new_quote
FROM verdict_history
LEFT JOIN recording ON recording.recording_id = verdict_history.recording_id
LEFT JOIN call ON call.recording_id = verdict_history.recording_id;

COMMENT ON VIEW verdict_change IS 'One row per verdict that changed when a stored call was rechecked or analysed again, with its call';
COMMENT ON COLUMN verdict_change.changed_at IS 'When the verdict changed, instant';
COMMENT ON COLUMN verdict_change.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN verdict_change.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN verdict_change.uri IS 'Where the file was last seen';
COMMENT ON COLUMN verdict_change.started_at IS 'When the call began, instant';
COMMENT ON COLUMN verdict_change.queue IS 'Queue or team that took the call';
COMMENT ON COLUMN verdict_change.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN verdict_change.agent_name IS 'The agent''s name';
COMMENT ON COLUMN verdict_change.rule_id IS 'The rule';
COMMENT ON COLUMN verdict_change.old_verdict IS 'Verdict before the change: pass, fail, not_applicable or not_determinable';
COMMENT ON COLUMN verdict_change.new_verdict IS 'Verdict after the change';
COMMENT ON COLUMN verdict_change.old_rule_version IS 'Version of the rule before the change';
COMMENT ON COLUMN verdict_change.new_rule_version IS 'Version of the rule after the change';
COMMENT ON COLUMN verdict_change.cause IS 'recheck (from the stored words and events) or analysis (from the audio)';
COMMENT ON COLUMN verdict_change.old_start_s IS 'Start of the evidence before the change, in seconds from the start of the recording';
COMMENT ON COLUMN verdict_change.new_start_s IS 'Start of the evidence after the change, in seconds from the start of the recording';
COMMENT ON COLUMN verdict_change.old_quote IS 'The words that decided before the change';
COMMENT ON COLUMN verdict_change.new_quote IS 'The words that decided after the change';
