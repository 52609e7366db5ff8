-- SQL cannot invert a hypergeometric distribution: the merge of reviews fills this table. It replaces all rows at once,
-- which DuckDB refuses in one transaction where there is a key.
CREATE TABLE IF NOT EXISTS review_interval (
    rule_id VARCHAR NOT NULL,
    rule_version VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL CHECK (
        verdict IN ('pass', 'fail', 'not_applicable', 'not_determinable', 'corrected')
    ),
    share DOUBLE NOT NULL CHECK (share BETWEEN 0 AND 1),
    low DOUBLE NOT NULL CHECK (low BETWEEN 0 AND 1),
    high DOUBLE NOT NULL CHECK (high BETWEEN low AND 1),
    method VARCHAR NOT NULL CHECK (method IN ('exact', 'wilson', 'mover'))
);

COMMENT ON TABLE review_interval IS 'One row per rule, version and verdict that people judged, and one for the corrected pass rate: 95 % intervals that take into account how many findings there are';
COMMENT ON COLUMN review_interval.rule_id IS 'The rule';
COMMENT ON COLUMN review_interval.rule_version IS 'Version of the rule';
COMMENT ON COLUMN review_interval.verdict IS 'The verdict, or corrected for the pass rate corrected for wrong verdicts';
COMMENT ON COLUMN review_interval.share IS 'The share of these verdicts found right, or the corrected rate, 0 to 1';
COMMENT ON COLUMN review_interval.low IS 'Lower end of its 95 % interval, 0 to 1';
COMMENT ON COLUMN review_interval.high IS 'Upper end of its 95 % interval, 0 to 1';
COMMENT ON COLUMN review_interval.method IS 'exact (hypergeometric: up to 2,000 findings of which 5 % or more were judged), wilson, or mover (both strata put together)';
