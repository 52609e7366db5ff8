CREATE OR REPLACE VIEW quarantine AS
SELECT
    recording_id,
    uri,
    error,
    analysed_at
FROM recording
WHERE status = 'quarantined'
ORDER BY analysed_at, uri;

COMMENT ON VIEW quarantine IS 'Recordings that could not be analysed, with the reason';
COMMENT ON COLUMN quarantine.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN quarantine.uri IS 'Where the file was last seen';
COMMENT ON COLUMN quarantine.error IS 'What was wrong, one line';
COMMENT ON COLUMN quarantine.analysed_at IS 'When it was tried, instant';
