CREATE OR REPLACE VIEW hold_music AS
SELECT
    hold_track.track_id,
    hold_track.learned_at,
    hold_track.recordings AS learned_from,
    list_max(hold_track.frames) * 0.032 AS known_s,
    count(DISTINCT sound.recording_id) AS recordings,
    count(sound.recording_id) AS times_heard,
    coalesce(sum(sound.end_s - sound.start_s), 0) AS heard_s,
    min(call.started_at) AS first_heard_at,
    max(call.started_at) AS last_heard_at
FROM hold_track
LEFT JOIN sound USING (track_id)
LEFT JOIN call USING (recording_id)
GROUP BY ALL
ORDER BY recordings DESC, hold_track.track_id;

COMMENT ON VIEW hold_music IS 'One row per known piece of hold music: how often it was found';
COMMENT ON COLUMN hold_music.track_id IS 'Name of the track, 16 hex digits';
COMMENT ON COLUMN hold_music.learned_at IS 'When it became known, instant';
COMMENT ON COLUMN hold_music.learned_from IS 'Number of recordings it was learned from';
COMMENT ON COLUMN hold_music.known_s IS 'How much of the track is known in seconds';
COMMENT ON COLUMN hold_music.recordings IS 'Number of recordings in which it was found';
COMMENT ON COLUMN hold_music.times_heard IS 'Number of stretches of sound in which it was found';
COMMENT ON COLUMN hold_music.heard_s IS 'Length of all these stretches in seconds';
COMMENT ON COLUMN hold_music.first_heard_at IS 'Start of the earliest of these calls, instant; NULL when metadata gave none';
COMMENT ON COLUMN hold_music.last_heard_at IS 'Start of the latest of these calls, instant; NULL when metadata gave none';
