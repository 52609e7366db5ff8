-- Holds as the telephone system told them beside those that were heard. Calls of which it told nothing about
-- holds are left out: silence of the telephone system is no denial.
CREATE OR REPLACE VIEW hold_agreement AS
WITH edge AS NOT MATERIALIZED (
    SELECT
        recording_id,
        event,
        at_s,
        source,
        offset_s,
        offset_from,
        lead(event) OVER later AS next_event,
        lead(at_s) OVER later AS next_at_s
    FROM (
        -- Several sources may tell the same.
        SELECT *
        FROM telephony_event
        WHERE event IN ('hold', 'unhold') AND at_s IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY recording_id, event, at_s ORDER BY source) = 1
    ) AS event
    WINDOW later AS (PARTITION BY recording_id ORDER BY at_s, event DESC)
),
asked AS NOT MATERIALIZED (
    SELECT DISTINCT recording_id FROM telephony_event WHERE event IN ('hold', 'unhold') AND at_s IS NOT NULL
),
told AS NOT MATERIALIZED (
    SELECT
        recording_id,
        at_s AS start_s,
        CASE WHEN next_event = 'unhold' THEN next_at_s END AS end_s,
        source,
        offset_s,
        offset_from
    FROM edge
    WHERE event = 'hold'
    UNION ALL
    SELECT
        recording_id,
        pair[1] AS start_s,
        pair[2] AS end_s,
        'metadata' AS source,
        0.0 AS offset_s,
        'given' AS offset_from
    FROM (SELECT recording_id, unnest(holds) AS pair FROM call WHERE holds IS NOT NULL) AS given
    ANTI JOIN asked ON asked.recording_id = given.recording_id
),
-- A pair is each other's longest common stretch.
matched AS NOT MATERIALIZED (
    SELECT
        told.recording_id,
        told.start_s AS told_start_s,
        hold.hold_index,
        hold.start_s,
        hold.end_s,
        least(coalesce(told.end_s, hold.end_s), hold.end_s) - greatest(told.start_s, hold.start_s) AS common_s
    FROM told
    INNER JOIN hold ON hold.recording_id = told.recording_id
    WHERE common_s > 0
    QUALIFY
        row_number() OVER (PARTITION BY told.recording_id, told.start_s ORDER BY common_s DESC, hold.hold_index) = 1
        AND row_number() OVER (PARTITION BY told.recording_id, hold.hold_index ORDER BY common_s DESC, told.start_s)
        = 1
),
both_sides AS NOT MATERIALIZED (
    SELECT
        told.recording_id,
        matched.hold_index,
        told.start_s AS told_start_s,
        told.end_s AS told_end_s,
        matched.start_s AS heard_start_s,
        matched.end_s AS heard_end_s,
        told.source,
        told.offset_s,
        told.offset_from
    FROM told
    LEFT JOIN matched ON matched.recording_id = told.recording_id AND matched.told_start_s = told.start_s
    UNION ALL
    SELECT
        hold.recording_id,
        hold.hold_index,
        NULL AS told_start_s,
        NULL AS told_end_s,
        hold.start_s AS heard_start_s,
        hold.end_s AS heard_end_s,
        NULL AS source,
        NULL AS offset_s,
        NULL AS offset_from
    FROM hold
    SEMI JOIN (
        SELECT recording_id FROM asked
        UNION
        SELECT recording_id FROM call WHERE holds IS NOT NULL
    ) AS known ON known.recording_id = hold.recording_id
    ANTI JOIN matched ON matched.recording_id = hold.recording_id AND matched.hold_index = hold.hold_index
)
SELECT
    both_sides.recording_id,
    call.call_ref,
    call.started_at,
    call.queue,
    call.agent_id,
    both_sides.hold_index,
    CASE
        WHEN both_sides.told_start_s IS NULL THEN 'heard_only'
        WHEN both_sides.heard_start_s IS NULL THEN 'told_only'
        ELSE 'both'
    END AS agreement,
    both_sides.told_start_s,
    both_sides.told_end_s,
    both_sides.heard_start_s,
    both_sides.heard_end_s,
    both_sides.heard_start_s - both_sides.told_start_s AS start_difference_s,
    both_sides.heard_end_s - both_sides.told_end_s AS end_difference_s,
    both_sides.source,
    both_sides.offset_s,
    both_sides.offset_from
FROM both_sides
INNER JOIN call ON call.recording_id = both_sides.recording_id
ORDER BY
    call.started_at ASC, both_sides.recording_id ASC,
    coalesce(both_sides.told_start_s, both_sides.heard_start_s) ASC;

COMMENT ON VIEW hold_agreement IS 'One row per hold that the telephone system told or that was heard, for calls of which it told its holds';
COMMENT ON COLUMN hold_agreement.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN hold_agreement.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN hold_agreement.started_at IS 'When the call began, instant';
COMMENT ON COLUMN hold_agreement.queue IS 'Queue or team that took the call';
COMMENT ON COLUMN hold_agreement.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN hold_agreement.hold_index IS 'The hold that was heard, see table hold; NULL where none was';
COMMENT ON COLUMN hold_agreement.agreement IS 'both, told_only or heard_only';
COMMENT ON COLUMN hold_agreement.told_start_s IS 'Start as told, in seconds from the start of the recording, clock corrected';
COMMENT ON COLUMN hold_agreement.told_end_s IS 'End as told, in seconds from the start of the recording; NULL where no end was told';
COMMENT ON COLUMN hold_agreement.heard_start_s IS 'Start as heard, in seconds from the start of the recording';
COMMENT ON COLUMN hold_agreement.heard_end_s IS 'End as heard, in seconds from the start of the recording';
COMMENT ON COLUMN hold_agreement.start_difference_s IS 'Start heard less start told in seconds; negative: heard sooner, as it is from the last word on';
COMMENT ON COLUMN hold_agreement.end_difference_s IS 'End heard less end told in seconds; positive: heard later, as it is until the agent''s first word';
COMMENT ON COLUMN hold_agreement.source IS 'What told it: vcon, genesys, connect, table, or metadata for the column holds';
COMMENT ON COLUMN hold_agreement.offset_s IS 'Correction of the telephone system''s clock in seconds, already applied';
COMMENT ON COLUMN hold_agreement.offset_from IS 'How it is known: sound, assumed or given; see table telephony_event';
