CREATE TABLE IF NOT EXISTS silence (
    recording_id VARCHAR NOT NULL,
    silence_index INTEGER NOT NULL CHECK (silence_index >= 0),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    announced BOOLEAN NOT NULL,
    kind VARCHAR NOT NULL CHECK (kind IN ('silence', 'recorder_pause'))
);

COMMENT ON TABLE silence IS 'One row per silence above the threshold that is not a hold';
COMMENT ON COLUMN silence.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN silence.silence_index IS 'Number of the silence in the recording, from 0';
COMMENT ON COLUMN silence.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN silence.end_s IS 'End in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN silence.announced IS 'Whether the agent said beforehand that it would come';
COMMENT ON COLUMN silence.kind IS 'silence, or recorder_pause where the recorder was stopped (no dead air)';
