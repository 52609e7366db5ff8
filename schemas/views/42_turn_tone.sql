CREATE OR REPLACE VIEW turn_tone AS
SELECT
    turn.recording_id,
    call.call_ref,
    turn.turn_index,
    turn.speaker,
    turn.role,
    turn.start_s,
    turn.end_s,
    tone.pitch_semitones,
    tone.level_db,
    tone.words_per_min,
    tone.activation,
    tone.word_sentiment,
    tone.usable_share,
    turn.text
FROM turn
INNER JOIN tone ON tone.recording_id = turn.recording_id AND tone.turn_index = turn.turn_index
LEFT JOIN call ON call.recording_id = turn.recording_id
ORDER BY turn.recording_id, turn.turn_index;

COMMENT ON VIEW turn_tone IS 'One row per turn: what was said and how, for charts and transcripts';
COMMENT ON COLUMN turn_tone.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN turn_tone.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN turn_tone.turn_index IS 'Number of the turn in the recording, from 0';
COMMENT ON COLUMN turn_tone.speaker IS 'Label of the speaker within this recording';
COMMENT ON COLUMN turn_tone.role IS 'Who speaks: agent, customer, ivr or unknown';
COMMENT ON COLUMN turn_tone.start_s IS 'Start in seconds from the start of the recording';
COMMENT ON COLUMN turn_tone.end_s IS 'End in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN turn_tone.pitch_semitones IS 'Median pitch in semitones above the speaker''s own median';
COMMENT ON COLUMN turn_tone.level_db IS 'Level in dB above the speaker''s own median';
COMMENT ON COLUMN turn_tone.words_per_min IS 'Recognised words per minute of the turn''s speech';
COMMENT ON COLUMN turn_tone.activation IS 'Pitch, level, effort and rate together, -1 to 1, 0 as usual; NULL for agents unless `tone.agents` is set';
COMMENT ON COLUMN turn_tone.word_sentiment IS 'Sentiment of the words alone, -1 to 1; NULL for agents unless `tone.agents` is set';
COMMENT ON COLUMN turn_tone.usable_share IS 'Share of the turn''s speech that could be measured, 0 to 1';
COMMENT ON COLUMN turn_tone.text IS 'What is said';
