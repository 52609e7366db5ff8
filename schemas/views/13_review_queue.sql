CREATE OR REPLACE VIEW review_queue AS
WITH latest AS (
    SELECT
        recording_id,
        rule_id,
        rule_version,
        reviewer,
        arg_max(judgement, reviewed_at) AS judgement,
        bool_or(kind = 'settled') AS is_settled
    FROM review
    GROUP BY recording_id, rule_id, rule_version, reviewer
),

judged AS (
    SELECT
        recording_id,
        rule_id,
        rule_version,
        bool_or(judgement = 'confirmed') AS confirmed,
        bool_or(judgement = 'wrong') AS wrong,
        bool_or(judgement = 'unclear') AS unclear,
        bool_or(is_settled) AS is_settled
    FROM latest
    GROUP BY recording_id, rule_id, rule_version
),

waiting AS (
    SELECT
        finding.*,
        CASE
            WHEN judged.is_settled THEN NULL
            WHEN judged.confirmed AND judged.wrong OR judged.unclear THEN 'dispute'
            WHEN judged.recording_id IS NOT NULL OR finding.verdict <> 'not_determinable' THEN NULL
            WHEN finding.detail ->> 'reason_code' = 'possible_wording' THEN 'possible_wording'
            WHEN finding.detail ->> 'reason_code' = 'misheard' THEN 'misheard'
        END AS kind,
        trim(regexp_replace(lower(coalesce(finding.quote, '')), '[^\p{L}'']+', ' ', 'g')) AS wording
    FROM finding
    LEFT JOIN judged
        ON
            judged.recording_id = finding.recording_id
            AND judged.rule_id = finding.rule_id
            AND judged.rule_version = finding.rule_version
)

SELECT
    waiting.kind,
    waiting.rule_id,
    rule.score,
    rule.fatal,
    waiting.recording_id,
    call.call_ref,
    call.started_at,
    call.agent_id,
    call.agent_name,
    waiting.verdict,
    waiting.quote,
    waiting.start_s,
    waiting.end_s,
    waiting.turn_index,
    waiting.wording,
    count(*) OVER (PARTITION BY waiting.kind, waiting.rule_id, waiting.wording) AS same_wording,
    (waiting.detail -> 'meaning' ->> 'score')::DOUBLE AS probability,
    waiting.detail ->> 'reason' AS reason
FROM waiting
INNER JOIN call ON call.recording_id = waiting.recording_id
LEFT JOIN rule ON rule.rule_id = waiting.rule_id AND rule.rule_version = waiting.rule_version
WHERE waiting.kind IS NOT NULL
ORDER BY
    rule.score = 'compliance' DESC, same_wording DESC, waiting.rule_id ASC, waiting.wording ASC, call.started_at ASC,
    waiting.recording_id ASC;

COMMENT ON VIEW review_queue IS 'Findings that people should decide: possible wordings, misheard notices and disputes; compliance first, then the most frequent wording';
COMMENT ON COLUMN review_queue.kind IS 'possible_wording (may say it in words that no phrase foresees), misheard (may be a recognition error) or dispute (reviewers disagree or were unsure)';
COMMENT ON COLUMN review_queue.rule_id IS 'The rule';
COMMENT ON COLUMN review_queue.score IS 'The score that the rule counts in: compliance or quality';
COMMENT ON COLUMN review_queue.fatal IS 'Whether a fail of the rule fails the call';
COMMENT ON COLUMN review_queue.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN review_queue.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN review_queue.started_at IS 'When the call began, instant';
COMMENT ON COLUMN review_queue.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN review_queue.agent_name IS 'The agent''s name';
COMMENT ON COLUMN review_queue.verdict IS 'The verdict as it stands';
COMMENT ON COLUMN review_queue.quote IS 'The words to decide on, as recognised';
COMMENT ON COLUMN review_queue.start_s IS 'Their start in seconds from the start of the recording';
COMMENT ON COLUMN review_queue.end_s IS 'Their end in seconds from the start of the recording, exclusive';
COMMENT ON COLUMN review_queue.turn_index IS 'The turn in which they begin';
COMMENT ON COLUMN review_queue.wording IS 'The words in lower case without punctuation and digits';
COMMENT ON COLUMN review_queue.same_wording IS 'Number of findings of this kind and rule with the same wording';
COMMENT ON COLUMN review_queue.probability IS 'Probability that the sentence is the rule''s phrase, 0 to 1; NULL in the other kinds';
COMMENT ON COLUMN review_queue.reason IS 'Why it could not be determined';
