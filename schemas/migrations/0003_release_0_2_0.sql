-- Layout 2 (release 0.1.0) to 3 (release 0.2.0). The layout is written out here as it was in that release:
-- later changes of the files in `tables` must not change what this one does. Comments and views are put on
-- afterwards. A table with another column in its middle is made beside the former one and filled from it in
-- the order of its rows, because rows of a recording lie together.

CREATE TABLE schema_migration (
    version INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL,
    program_version VARCHAR NOT NULL
);

ALTER TABLE meta ADD COLUMN sql_fingerprint VARCHAR;

CREATE TABLE audio_quality_3 (
    recording_id VARCHAR NOT NULL,
    channel INTEGER NOT NULL CHECK (channel >= 0),
    speech_s DOUBLE NOT NULL CHECK (speech_s >= 0),
    level_db DOUBLE CHECK (isfinite(level_db)),
    noise_db DOUBLE NOT NULL CHECK (isfinite(noise_db)),
    snr_db DOUBLE CHECK (isfinite(snr_db)),
    clipping_ratio DOUBLE NOT NULL CHECK (clipping_ratio BETWEEN 0 AND 1),
    bandwidth_hz DOUBLE CHECK (bandwidth_hz >= 0 AND isfinite(bandwidth_hz)),
    dropouts INTEGER NOT NULL CHECK (dropouts >= 0),
    dropout_s DOUBLE NOT NULL CHECK (dropout_s >= 0 AND isfinite(dropout_s)),
    crosstalk_db DOUBLE CHECK (isfinite(crosstalk_db)),
    word_probability DOUBLE CHECK (word_probability BETWEEN 0 AND 1),
    swap_suspected BOOLEAN NOT NULL,
    language VARCHAR CHECK (regexp_full_match(language, '[a-z]{2,3}')),
    language_probability DOUBLE CHECK (language_probability BETWEEN 0 AND 1),
    language_source VARCHAR CHECK (language_source IN ('detected', 'setting', 'default')),
    languages VARCHAR[] NOT NULL,
    speed DOUBLE CHECK (speed > 0),
    signal_start_s DOUBLE CHECK (signal_start_s >= 0)
);

-- Until now every call was recognised in the language of the setting.
INSERT INTO audio_quality_3 BY NAME
SELECT
    fitness.*,
    analysis.settings -> 'asr' ->> 'language' AS language,
    'setting' AS language_source,
    [analysis.settings -> 'asr' ->> 'language'] AS languages
FROM fitness
INNER JOIN analysis ON analysis.recording_id = fitness.recording_id
ORDER BY fitness.rowid;

DROP TABLE fitness;

ALTER TABLE audio_quality_3 RENAME TO audio_quality;

CREATE TABLE recording_3 (
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
    CHECK (status = 'analysed' OR error IS NOT NULL)
);

-- The kind of a call stays NULL until a recheck, which the next night carries out by itself.
INSERT INTO recording_3 BY NAME
SELECT
    recording.*,
    analysis.settings -> 'asr' ->> 'language' AS language,
    CASE WHEN analysis.recording_id IS NOT NULL THEN 'setting' END AS language_source
FROM recording
LEFT JOIN analysis ON analysis.recording_id = recording.recording_id
ORDER BY recording.rowid;

DROP TABLE recording;

ALTER TABLE recording_3 RENAME TO recording;

CREATE TABLE analysis_3 (
    recording_id VARCHAR PRIMARY KEY,
    pipeline_version VARCHAR NOT NULL,
    algorithm INTEGER NOT NULL CHECK (algorithm >= 1),
    audio_algorithm INTEGER NOT NULL CHECK (audio_algorithm >= 1),
    settings_hash VARCHAR NOT NULL,
    settings JSON NOT NULL,
    asr_model VARCHAR NOT NULL,
    diarization_model VARCHAR NOT NULL,
    rules_version VARCHAR NOT NULL,
    attribution_version VARCHAR,
    agent_channel INTEGER CHECK (agent_channel >= 0),
    agent_channel_source VARCHAR NOT NULL,
    role_confidence DOUBLE CHECK (role_confidence BETWEEN 0 AND 1),
    role_cues JSON NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    wall_s DOUBLE NOT NULL CHECK (wall_s >= 0),
    decode_s DOUBLE NOT NULL CHECK (decode_s >= 0),
    activity_s DOUBLE NOT NULL CHECK (activity_s >= 0),
    transcribe_s DOUBLE NOT NULL CHECK (transcribe_s >= 0),
    diarize_s DOUBLE NOT NULL CHECK (diarize_s >= 0),
    tone_s DOUBLE NOT NULL CHECK (tone_s >= 0),
    events_s DOUBLE NOT NULL CHECK (events_s >= 0),
    rules_s DOUBLE NOT NULL CHECK (rules_s >= 0),
    call_kind VARCHAR CHECK (
        call_kind IN (
            'conversation', 'voicemail', 'ivr_only', 'queue_abandoned', 'ring_no_answer', 'silent', 'one_sided',
            'monologue'
        )
    ),
    language VARCHAR CHECK (regexp_full_match(language, '[a-z]{2,3}')),
    language_probability DOUBLE CHECK (language_probability BETWEEN 0 AND 1),
    gate VARCHAR
);

INSERT INTO analysis_3 BY NAME
SELECT
    *,
    1 AS algorithm,
    1 AS audio_algorithm,
    NULL AS attribution_version,
    '{}' AS role_cues,
    settings -> 'asr' ->> 'language' AS language
FROM analysis
ORDER BY rowid;

DROP TABLE analysis;

ALTER TABLE analysis_3 RENAME TO analysis;

CREATE TABLE rule_3 (
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

-- Release 0.1.0 kept the pack's text and a site's changes in one column, with a line between them.
INSERT INTO rule_3 BY NAME
SELECT
    * REPLACE (regexp_replace(text, '(?s)\n# ---- changed by this site: [^\n]*\n.*$', '') AS text),
    nullif(
        regexp_extract(text, '(?s)\n# ---- changed by this site: [^\n]*\n(.*)$', 1), ''
    ) AS overlay
FROM rule
ORDER BY rowid;

DROP TABLE rule;

ALTER TABLE rule_3 RENAME TO rule;

CREATE TABLE finding_3 (
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

-- What a verdict rests on follows from the kind of the rule's check for most findings. The others stay NULL
-- until a recheck, which the next night carries out by itself.
INSERT INTO finding_3 BY NAME
SELECT
    finding.*,
    CASE
        WHEN finding.verdict NOT IN ('pass', 'fail') THEN NULL
        WHEN kinds.kind = 'measure' THEN 'measure'
        WHEN kinds.kind = 'hold_length' THEN 'event'
        WHEN
            finding.verdict = 'pass' AND finding.quote IS NOT NULL
            AND kinds.kind IN ('said_in_time', 'sequence', 'name_used')
            THEN 'phrase'
        WHEN
            finding.verdict = 'fail' AND finding.quote IS NULL AND finding.start_s IS NOT NULL
            AND kinds.kind IN ('said_in_time', 'every_hold', 'sequence', 'repeat_back')
            THEN 'absence'
    END AS basis
FROM finding
LEFT JOIN (
    SELECT rule_id, rule_version, regexp_extract(text, '(?m)^kind = "([a-z_]+)"', 1) AS kind FROM rule
) AS kinds
    ON kinds.rule_id = finding.rule_id AND kinds.rule_version = finding.rule_version
ORDER BY finding.rowid;

DROP TABLE finding;

ALTER TABLE finding_3 RENAME TO finding;
