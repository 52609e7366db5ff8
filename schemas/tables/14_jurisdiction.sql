CREATE TABLE IF NOT EXISTS jurisdiction (
    code VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    consent VARCHAR NOT NULL CHECK (consent IN ('all_party', 'one_party', 'disputed')),
    strictness INTEGER NOT NULL CHECK (strictness >= 1),
    as_of DATE NOT NULL,
    source VARCHAR NOT NULL,
    note VARCHAR
);

COMMENT ON TABLE jurisdiction IS 'One row per place: whose consent recording a call needs there; guidance, not legal advice';
COMMENT ON COLUMN jurisdiction.code IS 'Postal code of the US state, or US for federal law';
COMMENT ON COLUMN jurisdiction.name IS 'Name of the place';
COMMENT ON COLUMN jurisdiction.consent IS 'all_party, one_party, or disputed where statutes and courts differ';
COMMENT ON COLUMN jurisdiction.strictness IS 'Rank, higher is stricter: 3 all_party, 2 disputed, 1 one_party';
COMMENT ON COLUMN jurisdiction.as_of IS 'Date as of which the row was held to be right';
COMMENT ON COLUMN jurisdiction.source IS 'Statute or court decision';
COMMENT ON COLUMN jurisdiction.note IS 'What is disputed or peculiar; NULL where nothing is';
