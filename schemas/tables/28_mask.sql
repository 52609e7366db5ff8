CREATE TABLE IF NOT EXISTS mask (
    recording_id VARCHAR NOT NULL,
    mask_index INTEGER NOT NULL CHECK (mask_index >= 0),
    kind VARCHAR NOT NULL CHECK (kind IN (
        'card', 'card_expiry', 'security_code', 'account', 'sort_code', 'routing_number', 'iban',
        'ssn', 'nino', 'pin', 'one_time_code', 'secret', 'phone', 'date_of_birth',
        'age', 'address', 'email', 'reference', 'document', 'name', 'health', 'number'
    )),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    turn_index INTEGER NOT NULL CHECK (turn_index >= 0),
    channel INTEGER NOT NULL CHECK (channel >= 0),
    role VARCHAR NOT NULL CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    first_word INTEGER NOT NULL CHECK (first_word >= 0),
    last_word INTEGER NOT NULL CHECK (last_word >= first_word),
    person INTEGER CHECK (person IS NULL OR (person >= 1 AND kind = 'name')),
    found_by VARCHAR NOT NULL CHECK (found_by IN ('finder', 'model', 'strict', 'person')),
    confidence DOUBLE NOT NULL CHECK (confidence BETWEEN 0 AND 1)
);

COMMENT ON TABLE mask IS 'One row per stretch of words that are personal data of either speaker: where and of what kind, never the value';
COMMENT ON COLUMN mask.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN mask.mask_index IS 'Number of the mask in the recording, from 0, in order of time';
COMMENT ON COLUMN mask.kind IS 'What the words are; number where nothing says what the digits belong to';
COMMENT ON COLUMN mask.start_s IS 'Start of the first word in seconds from the start of the recording, without a margin';
COMMENT ON COLUMN mask.end_s IS 'End of the last word in seconds from the start of the recording, exclusive, without a margin';
COMMENT ON COLUMN mask.turn_index IS 'Turn of the words, see table turn';
COMMENT ON COLUMN mask.channel IS 'Channel of the words, from 0';
COMMENT ON COLUMN mask.role IS 'Who said them: agent, customer, ivr or unknown';
COMMENT ON COLUMN mask.first_word IS 'First of the words, see table word';
COMMENT ON COLUMN mask.last_word IS 'Last of the words, included';
COMMENT ON COLUMN mask.person IS 'For a name, the number of the person in the recording, from 1; NULL for all else';
COMMENT ON COLUMN mask.found_by IS 'finder (words and context), model (names and places) strict (any number, in that profile) or person (added by hand)';
COMMENT ON COLUMN mask.confidence IS 'Mean word probability, 0 to 1';
