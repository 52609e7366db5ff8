CREATE TABLE IF NOT EXISTS tone_curve (
    recording_id VARCHAR NOT NULL,
    speaker VARCHAR NOT NULL,
    role VARCHAR NOT NULL CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    voiced_s DOUBLE NOT NULL CHECK (voiced_s > 0 AND isfinite(voiced_s)),
    pitch_semitones DOUBLE NOT NULL CHECK (isfinite(pitch_semitones)),
    level_db DOUBLE NOT NULL CHECK (isfinite(level_db)),
    effort_db DOUBLE NOT NULL CHECK (isfinite(effort_db)),
    syllables_per_min DOUBLE NOT NULL CHECK (syllables_per_min > 0 AND isfinite(syllables_per_min)),
    activation DOUBLE CHECK (activation BETWEEN -1 AND 1)
);

COMMENT ON TABLE tone_curve IS 'One row per speaker and window of the call in which they speak enough: the course of each voice; windows overlap by half';
COMMENT ON COLUMN tone_curve.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN tone_curve.speaker IS 'Label of the speaker within this recording';
COMMENT ON COLUMN tone_curve.role IS 'Who speaks: agent, customer, ivr or unknown';
COMMENT ON COLUMN tone_curve.start_s IS 'Start of the window in seconds from the start of the recording';
COMMENT ON COLUMN tone_curve.end_s IS 'End of the window in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN tone_curve.voiced_s IS 'Measured speech in the window that has a pitch, in seconds';
COMMENT ON COLUMN tone_curve.pitch_semitones IS 'Median pitch in semitones above the median of the speaker''s turns';
COMMENT ON COLUMN tone_curve.level_db IS 'Level of the usable speech (its mean power) in dB above the median of the speaker''s turns';
COMMENT ON COLUMN tone_curve.effort_db IS 'Energy from 1 to 3.4 kHz over that from 0.3 to 1 kHz, in dB above the median of the speaker''s turns';
COMMENT ON COLUMN tone_curve.syllables_per_min IS 'Syllables per minute of usable speech';
COMMENT ON COLUMN tone_curve.activation IS 'Pitch, level, effort and rate together, -1 to 1, 0 as usual; NULL for agents unless `tone.agents` is set';
