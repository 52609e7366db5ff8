CREATE TABLE IF NOT EXISTS sealed_text (
    recording_id VARCHAR NOT NULL,
    blob BLOB
);

COMMENT ON TABLE sealed_text IS 'What was masked in a call, one row per recording whose words were searched for it: encrypted by a key of its own that lies outside the store';
COMMENT ON COLUMN sealed_text.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN sealed_text.blob IS 'A nonce of 12 bytes and what AES-256-GCM made of the masked words, NULL where there were none; only judging again and commands that ask for a reason open it';
