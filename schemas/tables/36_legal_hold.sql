-- Rows are kept after a release, so that it can be seen who held what; erasing a recording removes its rows.
CREATE TABLE IF NOT EXISTS legal_hold (
    recording_id VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    placed_at TIMESTAMPTZ NOT NULL,
    placed_by VARCHAR NOT NULL,
    until DATE,
    released_at TIMESTAMPTZ,
    released_by VARCHAR,
    CHECK ((released_at IS NULL) = (released_by IS NULL))
);

COMMENT ON TABLE legal_hold IS 'One row per legal hold on a recording, which keeps it from being erased';
COMMENT ON COLUMN legal_hold.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN legal_hold.reason IS 'The matter, in the words of who placed the hold';
COMMENT ON COLUMN legal_hold.placed_at IS 'When it was placed, instant';
COMMENT ON COLUMN legal_hold.placed_by IS 'Login name of who placed it';
COMMENT ON COLUMN legal_hold.until IS 'Last day of the hold, in UTC; NULL for one that lasts until it is released';
COMMENT ON COLUMN legal_hold.released_at IS 'When it was released, instant; NULL for one that was not';
COMMENT ON COLUMN legal_hold.released_by IS 'Login name of who released it; NULL for one that was not released';
