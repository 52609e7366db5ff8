CREATE TABLE IF NOT EXISTS finding (
    recording_id VARCHAR NOT NULL,
    rule_id VARCHAR NOT NULL,
    rule_version VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL CHECK (verdict IN ('pass', 'fail', 'not_applicable', 'not_determinable')),
    basis VARCHAR CHECK (basis IN ('phrase', 'meaning', 'absence', 'event', 'measure')),
    start_s DOUBLE CHECK (start_s >= 0),
    end_s DOUBLE CHECK (end_s >= start_s AND isfinite(end_s)),
    turn_index INTEGER CHECK (turn_index >= 0),
    quote VARCHAR,
    confidence DOUBLE CHECK (confidence BETWEEN 0 AND 1),
    detail JSON NOT NULL,
    CHECK ((start_s IS NULL) = (end_s IS NULL))
);

COMMENT ON TABLE finding IS 'One row per analysed recording and active rule: the verdict with its evidence';
COMMENT ON COLUMN finding.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN finding.rule_id IS 'The rule';
COMMENT ON COLUMN finding.rule_version IS 'Version of the rule that judged';
COMMENT ON COLUMN finding.verdict IS 'pass (good), fail, not_applicable or not_determinable';
COMMENT ON COLUMN finding.basis IS 'What the verdict rests on: phrase, meaning, absence, event or measure; NULL where it does not apply';
COMMENT ON COLUMN finding.start_s IS 'Start of the evidence, or of the window searched, in seconds from the start of the recording';
COMMENT ON COLUMN finding.end_s IS 'End of the evidence, or of the window searched, in seconds, exclusive';
COMMENT ON COLUMN finding.turn_index IS 'Turn with the evidence, see table turn';
COMMENT ON COLUMN finding.quote IS 'The words that decided';
COMMENT ON COLUMN finding.confidence IS 'Confidence in the verdict, 0 to 1';
COMMENT ON COLUMN finding.detail IS 'Further results of the rule, such as status, JSON object';
