CREATE TABLE IF NOT EXISTS metric (
    recording_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    role VARCHAR CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    numerator DOUBLE NOT NULL CHECK (isfinite(numerator)),
    denominator DOUBLE NOT NULL CHECK (denominator >= 0 AND isfinite(denominator)),
    unit VARCHAR NOT NULL
);

COMMENT ON TABLE metric IS 'One row per recording, measure and role; pool calls as sum(numerator) / sum(denominator)';
COMMENT ON COLUMN metric.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN metric.name IS 'The measure';
COMMENT ON COLUMN metric.role IS 'Whose it is: agent, customer, ivr or unknown; NULL for the whole call';
COMMENT ON COLUMN metric.numerator IS 'Count or seconds above the line, in the measure''s own terms';
COMMENT ON COLUMN metric.denominator IS 'What it is counted against; 0 means that the measure is undefined';
COMMENT ON COLUMN metric.unit IS 'Unit of numerator / denominator, such as s, ratio or words/min';
