CREATE TABLE IF NOT EXISTS metric (
    recording_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    role VARCHAR CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    numerator DOUBLE NOT NULL CHECK (isfinite(numerator)),
    denominator DOUBLE NOT NULL CHECK (denominator >= 0 AND isfinite(denominator)),
    unit VARCHAR NOT NULL
);

COMMENT ON TABLE metric IS 'One row per recording, metric and role; pool calls as sum(numerator) / sum(denominator)';
COMMENT ON COLUMN metric.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN metric.name IS 'The metric';
COMMENT ON COLUMN metric.role IS 'Whose it is: agent, customer, ivr or unknown; NULL for the whole call';
COMMENT ON COLUMN metric.numerator IS 'Numerator of the value: a count or seconds, see docs/measures.md';
COMMENT ON COLUMN metric.denominator IS 'Denominator of the value; 0 means that the metric is undefined';
COMMENT ON COLUMN metric.unit IS 'Unit of numerator / denominator, such as s, ratio or words/min';
