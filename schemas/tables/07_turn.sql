CREATE TABLE IF NOT EXISTS turn (
    recording_id VARCHAR NOT NULL,
    turn_index INTEGER NOT NULL CHECK (turn_index >= 0),
    speaker VARCHAR NOT NULL,
    role VARCHAR NOT NULL CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    channel INTEGER NOT NULL CHECK (channel >= 0),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    text VARCHAR NOT NULL
);

COMMENT ON TABLE turn IS 'One row per stretch of speech by one speaker';
COMMENT ON COLUMN turn.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN turn.turn_index IS 'Number of the turn in the recording, from 0';
COMMENT ON COLUMN turn.speaker IS 'Label of the speaker within this recording';
COMMENT ON COLUMN turn.role IS 'Who speaks: agent, customer, ivr or unknown';
COMMENT ON COLUMN turn.channel IS 'Channel, from 0 (left)';
COMMENT ON COLUMN turn.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN turn.end_s IS 'End in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN turn.text IS 'What is said';
