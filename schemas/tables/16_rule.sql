-- Older versions stay, so that a judgement of them can still be read and weighed against their text.
CREATE TABLE IF NOT EXISTS rule (
    rule_id VARCHAR NOT NULL,
    rule_version VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    score VARCHAR NOT NULL CHECK (score IN ('compliance', 'quality')),
    weight DOUBLE NOT NULL CHECK (weight >= 0 AND isfinite(weight)),
    fatal BOOLEAN NOT NULL,
    active BOOLEAN NOT NULL,
    text VARCHAR NOT NULL,
    overlay VARCHAR,
    PRIMARY KEY (rule_id, rule_version)
);

COMMENT ON TABLE rule IS 'One row per rule and version that ever judged; the active ones are the scorecard';
COMMENT ON COLUMN rule.rule_id IS 'The rule';
COMMENT ON COLUMN rule.rule_version IS 'Version of the rule: a fingerprint of its text and its language';
COMMENT ON COLUMN rule.title IS 'What it requires, in short';
COMMENT ON COLUMN rule.score IS 'The score it counts in: compliance or quality';
COMMENT ON COLUMN rule.weight IS 'Its share in that score, 0 or more, without unit';
COMMENT ON COLUMN rule.fatal IS 'Whether one fail makes that score of the call 0';
COMMENT ON COLUMN rule.active IS 'Whether calls are judged by it now; only active rules count in scores';
COMMENT ON COLUMN rule.text IS 'The rule as its pack has it, TOML';
COMMENT ON COLUMN rule.overlay IS 'Changes that a site''s file makes to it, TOML; NULL without any';
