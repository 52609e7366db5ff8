CREATE TABLE IF NOT EXISTS hold_track (
    track_id VARCHAR PRIMARY KEY,
    learned_at TIMESTAMPTZ NOT NULL,
    recordings INTEGER NOT NULL CHECK (recordings >= 1),
    landmarks UINTEGER[] NOT NULL,
    frames UINTEGER[] NOT NULL CHECK (len(frames) = len(landmarks))
);

COMMENT ON TABLE hold_track IS 'One row per piece of hold music that occurs in several recordings';
COMMENT ON COLUMN hold_track.track_id IS 'Name of the track, 16 hex digits';
COMMENT ON COLUMN hold_track.learned_at IS 'When it became known, instant';
COMMENT ON COLUMN hold_track.recordings IS 'Number of recordings it was learned from';
COMMENT ON COLUMN hold_track.landmarks IS 'Pairs of spectral peaks, each packed into a number: two frequencies and the time between';
COMMENT ON COLUMN hold_track.frames IS 'When each pair begins, in frames of 32 ms from the first';
