CREATE OR REPLACE VIEW consent_gaps AS
WITH strictest AS (
    SELECT *
    FROM call_party
    QUALIFY row_number() OVER (PARTITION BY recording_id ORDER BY strictness DESC, consent ASC, code ASC) = 1
)
SELECT
    finding.recording_id,
    call.call_ref,
    recording.uri,
    call.started_at,
    call.queue,
    call.agent_id,
    call.agent_name,
    call.jurisdictions,
    strictest.code AS strictest_jurisdiction,
    strictest.name AS jurisdiction_name,
    strictest.consent,
    strictest.strictness,
    strictest.as_of AS law_as_of,
    strictest.source AS law_source,
    strictest.note AS law_note,
    finding.verdict,
    CASE WHEN finding.verdict = 'fail' THEN 'gap' ELSE 'not_shown' END AS section,
    finding.detail ->> 'status' AS status,
    finding.detail ->> 'reason_code' AS reason_code,
    finding.detail ->> 'reason' AS reason,
    finding.quote,
    CASE WHEN finding.detail ->> 'status' = 'late' THEN finding.start_s END AS disclosed_s,
    finding.start_s,
    finding.end_s
FROM finding
INNER JOIN recording ON recording.recording_id = finding.recording_id
INNER JOIN call ON call.recording_id = finding.recording_id
INNER JOIN strictest ON strictest.recording_id = finding.recording_id
WHERE finding.rule_id = 'recording_disclosure' AND finding.verdict IN ('fail', 'not_determinable')
ORDER BY strictest.strictness DESC, section ASC, call.started_at ASC, finding.recording_id ASC;

COMMENT ON VIEW consent_gaps IS 'Calls whose recording was not shown to be disclosed in time, strictest jurisdiction first';
COMMENT ON COLUMN consent_gaps.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN consent_gaps.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN consent_gaps.uri IS 'Where the file was last seen';
COMMENT ON COLUMN consent_gaps.started_at IS 'When the call began, instant';
COMMENT ON COLUMN consent_gaps.queue IS 'Queue or team that took the call';
COMMENT ON COLUMN consent_gaps.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN consent_gaps.agent_name IS 'The agent''s name';
COMMENT ON COLUMN consent_gaps.jurisdictions IS 'Codes of the places the parties were in, as given';
COMMENT ON COLUMN consent_gaps.strictest_jurisdiction IS 'Code of the strictest of them; NULL when none is known';
COMMENT ON COLUMN consent_gaps.jurisdiction_name IS 'Its name; NULL when it is unknown';
COMMENT ON COLUMN consent_gaps.consent IS 'Its rule: all_party, disputed, one_party, or unknown, which counts as strictest';
COMMENT ON COLUMN consent_gaps.strictness IS 'Its rank, higher is stricter, see table jurisdiction';
COMMENT ON COLUMN consent_gaps.law_as_of IS 'Date as of which the rule was held to be right';
COMMENT ON COLUMN consent_gaps.law_source IS 'Statute or court decision';
COMMENT ON COLUMN consent_gaps.law_note IS 'What is disputed or peculiar';
COMMENT ON COLUMN consent_gaps.verdict IS 'fail or not_determinable';
COMMENT ON COLUMN consent_gaps.section IS 'gap (the disclosure failed) or not_shown (the recording does not show whether it was made)';
COMMENT ON COLUMN consent_gaps.reason_code IS 'Code of the reason why it could not be determined';
COMMENT ON COLUMN consent_gaps.status IS 'The fault, such as late, absent or partial';
COMMENT ON COLUMN consent_gaps.reason IS 'Why it could not be determined';
COMMENT ON COLUMN consent_gaps.quote IS 'The words that decided';
COMMENT ON COLUMN consent_gaps.disclosed_s IS 'Start of a late disclosure in seconds from the start of the recording; else NULL';
COMMENT ON COLUMN consent_gaps.start_s IS 'Start of the evidence, or of the window searched, in seconds';
COMMENT ON COLUMN consent_gaps.end_s IS 'End of the evidence, or of the window searched, in seconds, exclusive';
