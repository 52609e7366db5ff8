CREATE OR REPLACE VIEW metric_value AS
SELECT
    recording_id,
    name,
    role,
    numerator,
    denominator,
    unit,
    numerator / nullif(denominator, 0) AS value
FROM metric;

COMMENT ON VIEW metric_value IS 'One row per recording, metric and role, with its value; pool calls as sum(numerator) / sum(denominator)';
COMMENT ON COLUMN metric_value.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN metric_value.name IS 'The metric';
COMMENT ON COLUMN metric_value.role IS 'Whose it is: agent, customer, ivr or unknown; NULL for the whole call';
COMMENT ON COLUMN metric_value.numerator IS 'Numerator of the value: a count or seconds, see docs/measures.md';
COMMENT ON COLUMN metric_value.denominator IS 'Denominator of the value; 0 means that the metric is undefined';
COMMENT ON COLUMN metric_value.unit IS 'Unit of value, such as s, ratio or words/min';
COMMENT ON COLUMN metric_value.value IS 'numerator / denominator in unit; NULL where undefined (denominator 0)';
