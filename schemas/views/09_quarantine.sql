CREATE OR REPLACE VIEW quarantine AS
SELECT
    recording.recording_id,
    recording.uri,
    call.call_ref,
    recording.error,
    recording.failure_kind,
    coalesce(quarantine_choice.choice = 'retry', FALSE) AS retry,
    recording.analysed_at
FROM recording
LEFT JOIN call ON call.recording_id = recording.recording_id
LEFT JOIN quarantine_choice ON quarantine_choice.recording_id = recording.recording_id
WHERE recording.status = 'quarantined' AND quarantine_choice.choice IS DISTINCT FROM 'drop'
ORDER BY recording.analysed_at, recording.uri;

COMMENT ON VIEW quarantine IS 'Recordings that could not be analysed, with the reason; files with equal bytes are listed each';
COMMENT ON COLUMN quarantine.recording_id IS 'The recording, 64 hex digits; of a file with the bytes of another one in quarantine, SHA-256 of these bytes'' SHA-256 and its uri';
COMMENT ON COLUMN quarantine.uri IS 'Where the file was last seen';
COMMENT ON COLUMN quarantine.call_ref IS 'The telephone system''s name for the call; NULL when unknown';
COMMENT ON COLUMN quarantine.error IS 'What was wrong, one line';
COMMENT ON COLUMN quarantine.failure_kind IS 'Kind of the failure, as recording.failure_kind';
COMMENT ON COLUMN quarantine.retry IS 'Whether a person wants the next run to try it again';
COMMENT ON COLUMN quarantine.analysed_at IS 'When it was tried, instant';
