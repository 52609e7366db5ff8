-- One row a recording in `changed`, a temporary table of the writer. A filter on the call or the day does not
-- reach the groupings below, so that one call would cost as much as the whole archive; kept as a table it is
-- found at once. Rows are in the order of calls, for questions about a day.
WITH measured AS (
    SELECT
        recording_id,
        max(value) FILTER (WHERE name = 'talk_ratio') AS agent_talk_ratio,
        max(value) FILTER (WHERE name = 'talk_time' AND role = 'agent') AS agent_talk_s,
        max(value) FILTER (WHERE name = 'talk_time' AND role = 'customer') AS customer_talk_s,
        max(value) FILTER (WHERE name = 'dead_air_count') AS dead_air_count,
        max(value) FILTER (WHERE name = 'dead_air_time') AS dead_air_s,
        -- An event that was looked for and not found counts 0; one that could not be looked for is NULL.
        count(value) FILTER (WHERE name = 'hold_count') > 0 AS holds_known,
        count(value) FILTER (WHERE name = 'interruptions' AND role = 'agent') > 0 AS by_agent_known,
        count(value) FILTER (WHERE name = 'interruptions' AND role = 'customer') > 0 AS by_customer_known
    FROM metric_value
    SEMI JOIN changed USING (recording_id)
    GROUP BY recording_id
),
held AS (
    SELECT
        recording_id,
        count(*) AS holds,
        round(sum(end_s - start_s), 2) AS hold_s,
        round(max(end_s - start_s), 2) AS longest_hold_s,
        count(*) FILTER (WHERE permission = 'granted') AS granted,
        count(*) FILTER (WHERE thanked) AS thanked
    FROM hold
    SEMI JOIN changed USING (recording_id)
    GROUP BY recording_id
),
interrupted AS (
    SELECT
        recording_id,
        count(*) FILTER (WHERE by_role = 'agent') AS by_agent,
        count(*) FILTER (WHERE by_role = 'customer') AS by_customer
    FROM overlap
    SEMI JOIN changed USING (recording_id)
    WHERE kind = 'interruption'
    GROUP BY recording_id
),
judged AS (
    SELECT
        recording_id,
        max(verdict) FILTER (WHERE rule_id = 'recording_disclosure') AS recording_disclosure,
        max(detail ->> 'status') FILTER (WHERE rule_id = 'recording_disclosure') AS disclosure_status,
        max(verdict) FILTER (WHERE rule_id = 'hold_permission') AS hold_permission,
        max(verdict) FILTER (WHERE rule_id = 'hold_thanks') AS hold_thanks,
        count(*) FILTER (WHERE verdict = 'pass') AS passes,
        count(*) FILTER (WHERE verdict = 'fail') AS fails,
        count(*) FILTER (WHERE verdict = 'not_determinable') AS not_determinable
    FROM finding
    SEMI JOIN changed USING (recording_id)
    GROUP BY recording_id
),
scored AS (
    SELECT
        recording_id,
        max(value) FILTER (WHERE score = 'compliance') AS compliance_score,
        max(value) FILTER (WHERE score = 'quality') AS quality_score,
        flatten(list(fatal_fail_rules ORDER BY score)) AS fatal_fail_rules
    FROM call_score
    SEMI JOIN changed USING (recording_id)
    GROUP BY recording_id
)
SELECT
    recording.recording_id,
    call.call_ref,
    recording.uri,
    call.started_at,
    call.direction,
    call.queue,
    call.agent_id,
    call.agent_name,
    recording.duration_s,
    recording.layout,
    recording.call_kind,
    recording.language,
    recording.language_probability,
    recording.language_source = 'default' AS language_unsure,
    measured.agent_talk_ratio,
    measured.agent_talk_s,
    measured.customer_talk_s,
    CASE WHEN measured.holds_known THEN coalesce(held.holds, 0) END AS hold_count,
    CASE WHEN measured.holds_known THEN coalesce(held.hold_s, 0.0) END AS hold_s,
    CASE WHEN measured.holds_known THEN coalesce(held.granted, 0) END AS holds_permission_granted,
    CASE WHEN measured.holds_known THEN coalesce(held.thanked, 0) END AS holds_thanked,
    CASE WHEN measured.holds_known THEN held.longest_hold_s END AS longest_hold_s,
    CASE WHEN measured.by_agent_known THEN coalesce(interrupted.by_agent, 0) END AS interruptions_by_agent,
    CASE WHEN measured.by_customer_known THEN coalesce(interrupted.by_customer, 0) END
        AS interruptions_by_customer,
    measured.dead_air_count::BIGINT AS dead_air_count,
    measured.dead_air_s,
    judged.recording_disclosure,
    judged.disclosure_status,
    judged.hold_permission,
    judged.hold_thanks,
    coalesce(judged.passes, 0) AS passes,
    coalesce(judged.fails, 0) AS fails,
    coalesce(judged.not_determinable, 0) AS not_determinable,
    judged.passes / nullif(judged.passes + judged.fails, 0) AS score,
    scored.compliance_score,
    scored.quality_score,
    coalesce(len(scored.fatal_fail_rules), 0) AS fatal_fails,
    coalesce(scored.fatal_fail_rules, []) AS fatal_fail_rules
FROM recording
SEMI JOIN changed USING (recording_id)
LEFT JOIN call ON call.recording_id = recording.recording_id
LEFT JOIN measured ON measured.recording_id = recording.recording_id
LEFT JOIN held ON held.recording_id = recording.recording_id
LEFT JOIN interrupted ON interrupted.recording_id = recording.recording_id
LEFT JOIN judged ON judged.recording_id = recording.recording_id
LEFT JOIN scored ON scored.recording_id = recording.recording_id
WHERE recording.status = 'analysed'
ORDER BY call.started_at, recording.recording_id;
