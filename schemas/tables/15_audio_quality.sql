CREATE TABLE IF NOT EXISTS audio_quality (
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

COMMENT ON TABLE audio_quality IS 'One row per channel of an analysed recording: facts about its signal that decide which metrics are defined';
COMMENT ON COLUMN audio_quality.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN audio_quality.channel IS 'Channel of the recording, from 0';
COMMENT ON COLUMN audio_quality.speech_s IS 'Speech on the channel in seconds';
COMMENT ON COLUMN audio_quality.level_db IS 'Median level of that speech in dB relative to full scale; NULL without speech';
COMMENT ON COLUMN audio_quality.noise_db IS 'Resting level of the channel in dB relative to full scale';
COMMENT ON COLUMN audio_quality.snr_db IS 'level_db less noise_db in dB';
COMMENT ON COLUMN audio_quality.clipping_ratio IS 'Share of speech samples at the ceiling of their range, 0 to 1; some 0.0005 in clean speech';
COMMENT ON COLUMN audio_quality.bandwidth_hz IS 'Highest frequency that carries speech, in hertz';
COMMENT ON COLUMN audio_quality.dropouts IS 'Number of gaps of digital silence within loud speech, such as lost packets';
COMMENT ON COLUMN audio_quality.dropout_s IS 'Their length together in seconds';
COMMENT ON COLUMN audio_quality.crosstalk_db IS 'Level of the other side on this channel, in dB relative to the other side; NULL where none was found';
COMMENT ON COLUMN audio_quality.word_probability IS 'Mean probability of the recognised words, 0 to 1; NULL for fewer than ten';
COMMENT ON COLUMN audio_quality.swap_suspected IS 'Whether the words clearly contradict the channel that was given for the agent';
COMMENT ON COLUMN audio_quality.language IS 'Language with most speech on the channel, ISO 639-1; NULL without speech';
COMMENT ON COLUMN audio_quality.language_probability IS 'Probability of that language, 0 to 1; NULL where it was given';
COMMENT ON COLUMN audio_quality.language_source IS 'How it is known: detected, by the setting, or default, where none was detected with enough probability';
COMMENT ON COLUMN audio_quality.languages IS 'All languages spoken on the channel, that with most speech first';
COMMENT ON COLUMN audio_quality.speed IS 'Speed at which speech plays relative to how it was spoken: 2 where the header gives twice the sample rate; NULL where there was too little speech to say';
COMMENT ON COLUMN audio_quality.signal_start_s IS 'From when it carries anything but digital silence, in seconds; NULL in a silent channel, and in calls of release 0.1.0';
