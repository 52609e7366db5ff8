CREATE OR REPLACE VIEW tone_by_quarter AS
SELECT
    metric.recording_id,
    call.call_ref,
    call.started_at,
    call.agent_id,
    metric.role,
    right(metric.name, 1)::INTEGER AS quarter,
    max(metric.value) FILTER (WHERE metric.name LIKE 'activation!_q%' ESCAPE '!') AS activation,
    max(metric.value) FILTER (WHERE metric.name LIKE 'word!_sentiment!_q%' ESCAPE '!') AS word_sentiment
FROM metric_value AS metric
LEFT JOIN call ON call.recording_id = metric.recording_id
WHERE regexp_full_match(metric.name, '(activation|word_sentiment)_q[1-4]')
GROUP BY ALL
ORDER BY call.started_at, metric.recording_id, metric.role, quarter;

COMMENT ON VIEW tone_by_quarter IS 'One row per recording, role and quarter of the call: activation and the sentiment of the words';
COMMENT ON COLUMN tone_by_quarter.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN tone_by_quarter.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN tone_by_quarter.started_at IS 'When the call began, instant';
COMMENT ON COLUMN tone_by_quarter.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN tone_by_quarter.role IS 'Whose it is: agent or customer';
COMMENT ON COLUMN tone_by_quarter.quarter IS 'Quarter of the recording, 1 to 4';
COMMENT ON COLUMN tone_by_quarter.activation IS 'Pitch, level, effort and rate together against the speaker''s own, -1 to 1, 0 as usual; NULL where not known, and for agents unless `tone.agents` is set';
COMMENT ON COLUMN tone_by_quarter.word_sentiment IS 'Sentiment of the words alone, -1 to 1; NULL without words, and for agents unless `tone.agents` is set';
