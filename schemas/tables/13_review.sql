CREATE TABLE IF NOT EXISTS review (
    recording_id VARCHAR NOT NULL,
    rule_id VARCHAR NOT NULL,
    rule_version VARCHAR NOT NULL,
    reviewer VARCHAR NOT NULL,
    reviewed_at TIMESTAMPTZ NOT NULL,
    judgement VARCHAR NOT NULL CHECK (judgement IN ('confirmed', 'wrong', 'unclear')),
    note VARCHAR,
    verdict VARCHAR CHECK (verdict IN ('pass', 'fail', 'not_applicable', 'not_determinable')),
    answer VARCHAR,
    draw_id INTEGER CHECK (draw_id >= 1),
    blind BOOLEAN NOT NULL,
    kind VARCHAR NOT NULL CHECK (kind IN ('first', 'second', 'settled', 'unsampled')),
    PRIMARY KEY (recording_id, rule_id, rule_version, reviewer, reviewed_at)
);

COMMENT ON TABLE review IS 'One row per human judgement of a finding; an analysis never changes it, and only the merge of reviews.sqlite writes it';
COMMENT ON COLUMN review.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN review.rule_id IS 'The rule';
COMMENT ON COLUMN review.rule_version IS 'Version of the rule whose finding was judged';
COMMENT ON COLUMN review.reviewer IS 'Who judged';
COMMENT ON COLUMN review.reviewed_at IS 'When, instant; a later judgement by the same reviewer takes the place of this one';
COMMENT ON COLUMN review.judgement IS 'confirmed (the verdict is right), wrong or unclear';
COMMENT ON COLUMN review.note IS 'The reviewer''s words';
COMMENT ON COLUMN review.verdict IS 'The verdict that was judged; NULL means the one the finding has now';
COMMENT ON COLUMN review.answer IS 'The answer to the rule''s question, in the words of the rule; NULL where the verdict itself was judged';
COMMENT ON COLUMN review.draw_id IS 'The drawing of the sample that the finding is from, numbered from 1; NULL where it is not known';
COMMENT ON COLUMN review.blind IS 'Whether the verdict was hidden until the answer was given';
COMMENT ON COLUMN review.kind IS 'first, second (the same finding by another reviewer), settled (decides where reviewers differ) or unsampled (not drawn at random, in no estimate)';
