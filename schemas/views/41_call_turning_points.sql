CREATE OR REPLACE VIEW call_turning_points AS
WITH at_the_end AS (
    SELECT
        rise.recording_id,
        rise.speaker,
        turn.text,
        row_number() OVER (
            PARTITION BY rise.recording_id, rise.speaker
            ORDER BY greatest(turn.start_s - rise.end_s, rise.end_s - turn.end_s, 0.0), turn.turn_index
        ) AS nearness
    FROM tone_rise AS rise
    INNER JOIN turn ON turn.recording_id = rise.recording_id AND turn.speaker = rise.speaker
),
before_it AS (
    SELECT
        rise.recording_id,
        rise.speaker,
        turn.text,
        row_number() OVER (
            PARTITION BY rise.recording_id, rise.speaker ORDER BY turn.start_s DESC, turn.turn_index
        ) AS nearness
    FROM tone_rise AS rise
    INNER JOIN turn
        ON turn.recording_id = rise.recording_id
        AND turn.speaker <> rise.speaker
        AND turn.role <> 'ivr'
        AND turn.start_s < rise.end_s
)
SELECT
    rise.recording_id,
    call.call_ref,
    recording.uri,
    call.started_at,
    call.queue,
    call.agent_id,
    rise.role,
    rise.start_s,
    rise.end_s,
    rise.low,
    rise.high,
    rise.high - rise.low AS climb,
    before_it.text AS text_before,
    at_the_end.text AS text_at_end
FROM tone_rise AS rise
INNER JOIN recording ON recording.recording_id = rise.recording_id
LEFT JOIN call ON call.recording_id = rise.recording_id
LEFT JOIN at_the_end
    ON at_the_end.recording_id = rise.recording_id
    AND at_the_end.speaker = rise.speaker
    AND at_the_end.nearness = 1
LEFT JOIN before_it
    ON before_it.recording_id = rise.recording_id
    AND before_it.speaker = rise.speaker
    AND before_it.nearness = 1
ORDER BY climb DESC, rise.recording_id, rise.start_s;

COMMENT ON VIEW call_turning_points IS 'One row per speaker whose activation rises clearly, steepest first; agents only if `tone.agents` is set';
COMMENT ON COLUMN call_turning_points.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN call_turning_points.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN call_turning_points.uri IS 'Where the file was last seen';
COMMENT ON COLUMN call_turning_points.started_at IS 'When the call began, instant';
COMMENT ON COLUMN call_turning_points.queue IS 'Queue or team that took the call';
COMMENT ON COLUMN call_turning_points.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN call_turning_points.role IS 'Whose activation rises: customer, and others if `tone.agents` is set';
COMMENT ON COLUMN call_turning_points.start_s IS 'Start of the rise, in seconds from the start of the recording';
COMMENT ON COLUMN call_turning_points.end_s IS 'End of the rise, in seconds from the start of the recording';
COMMENT ON COLUMN call_turning_points.low IS 'Smoothed activation at its start, -1 to 1';
COMMENT ON COLUMN call_turning_points.high IS 'Smoothed activation at its end, -1 to 1';
COMMENT ON COLUMN call_turning_points.climb IS 'high less low, up to 2';
COMMENT ON COLUMN call_turning_points.text_before IS 'What the other side said last before the end of the rise';
COMMENT ON COLUMN call_turning_points.text_at_end IS 'What the speaker said at its end';
