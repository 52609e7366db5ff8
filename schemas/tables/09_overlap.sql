CREATE TABLE IF NOT EXISTS overlap (
    recording_id VARCHAR NOT NULL,
    overlap_index INTEGER NOT NULL CHECK (overlap_index >= 0),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    by_role VARCHAR NOT NULL CHECK (by_role IN ('agent', 'customer', 'ivr', 'unknown')),
    of_role VARCHAR NOT NULL CHECK (of_role IN ('agent', 'customer', 'ivr', 'unknown')),
    kind VARCHAR NOT NULL
        CHECK (kind IN ('interruption', 'attempt', 'backchannel', 'terminal', 'simultaneous_start'))
);

COMMENT ON TABLE overlap IS 'One row per stretch of simultaneous speech';
COMMENT ON COLUMN overlap.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN overlap.overlap_index IS 'Number of the overlap in the recording, from 0';
COMMENT ON COLUMN overlap.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN overlap.end_s IS 'End in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN overlap.by_role IS 'Who started while the other spoke: agent, customer, ivr or unknown';
COMMENT ON COLUMN overlap.of_role IS 'Who was speaking: agent, customer, ivr or unknown';
COMMENT ON COLUMN overlap.kind IS 'interruption, attempt, backchannel, terminal or simultaneous_start';
