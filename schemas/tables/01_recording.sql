-- No table refers to this one by a foreign key. DuckDB checks those against the state before the
-- transaction, so that deleting children and then their parent fails, and so does any update of a parent
-- that it carries out as delete and insert. One writer replaces all rows of a recording in one transaction.
CREATE TABLE IF NOT EXISTS recording (
    recording_id VARCHAR PRIMARY KEY CHECK (regexp_full_match(recording_id, '[0-9a-f]{64}')),
    uri VARCHAR NOT NULL,
    bytes BIGINT NOT NULL CHECK (bytes >= 0),
    container VARCHAR,
    codec VARCHAR,
    sample_rate_hz INTEGER CHECK (sample_rate_hz > 0),
    channels INTEGER CHECK (channels > 0),
    layout VARCHAR CHECK (layout IN ('stereo', 'mono', 'fake_stereo')),
    duration_s DOUBLE CHECK (duration_s >= 0 AND isfinite(duration_s)),
    status VARCHAR NOT NULL CHECK (status IN ('analysed', 'quarantined')),
    error VARCHAR,
    analysed_at TIMESTAMPTZ,
    call_kind VARCHAR CHECK (
        call_kind IN (
            'conversation', 'voicemail', 'ivr_only', 'queue_abandoned', 'ring_no_answer', 'silent', 'one_sided',
            'monologue'
        )
    ),
    language VARCHAR CHECK (regexp_full_match(language, '[a-z]{2,3}')),
    language_probability DOUBLE CHECK (language_probability BETWEEN 0 AND 1),
    language_source VARCHAR CHECK (language_source IN ('detected', 'setting', 'default')),
    failure_kind VARCHAR CHECK (
        failure_kind IN ('file', 'too_long', 'crashed', 'hung', 'out_of_memory', 'program')
    ),
    tried_with VARCHAR,
    CHECK (status = 'analysed' OR error IS NOT NULL)
);

COMMENT ON TABLE recording IS 'One row per recording, by content; its files are in recording_file';
COMMENT ON COLUMN recording.recording_id IS 'SHA-256 of the file''s bytes, 64 hex digits; of the hex SHA-256 of its legs in the order of channels, written one after the other, for a recording of two files';
COMMENT ON COLUMN recording.uri IS 'Where the file was last seen';
COMMENT ON COLUMN recording.bytes IS 'Size of the file in bytes';
COMMENT ON COLUMN recording.container IS 'Container format, such as wav; NULL when it could not be opened';
COMMENT ON COLUMN recording.codec IS 'Audio codec, such as pcm_mulaw; NULL when it could not be opened';
COMMENT ON COLUMN recording.sample_rate_hz IS 'Sample rate of the file in hertz';
COMMENT ON COLUMN recording.channels IS 'Number of channels in the file';
COMMENT ON COLUMN recording.layout IS 'stereo (a speaker a channel), mono, or fake_stereo (one channel twice)';
COMMENT ON COLUMN recording.duration_s IS 'Length in seconds';
COMMENT ON COLUMN recording.status IS 'analysed, or quarantined when it could not be';
COMMENT ON COLUMN recording.error IS 'Why it is quarantined, or what is unusual about an analysed file, one line';
COMMENT ON COLUMN recording.analysed_at IS 'When the recording was analysed or quarantined, instant';
COMMENT ON COLUMN recording.call_kind IS 'What the call is: conversation, voicemail, ivr_only, queue_abandoned, ring_no_answer, silent, one_sided (one of two channels without speech) or monologue (one voice)';
COMMENT ON COLUMN recording.language IS 'Language with most speech, ISO 639-1';
COMMENT ON COLUMN recording.language_probability IS 'Probability of that language, 0 to 1; NULL where it was given';
COMMENT ON COLUMN recording.language_source IS 'How it is known: detected, by the setting, or default, where none was detected with enough probability';
COMMENT ON COLUMN recording.failure_kind IS 'Why it is quarantined: file (its bytes), too_long, crashed, hung, out_of_memory or program (a fault of ours); NULL for one that was analysed, and for one of release 0.1.0';
COMMENT ON COLUMN recording.tried_with IS 'Release and limits that the failure depends on: with others the next run tries again; NULL where only another file can help';
