CREATE TABLE IF NOT EXISTS night (
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ NOT NULL,
    outcome VARCHAR NOT NULL CHECK (outcome IN ('completed', 'interrupted', 'failed')),
    program_version VARCHAR NOT NULL,
    asr_model VARCHAR NOT NULL,
    rules_version VARCHAR NOT NULL,
    settings_hash VARCHAR NOT NULL,
    found INTEGER NOT NULL CHECK (found >= 0),
    analysed INTEGER NOT NULL CHECK (analysed >= 0),
    unchanged INTEGER NOT NULL CHECK (unchanged >= 0),
    quarantined INTEGER NOT NULL CHECK (quarantined >= 0),
    waiting INTEGER NOT NULL CHECK (waiting >= 0),
    in_parts INTEGER NOT NULL CHECK (in_parts >= 0),
    merged INTEGER NOT NULL CHECK (merged >= 0),
    skipped INTEGER NOT NULL CHECK (skipped >= 0),
    erased INTEGER NOT NULL CHECK (erased >= 0),
    rechecked INTEGER NOT NULL CHECK (rechecked >= 0),
    renewed INTEGER NOT NULL CHECK (renewed >= 0),
    replaced INTEGER NOT NULL CHECK (replaced >= 0),
    failures JSON NOT NULL,
    audio_s DOUBLE NOT NULL CHECK (audio_s >= 0),
    analysis_s DOUBLE NOT NULL CHECK (analysis_s >= 0),
    discover_s DOUBLE NOT NULL CHECK (discover_s >= 0),
    plan_s DOUBLE NOT NULL CHECK (plan_s >= 0),
    recheck_s DOUBLE NOT NULL CHECK (recheck_s >= 0),
    load_s DOUBLE NOT NULL CHECK (load_s >= 0),
    publish_s DOUBLE NOT NULL CHECK (publish_s >= 0),
    wall_s DOUBLE NOT NULL CHECK (wall_s >= 0),
    publications INTEGER NOT NULL CHECK (publications >= 0),
    real_time_factor DOUBLE CHECK (real_time_factor >= 0),
    passed INTEGER NOT NULL CHECK (passed >= 0),
    failed INTEGER NOT NULL CHECK (failed >= 0),
    undetermined INTEGER NOT NULL CHECK (undetermined >= 0),
    stereo INTEGER NOT NULL CHECK (stereo >= 0),
    swapped INTEGER NOT NULL CHECK (swapped BETWEEN 0 AND stereo),
    CHECK (found = analysed + unchanged + quarantined + waiting + in_parts + merged + skipped + erased)
);

COMMENT ON TABLE night IS 'One row per run over an archive: what became of every file that was found, and what it took';
COMMENT ON COLUMN night.started_at IS 'When it began, instant';
COMMENT ON COLUMN night.ended_at IS 'When it ended, instant';
COMMENT ON COLUMN night.outcome IS 'completed, interrupted (by a person or the system) or failed';
COMMENT ON COLUMN night.program_version IS 'Version of this program';
COMMENT ON COLUMN night.asr_model IS 'Recogniser, by name and revision';
COMMENT ON COLUMN night.rules_version IS 'Fingerprint of the rules, as in table analysis';
COMMENT ON COLUMN night.settings_hash IS 'Fingerprint of the settings that change results, 16 hex digits';
COMMENT ON COLUMN night.found IS 'Number of audio files found: the sum of the eight columns that follow';
COMMENT ON COLUMN night.analysed IS 'Recordings that were analysed and stored';
COMMENT ON COLUMN night.unchanged IS 'Recordings that were stored already, also those that were rechecked';
COMMENT ON COLUMN night.quarantined IS 'Recordings and unreadable files that could not be analysed now, see view quarantine';
COMMENT ON COLUMN night.waiting IS 'Files that are still being written, and recordings that the run did not come to';
COMMENT ON COLUMN night.in_parts IS 'Recordings whose analysis is finished and not loaded yet';
COMMENT ON COLUMN night.merged IS 'Files that belong to a recording under another name: legs, mixes, copies';
COMMENT ON COLUMN night.skipped IS 'Recordings that a person has dropped';
COMMENT ON COLUMN night.erased IS 'Files of recordings that were erased, which are left alone';
COMMENT ON COLUMN night.rechecked IS 'Of those unchanged: recordings that were assessed again, without their audio';
COMMENT ON COLUMN night.renewed IS 'Of those analysed: recordings that were outdated';
COMMENT ON COLUMN night.replaced IS 'Stored recordings that a longer version of the same file took the place of';
COMMENT ON COLUMN night.failures IS 'Number of recordings that could not be analysed now, by reason, JSON object';
COMMENT ON COLUMN night.audio_s IS 'Length of the analysed recordings in seconds';
COMMENT ON COLUMN night.analysis_s IS 'Time that their analyses took, one after the other, in seconds';
COMMENT ON COLUMN night.discover_s IS 'Time of looking for files and metadata in seconds';
COMMENT ON COLUMN night.plan_s IS 'Time of planning in seconds';
COMMENT ON COLUMN night.recheck_s IS 'Time of assessing stored calls again in seconds';
COMMENT ON COLUMN night.load_s IS 'Time of loading finished calls into the store in seconds';
COMMENT ON COLUMN night.publish_s IS 'Time of publishing in seconds';
COMMENT ON COLUMN night.wall_s IS 'Time from start to end in seconds';
COMMENT ON COLUMN night.publications IS 'Number of times the store was published';
COMMENT ON COLUMN night.real_time_factor IS 'analysis_s / audio_s; NULL where nothing was analysed';
COMMENT ON COLUMN night.passed IS 'Findings of the analysed recordings with the verdict pass';
COMMENT ON COLUMN night.failed IS 'Findings of the analysed recordings with the verdict fail';
COMMENT ON COLUMN night.undetermined IS 'Findings of the analysed recordings with the verdict not_determinable';
COMMENT ON COLUMN night.stereo IS 'Analysed recordings with a speaker a channel';
COMMENT ON COLUMN night.swapped IS 'Of these: recordings whose channels may be swapped';
