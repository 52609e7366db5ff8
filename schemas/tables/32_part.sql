CREATE TABLE IF NOT EXISTS part (
    name VARCHAR PRIMARY KEY,
    loaded_at TIMESTAMPTZ NOT NULL,
    recordings INTEGER NOT NULL CHECK (recordings >= 0)
);

COMMENT ON TABLE part IS 'One row per part (finished calls in a file beside the store) that was loaded last, until its file is removed';
COMMENT ON COLUMN part.name IS 'Name of the file, without its suffix';
COMMENT ON COLUMN part.loaded_at IS 'When it was loaded, instant';
COMMENT ON COLUMN part.recordings IS 'Number of recordings in it';
