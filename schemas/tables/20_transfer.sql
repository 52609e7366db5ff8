CREATE TABLE IF NOT EXISTS transfer (
    recording_id VARCHAR NOT NULL,
    transfer_index INTEGER NOT NULL CHECK (transfer_index >= 0),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE CHECK (end_s >= start_s AND isfinite(end_s)),
    turn_index INTEGER NOT NULL CHECK (turn_index >= 0),
    kind VARCHAR NOT NULL CHECK (kind IN ('announced', 'completed', 'returned'))
);

COMMENT ON TABLE transfer IS 'One row per transfer that the agent announces';
COMMENT ON COLUMN transfer.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN transfer.transfer_index IS 'Number of the transfer in the recording, from 0';
COMMENT ON COLUMN transfer.start_s IS 'End of the announcement in seconds from the start of the recording';
COMMENT ON COLUMN transfer.end_s IS 'First word of whoever takes over or comes back, in seconds from the start of the recording; NULL when nobody speaks';
COMMENT ON COLUMN transfer.turn_index IS 'Turn of the announcement, see table turn';
COMMENT ON COLUMN transfer.kind IS 'completed (somebody else takes over), returned (the same agent comes back) or announced (the recording does not show)';
