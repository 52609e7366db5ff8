-- Holds as the telephone system told them beside those that were heard. Calls of which it told nothing about
-- holds are left out: silence of the telephone system is no denial.
-- Holds are matched within a call as lists, so that a question about one call reads the rows of that call alone.
CREATE OR REPLACE VIEW hold_agreement AS
WITH edges AS (
    SELECT
        recording_id,
        -- Several sources may tell the same; at one instant a hold ends before the next begins.
        list_sort(list_distinct(list({'at_s': at_s, 'begins': event = 'hold'}))) AS edge,
        array_to_string(list_sort(list_distinct(list(source))), ', ') AS source,
        any_value(offset_s) AS offset_s,
        any_value(offset_from) AS offset_from
    FROM telephony_event
    WHERE event IN ('hold', 'unhold') AND at_s IS NOT NULL
    GROUP BY recording_id
),
told AS (
    SELECT
        recording_id,
        [
            {'start_s': edge[i].at_s, 'end_s': CASE WHEN NOT edge[i + 1].begins THEN edge[i + 1].at_s END}
            FOR i IN range(1, len(edge) + 1) IF edge[i].begins
        ] AS told,
        source,
        offset_s,
        offset_from
    FROM edges
    UNION ALL
    SELECT
        call.recording_id,
        [{'start_s': pair[1], 'end_s': pair[2]} FOR pair IN call.holds] AS told,
        'metadata' AS source,
        0.0 AS offset_s,
        'given' AS offset_from
    FROM call
    ANTI JOIN telephony_event
        ON telephony_event.recording_id = call.recording_id
        AND telephony_event.event IN ('hold', 'unhold') AND telephony_event.at_s IS NOT NULL
    WHERE call.holds IS NOT NULL
),
heard AS (
    SELECT
        recording_id,
        list({'hold_index': hold_index, 'start_s': start_s, 'end_s': end_s} ORDER BY hold_index) AS heard
    FROM hold
    GROUP BY recording_id
),
-- How long each told hold and each heard one have in common, in seconds; the first of equals counts.
compared AS (
    SELECT
        told.*,
        coalesce(heard.heard, []) AS heard,
        [
            [
                greatest(least(coalesce(t.end_s, h.end_s), h.end_s) - greatest(t.start_s, h.start_s), 0.0)
                FOR h IN coalesce(heard.heard, [])
            ]
            FOR t IN told.told
        ] AS common_s
    FROM told
    LEFT JOIN heard ON heard.recording_id = told.recording_id
),
-- A pair is each other's longest common stretch.
paired AS (
    SELECT
        *,
        [
            CASE
                WHEN list_max(common_s[t]) > 0
                    THEN list_position(common_s[t], list_max(common_s[t]))
            END
            FOR t IN range(1, len(told) + 1)
        ] AS heard_of,
        [
            list_position([row[h] FOR row IN common_s], list_max([row[h] FOR row IN common_s]))
            FOR h IN range(1, len(heard) + 1)
        ] AS told_of
    FROM compared
),
numbered AS (
    SELECT
        *,
        unnest(list_concat(
            [
                {'t': t, 'h': CASE WHEN told_of[heard_of[t]] = t THEN heard_of[t] END}
                FOR t IN range(1, len(told) + 1)
            ],
            [
                {'t': NULL, 'h': h}
                FOR h IN range(1, len(heard) + 1) IF coalesce(heard_of[told_of[h]], 0) <> h
            ]
        )) AS pair
    FROM paired
)
SELECT
    numbered.recording_id,
    call.call_ref,
    call.started_at,
    call.queue,
    call.agent_id,
    numbered.heard[pair.h].hold_index AS hold_index,
    CASE WHEN pair.t IS NULL THEN 'heard_only' WHEN pair.h IS NULL THEN 'told_only' ELSE 'both' END AS agreement,
    numbered.told[pair.t].start_s AS told_start_s,
    numbered.told[pair.t].end_s AS told_end_s,
    numbered.heard[pair.h].start_s AS heard_start_s,
    numbered.heard[pair.h].end_s AS heard_end_s,
    heard_start_s - told_start_s AS start_difference_s,
    heard_end_s - told_end_s AS end_difference_s,
    CASE WHEN pair.t IS NOT NULL THEN numbered.source END AS source,
    CASE WHEN pair.t IS NOT NULL THEN numbered.offset_s END AS offset_s,
    CASE WHEN pair.t IS NOT NULL THEN numbered.offset_from END AS offset_from
FROM numbered
INNER JOIN call ON call.recording_id = numbered.recording_id
ORDER BY call.started_at ASC, numbered.recording_id ASC, coalesce(told_start_s, heard_start_s) ASC;

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
COMMENT ON COLUMN hold_agreement.source IS 'What told it: vcon, genesys, connect, table, or several; metadata for the column holds';
COMMENT ON COLUMN hold_agreement.offset_s IS 'Correction of the telephone system''s clock in seconds, already applied';
COMMENT ON COLUMN hold_agreement.offset_from IS 'How it is known: sound, assumed or given; see table telephony_event';
