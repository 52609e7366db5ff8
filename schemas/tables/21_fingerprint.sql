CREATE TABLE IF NOT EXISTS fingerprint (
    recording_id VARCHAR NOT NULL,
    channel INTEGER NOT NULL CHECK (channel >= 0),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    landmarks UINTEGER[] NOT NULL,
    frames UINTEGER[] NOT NULL CHECK (len(frames) = len(landmarks)),
    track_id VARCHAR
);

COMMENT ON TABLE fingerprint IS 'One row per stretch of music that no known track covers: its fingerprint';
COMMENT ON COLUMN fingerprint.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN fingerprint.channel IS 'Channel, from 0 (left)';
COMMENT ON COLUMN fingerprint.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN fingerprint.end_s IS 'End in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN fingerprint.landmarks IS 'Pairs of spectral peaks, each packed into a number: two frequencies and the time between';
COMMENT ON COLUMN fingerprint.frames IS 'When each pair begins, in frames of 32 ms from start_s';
COMMENT ON COLUMN fingerprint.track_id IS 'The track that was learned from it, see table hold_track; NULL for music found once';
