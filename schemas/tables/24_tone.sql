CREATE TABLE IF NOT EXISTS tone (
    recording_id VARCHAR NOT NULL,
    turn_index INTEGER NOT NULL CHECK (turn_index >= 0),
    speech_s DOUBLE NOT NULL CHECK (speech_s >= 0 AND isfinite(speech_s)),
    voiced_s DOUBLE NOT NULL CHECK (voiced_s >= 0 AND isfinite(voiced_s)),
    usable_share DOUBLE NOT NULL CHECK (usable_share BETWEEN 0 AND 1),
    voiced_share DOUBLE CHECK (voiced_share BETWEEN 0 AND 1),
    pitch_semitones DOUBLE CHECK (isfinite(pitch_semitones)),
    pitch_range_semitones DOUBLE CHECK (pitch_range_semitones >= 0 AND isfinite(pitch_range_semitones)),
    level_db DOUBLE CHECK (isfinite(level_db)),
    level_variation_db DOUBLE CHECK (level_variation_db >= 0 AND isfinite(level_variation_db)),
    effort_db DOUBLE CHECK (isfinite(effort_db)),
    words_per_min DOUBLE CHECK (words_per_min >= 0 AND isfinite(words_per_min)),
    syllables_per_min DOUBLE CHECK (syllables_per_min > 0 AND isfinite(syllables_per_min)),
    pause_share DOUBLE CHECK (pause_share BETWEEN 0 AND 1),
    activation DOUBLE CHECK (activation BETWEEN -1 AND 1),
    word_sentiment DOUBLE CHECK (word_sentiment BETWEEN -1 AND 1)
);

COMMENT ON TABLE tone IS 'One row per turn: how it was said, relative to the speaker''s median in this call';
COMMENT ON COLUMN tone.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN tone.turn_index IS 'The turn';
COMMENT ON COLUMN tone.speech_s IS 'Speech of the speaker in the turn, without pauses, in seconds';
COMMENT ON COLUMN tone.voiced_s IS 'Part of it that has a pitch and could be measured, in seconds; all below is NULL for too little of it';
COMMENT ON COLUMN tone.usable_share IS 'Share of the speech that could be measured, 0 to 1: the rest is crosstalk, overlap, music, clipped or noise';
COMMENT ON COLUMN tone.voiced_share IS 'Share of the usable speech that has a pitch, 0 to 1';
COMMENT ON COLUMN tone.pitch_semitones IS 'Median pitch in semitones above the speaker''s own median; NULL where too few turns show what that is';
COMMENT ON COLUMN tone.pitch_range_semitones IS 'Pitch from its 10th to its 90th percentile within the turn in semitones';
COMMENT ON COLUMN tone.level_db IS 'Level of the usable speech (its mean power) in dB above the speaker''s own median';
COMMENT ON COLUMN tone.level_variation_db IS 'Standard deviation of the level of voiced speech within the turn in dB';
COMMENT ON COLUMN tone.effort_db IS 'Energy from 1 to 3.4 kHz over that from 0.3 to 1 kHz, in dB above the speaker''s own median; rises with vocal effort at any gain';
COMMENT ON COLUMN tone.words_per_min IS 'Recognised words per minute of the turn''s speech';
COMMENT ON COLUMN tone.syllables_per_min IS 'Syllables, counted as peaks of the level, per minute of usable speech';
COMMENT ON COLUMN tone.pause_share IS 'Share of the turn in which its speaker pauses, 0 to 1';
COMMENT ON COLUMN tone.activation IS 'Pitch, level, effort and rate together against the speaker''s own, -1 to 1, 0 as usual; no emotion; NULL for agents unless `tone.agents` is set';
COMMENT ON COLUMN tone.word_sentiment IS 'Sentiment of the words alone, -1 to 1; NULL for agents unless `tone.agents` is set';
