CREATE TABLE IF NOT EXISTS sound (
    recording_id VARCHAR NOT NULL,
    channel INTEGER NOT NULL CHECK (channel >= 0),
    kind VARCHAR NOT NULL CHECK (kind IN ('music', 'tones')),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s))
);

COMMENT ON TABLE sound IS 'One row per stretch of music or tones on a channel';
COMMENT ON COLUMN sound.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN sound.channel IS 'Channel, from 0 (left)';
COMMENT ON COLUMN sound.kind IS 'music or tones';
COMMENT ON COLUMN sound.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN sound.end_s IS 'End in seconds from the start of the recording, exclusive';
