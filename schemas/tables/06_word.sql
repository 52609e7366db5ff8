CREATE TABLE IF NOT EXISTS word (
    recording_id VARCHAR NOT NULL,
    word_index INTEGER NOT NULL CHECK (word_index >= 0),
    turn_index INTEGER NOT NULL CHECK (turn_index >= 0),
    role VARCHAR NOT NULL CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    channel INTEGER NOT NULL CHECK (channel >= 0),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    text VARCHAR NOT NULL,
    probability DOUBLE NOT NULL CHECK (probability BETWEEN 0 AND 1)
);

COMMENT ON TABLE word IS 'One row per recognised word';
COMMENT ON COLUMN word.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN word.word_index IS 'Number of the word in the recording, from 0';
COMMENT ON COLUMN word.turn_index IS 'The turn it belongs to, see table turn';
COMMENT ON COLUMN word.role IS 'Who says it: agent, customer, ivr or unknown';
COMMENT ON COLUMN word.channel IS 'Channel, from 0 (left)';
COMMENT ON COLUMN word.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN word.end_s IS 'End in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN word.text IS 'The word with its punctuation';
COMMENT ON COLUMN word.probability IS 'The recogniser''s probability, 0 to 1';
