CREATE OR REPLACE VIEW hold_report AS
SELECT
    hold.recording_id,
    call.call_ref,
    recording.uri,
    call.started_at,
    call.queue,
    call.agent_id,
    call.agent_name,
    hold.hold_index,
    count(*) OVER (PARTITION BY hold.recording_id) AS holds_in_call,
    hold.start_s,
    hold.end_s,
    hold.end_s - hold.start_s AS duration_s,
    hold.kind,
    hold.permission,
    hold.thanked,
    request.start_s AS request_start_s,
    request.text AS request_text,
    back.start_s AS return_start_s,
    back.text AS return_text
FROM hold
INNER JOIN recording ON recording.recording_id = hold.recording_id
LEFT JOIN call ON call.recording_id = hold.recording_id
LEFT JOIN turn AS request
    ON request.recording_id = hold.recording_id AND request.turn_index = hold.request_turn_index
LEFT JOIN turn AS back
    ON back.recording_id = hold.recording_id AND back.turn_index = hold.return_turn_index
ORDER BY call.started_at, hold.recording_id, hold.hold_index;

COMMENT ON VIEW hold_report IS 'One row per hold, with the facts of its call';
COMMENT ON COLUMN hold_report.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN hold_report.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN hold_report.uri IS 'Where the file was last seen';
COMMENT ON COLUMN hold_report.started_at IS 'When the call began, instant';
COMMENT ON COLUMN hold_report.queue IS 'Queue or team that took the call';
COMMENT ON COLUMN hold_report.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN hold_report.agent_name IS 'The agent''s name';
COMMENT ON COLUMN hold_report.hold_index IS 'Number of the hold in the recording, from 0';
COMMENT ON COLUMN hold_report.holds_in_call IS 'Number of holds in the recording';
COMMENT ON COLUMN hold_report.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN hold_report.end_s IS 'End in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN hold_report.duration_s IS 'Length of the hold in seconds';
COMMENT ON COLUMN hold_report.kind IS 'What played: music, silence, tones, announcement or mixed';
COMMENT ON COLUMN hold_report.permission IS 'granted, refused (held all the same), not_awaited, not_asked or not_determinable';
COMMENT ON COLUMN hold_report.thanked IS 'Whether the agent gave thanks or apologised for the wait; NULL when it cannot be determined';
COMMENT ON COLUMN hold_report.request_start_s IS 'Start of the turn that asked for or announced the hold, in seconds; NULL without one';
COMMENT ON COLUMN hold_report.request_text IS 'What was said in the turn that asked for the hold';
COMMENT ON COLUMN hold_report.return_start_s IS 'Start of the agent''s first turn after the hold, in seconds';
COMMENT ON COLUMN hold_report.return_text IS 'What the agent said first after the hold';
