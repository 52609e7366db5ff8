CREATE TABLE IF NOT EXISTS analysis (
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

COMMENT ON TABLE analysis IS 'One row per analysed recording: the run that made its rows; the next run replaces it';
COMMENT ON COLUMN analysis.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN analysis.pipeline_version IS 'Version of this program';
COMMENT ON COLUMN analysis.algorithm IS 'Version of the methods of assessment, from 1; raised in a release that finds other events, metrics or findings in the same words';
COMMENT ON COLUMN analysis.audio_algorithm IS 'Version of the methods applied to the audio, from 1; raised in a release that finds other words, turns, sounds or tone in the same audio';
COMMENT ON COLUMN analysis.settings_hash IS 'Fingerprint of the settings that change results, 16 hex digits';
COMMENT ON COLUMN analysis.settings IS 'Those settings with their values, JSON object; times in seconds';
COMMENT ON COLUMN analysis.asr_model IS 'Recogniser, by name and revision';
COMMENT ON COLUMN analysis.diarization_model IS 'What separated the speakers: channels, or the model''s name';
COMMENT ON COLUMN analysis.rules_version IS 'Fingerprint of the active rules and, after a dot, of the phrases and word lists that events are found with';
COMMENT ON COLUMN analysis.attribution_version IS 'Fingerprint of the cues that decide roles and announcements, 12 hex digits; NULL in calls of release 0.1.0';
COMMENT ON COLUMN analysis.agent_channel IS 'The agent''s channel, from 0 (left); NULL when unknown or mono';
COMMENT ON COLUMN analysis.agent_channel_source IS 'How the agent''s channel was determined: setting, words or none';
COMMENT ON COLUMN analysis.role_confidence IS 'Confidence in who is the agent, 0 to 1; NULL when it was given';
COMMENT ON COLUMN analysis.role_cues IS 'Names of the cues that indicated the agent or the customer, by speaker, JSON object; empty when roles were given';
COMMENT ON COLUMN analysis.started_at IS 'When the run began, instant';
COMMENT ON COLUMN analysis.wall_s IS 'Time of the whole run in seconds';
COMMENT ON COLUMN analysis.decode_s IS 'Time of decoding in seconds';
COMMENT ON COLUMN analysis.activity_s IS 'Time of detecting speech and sounds in seconds';
COMMENT ON COLUMN analysis.transcribe_s IS 'Time of recognition in seconds';
COMMENT ON COLUMN analysis.diarize_s IS 'Time of diarization in seconds; close to 0 on stereo';
COMMENT ON COLUMN analysis.tone_s IS 'Time of prosody in seconds';
COMMENT ON COLUMN analysis.events_s IS 'Time of turns, audio quality, sentences'' scores, events and metrics in seconds';
COMMENT ON COLUMN analysis.rules_s IS 'Time of the rules in seconds';
COMMENT ON COLUMN analysis.call_kind IS 'Kind of call that was found, as in table recording';
COMMENT ON COLUMN analysis.language IS 'Language with most speech, ISO 639-1';
COMMENT ON COLUMN analysis.language_probability IS 'Probability of that language, 0 to 1; NULL where it was given';
COMMENT ON COLUMN analysis.gate IS 'Version of the model that scored its sentences, 12 hex digits; off where it was switched off; NULL in calls of release 0.1.0';
