CREATE TABLE IF NOT EXISTS verdict_history (
    recording_id VARCHAR NOT NULL,
    rule_id VARCHAR NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    cause VARCHAR NOT NULL CHECK (cause IN ('recheck', 'analysis')),
    old_rule_version VARCHAR NOT NULL,
    new_rule_version VARCHAR NOT NULL,
    old_verdict VARCHAR NOT NULL
        CHECK (old_verdict IN ('pass', 'fail', 'not_applicable', 'not_determinable')),
    new_verdict VARCHAR NOT NULL
        CHECK (new_verdict IN ('pass', 'fail', 'not_applicable', 'not_determinable')),
    old_start_s DOUBLE CHECK (old_start_s >= 0),
    new_start_s DOUBLE CHECK (new_start_s >= 0),
    old_quote VARCHAR,
    new_quote VARCHAR,
    CHECK (old_verdict <> new_verdict)
);

COMMENT ON TABLE verdict_history IS 'One row per verdict that changed when a stored call was rechecked or analysed again; rows are only ever added';
COMMENT ON COLUMN verdict_history.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN verdict_history.rule_id IS 'The rule';
COMMENT ON COLUMN verdict_history.changed_at IS 'When the verdict changed, instant; the same for all calls of one recheck';
COMMENT ON COLUMN verdict_history.cause IS 'recheck (from the stored words and events) or analysis (from the audio)';
COMMENT ON COLUMN verdict_history.old_rule_version IS 'Version of the rule before the change';
COMMENT ON COLUMN verdict_history.new_rule_version IS 'Version of the rule after the change';
COMMENT ON COLUMN verdict_history.old_verdict IS 'Verdict before the change: pass, fail, not_applicable or not_determinable';
COMMENT ON COLUMN verdict_history.new_verdict IS 'Verdict after the change';
COMMENT ON COLUMN verdict_history.old_start_s IS 'Start of the evidence before the change, in seconds from the start of the recording';
COMMENT ON COLUMN verdict_history.new_start_s IS 'Start of the evidence after the change, in seconds from the start of the recording';
COMMENT ON COLUMN verdict_history.old_quote IS 'The words that decided before the change';
COMMENT ON COLUMN verdict_history.new_quote IS 'The words that decided after the change';
