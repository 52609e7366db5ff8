-- A path can hold one recording today and another tomorrow, so that it is no key by itself.
CREATE TABLE IF NOT EXISTS recording_file (
    recording_id VARCHAR NOT NULL,
    uri VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL CHECK (regexp_full_match(sha256, '[0-9a-f]{64}')),
    part VARCHAR NOT NULL CHECK (part IN ('whole', 'leg', 'mix', 'copy')),
    leg_index INTEGER CHECK (leg_index >= 0)
);

COMMENT ON TABLE recording_file IS 'One row per file of a recording';
COMMENT ON COLUMN recording_file.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN recording_file.uri IS 'Where the file was last seen';
COMMENT ON COLUMN recording_file.sha256 IS 'SHA-256 of the file''s bytes, 64 hex digits';
COMMENT ON COLUMN recording_file.part IS 'whole (the recording), leg (one side of it), mix (of its legs) or copy (the same again, also in another format)';
COMMENT ON COLUMN recording_file.leg_index IS 'Channel that a leg became, from 0; NULL for other parts';
