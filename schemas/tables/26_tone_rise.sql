CREATE TABLE IF NOT EXISTS tone_rise (
    recording_id VARCHAR NOT NULL,
    speaker VARCHAR NOT NULL,
    role VARCHAR NOT NULL CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    low DOUBLE NOT NULL CHECK (low BETWEEN -1 AND 1),
    high DOUBLE NOT NULL CHECK (high BETWEEN low AND 1)
);

COMMENT ON TABLE tone_rise IS 'One row per speaker whose activation rises clearly: the greatest rise; agents only if `tone.agents` is set';
COMMENT ON COLUMN tone_rise.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN tone_rise.speaker IS 'Label of the speaker within this recording';
COMMENT ON COLUMN tone_rise.role IS 'Who speaks: agent, customer, ivr or unknown';
COMMENT ON COLUMN tone_rise.start_s IS 'Start of the rise, in seconds from the start of the recording';
COMMENT ON COLUMN tone_rise.end_s IS 'End of the rise, in seconds from the start of the recording';
COMMENT ON COLUMN tone_rise.low IS 'Smoothed activation at its start, -1 to 1';
COMMENT ON COLUMN tone_rise.high IS 'Smoothed activation at its end, -1 to 1';
