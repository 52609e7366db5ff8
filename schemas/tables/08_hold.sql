CREATE TABLE IF NOT EXISTS hold (
    recording_id VARCHAR NOT NULL,
    hold_index INTEGER NOT NULL CHECK (hold_index >= 0),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    kind VARCHAR NOT NULL CHECK (kind IN ('music', 'silence', 'tones', 'announcement', 'mixed')),
    permission VARCHAR NOT NULL
        CHECK (permission IN ('granted', 'refused', 'not_awaited', 'not_asked', 'not_determinable')),
    thanked BOOLEAN,
    request_turn_index INTEGER CHECK (request_turn_index >= 0),
    return_turn_index INTEGER CHECK (return_turn_index >= 0),
    track_id VARCHAR
);

COMMENT ON TABLE hold IS 'One row per hold: from the last word before it to the agent''s first word after it';
COMMENT ON COLUMN hold.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN hold.hold_index IS 'Number of the hold in the recording, from 0';
COMMENT ON COLUMN hold.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN hold.end_s IS 'End in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN hold.kind IS 'What played: music, silence, tones, announcement or mixed';
COMMENT ON COLUMN hold.permission IS 'granted, refused (held all the same), not_awaited, not_asked or not_determinable';
COMMENT ON COLUMN hold.thanked IS 'Whether the agent gave thanks or apologised for the wait; NULL when it cannot be determined';
COMMENT ON COLUMN hold.request_turn_index IS 'Turn in which the hold was asked for or announced, see table turn';
COMMENT ON COLUMN hold.return_turn_index IS 'The agent''s first turn after the hold, see table turn';
COMMENT ON COLUMN hold.track_id IS 'The known track that played longest in it, see table hold_track; NULL when none did';
