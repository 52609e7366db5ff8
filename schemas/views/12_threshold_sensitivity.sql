-- The measures carry their threshold in their names, see pipeline/metrics/sensitivity.py.
CREATE OR REPLACE VIEW threshold_sensitivity AS
SELECT
    metric_value.recording_id,
    call.call_ref,
    call.agent_id,
    regexp_extract(metric_value.name, '^(.*)_count_at_([0-9.]+)s$', 1) AS event,
    metric_value.role,
    regexp_extract(metric_value.name, '^(.*)_count_at_([0-9.]+)s$', 2)::DOUBLE AS threshold_s,
    metric_value.value::BIGINT AS events
FROM metric_value
INNER JOIN call ON call.recording_id = metric_value.recording_id
WHERE regexp_matches(metric_value.name, '^(.*)_count_at_([0-9.]+)s$')
ORDER BY metric_value.recording_id, event, metric_value.role, threshold_s;

COMMENT ON VIEW threshold_sensitivity IS 'One row per recording, kind of event and threshold: the number of events at that threshold';
COMMENT ON COLUMN threshold_sensitivity.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN threshold_sensitivity.call_ref IS 'The call''s reference';
COMMENT ON COLUMN threshold_sensitivity.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN threshold_sensitivity.event IS 'hold, dead_air or interruption';
COMMENT ON COLUMN threshold_sensitivity.role IS 'Who interrupted: agent or customer; NULL for holds and dead air';
COMMENT ON COLUMN threshold_sensitivity.threshold_s IS 'Shortest hold, silence or simultaneous speech that counts, in seconds';
COMMENT ON COLUMN threshold_sensitivity.events IS 'Number of them; NULL where it cannot be determined';
