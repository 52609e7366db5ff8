CREATE TABLE IF NOT EXISTS sentence_score (
    recording_id VARCHAR NOT NULL,
    turn_index INTEGER NOT NULL CHECK (turn_index >= 0),
    role VARCHAR NOT NULL CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    phrase_group VARCHAR NOT NULL,
    score DOUBLE NOT NULL CHECK (score BETWEEN 0 AND 1)
);

COMMENT ON TABLE sentence_score IS 'One row per sentence and group of phrases that it comes near in meaning; sentences far from a group have none';
COMMENT ON COLUMN sentence_score.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN sentence_score.turn_index IS 'The turn in which the sentence begins';
COMMENT ON COLUMN sentence_score.role IS 'Who says it: agent, customer, ivr or unknown';
COMMENT ON COLUMN sentence_score.start_s IS 'Start of its first word, in seconds from the start of the recording';
COMMENT ON COLUMN sentence_score.end_s IS 'End of its last word, in seconds from the start of the recording';
COMMENT ON COLUMN sentence_score.phrase_group IS 'The group of phrases, named after its rule';
COMMENT ON COLUMN sentence_score.score IS 'Probability that the sentence says what the group''s phrases say, 0 to 1, by the model in `analysis.gate`';
