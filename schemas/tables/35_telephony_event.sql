-- What the telephone system gave stays beside what was heard: neither is corrected by the other.
CREATE TABLE IF NOT EXISTS telephony_event (
    recording_id VARCHAR NOT NULL,
    at_s DOUBLE CHECK (isfinite(at_s)),
    event VARCHAR NOT NULL,
    party VARCHAR,
    value VARCHAR,
    source VARCHAR NOT NULL,
    told_at TIMESTAMPTZ,
    offset_s DOUBLE NOT NULL CHECK (isfinite(offset_s)),
    offset_from VARCHAR NOT NULL CHECK (offset_from IN ('sound', 'assumed', 'given')),
    CHECK ((told_at IS NULL) = (offset_from = 'given'))
);

COMMENT ON TABLE telephony_event IS 'One row per event of a call that the telephone system gave';
COMMENT ON COLUMN telephony_event.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN telephony_event.at_s IS 'When it happened in seconds from the start of the recording, negative before it; NULL for counts and sums over the call';
COMMENT ON COLUMN telephony_event.event IS 'hold and unhold, mute and unmute, join and drop of a party, keydown and keyup (never which key); hold_count, hold_s and longest_hold_s for the call; others as the system names them';
COMMENT ON COLUMN telephony_event.party IS 'Whom it happened to, such as customer or agent; NULL when it was not given';
COMMENT ON COLUMN telephony_event.value IS 'What belongs to it, such as the number of holds, their length in seconds or the music; NULL without any';
COMMENT ON COLUMN telephony_event.source IS 'Kind of file that gave it: vcon, genesys, connect or table';
COMMENT ON COLUMN telephony_event.told_at IS 'The instant as it was given; NULL where seconds were given';
COMMENT ON COLUMN telephony_event.offset_s IS 'Correction of the telephone system''s clock in seconds, added to told_at - started_at';
COMMENT ON COLUMN telephony_event.offset_from IS 'How the correction is known: sound (from music, cuts and holds in the recording), assumed (0, nothing to compare) or given (in seconds of the recording, no clock)';
