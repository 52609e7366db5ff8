CREATE TABLE IF NOT EXISTS sound (
    recording_id VARCHAR NOT NULL,
    channel INTEGER NOT NULL CHECK (channel >= 0),
    kind VARCHAR NOT NULL CHECK (kind IN ('music', 'tones', 'ringing', 'busy', 'dtmf', 'beep', 'cut')),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    frequency_hz DOUBLE CHECK (frequency_hz > 0),
    track_id VARCHAR
);

COMMENT ON TABLE sound IS 'One row per stretch of music or tones on a channel, or in which the recorder was stopped';
COMMENT ON COLUMN sound.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN sound.channel IS 'Channel, from 0 (left)';
COMMENT ON COLUMN sound.kind IS 'music, ringing, busy (also reorder), dtmf (a key; which one is not kept), beep (a short single tone), tones (any other) or cut (not even noise, in the middle of a line that has some)';
COMMENT ON COLUMN sound.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN sound.end_s IS 'End in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN sound.frequency_hz IS 'Frequency of a beep or other single tone in hertz; NULL for music and for tones of several frequencies';
COMMENT ON COLUMN sound.track_id IS 'The known track that the music is from, see table hold_track; NULL when it is from none';
