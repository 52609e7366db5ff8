CREATE TABLE IF NOT EXISTS personal_data (
    recording_id VARCHAR NOT NULL,
    datum_index INTEGER NOT NULL CHECK (datum_index >= 0),
    kind VARCHAR NOT NULL CHECK (kind IN (
        'date_of_birth', 'address', 'account_number', 'card_number', 'phone', 'email', 'ssn',
        'reason_with_details'
    )),
    start_s DOUBLE NOT NULL CHECK (start_s >= 0),
    end_s DOUBLE NOT NULL CHECK (end_s >= start_s AND isfinite(end_s)),
    turn_index INTEGER NOT NULL CHECK (turn_index >= 0),
    role VARCHAR NOT NULL CHECK (role IN ('agent', 'customer', 'ivr', 'unknown')),
    digits INTEGER NOT NULL CHECK (digits >= 0),
    luhn_valid BOOLEAN CHECK (luhn_valid IS NULL OR kind = 'card_number'),
    confidence DOUBLE NOT NULL CHECK (confidence BETWEEN 0 AND 1)
);

COMMENT ON TABLE personal_data IS 'One row per time the customer gives personal or account data: what and when, never the value';
COMMENT ON COLUMN personal_data.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN personal_data.datum_index IS 'Number of the datum in the recording, from 0';
COMMENT ON COLUMN personal_data.kind IS 'date_of_birth, address, account_number (also other references), card_number, phone, email, ssn (US social security number) or reason_with_details (the first statement of why the customer calls)';
COMMENT ON COLUMN personal_data.start_s IS 'Start of its first word in seconds from the start of the recording';
COMMENT ON COLUMN personal_data.end_s IS 'End of its last word in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN personal_data.turn_index IS 'Turn in which it begins, see table turn';
COMMENT ON COLUMN personal_data.role IS 'Who gave it: customer, or unknown where the speaker''s role is; agent and ivr never';
COMMENT ON COLUMN personal_data.digits IS 'How many digits the number has; 0 for what is not read as a number';
COMMENT ON COLUMN personal_data.luhn_valid IS 'Whether the check digit of a whole card number is right; NULL for all else';
COMMENT ON COLUMN personal_data.confidence IS 'Mean word probability, 0 to 1';
