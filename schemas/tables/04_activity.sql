-- Without a key, as all tables with many rows a recording: indexes would add a sixth to the store and double
-- the time of writing, and the rows of a recording are only ever written together, numbered by the writer.
CREATE TABLE IF NOT EXISTS activity (
    recording_id VARCHAR NOT NULL,
    channel INTEGER NOT NULL CHECK (channel >= 0),
    role VARCHAR NOT NULL CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s))
);

COMMENT ON TABLE activity IS 'One row per stretch in which a channel carries its own speaker''s voice';
COMMENT ON COLUMN activity.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN activity.channel IS 'Channel, from 0 (left)';
COMMENT ON COLUMN activity.role IS 'Who speaks: agent, customer, ivr or unknown';
COMMENT ON COLUMN activity.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN activity.end_s IS 'End in seconds from the start of the recording, exclusive';
