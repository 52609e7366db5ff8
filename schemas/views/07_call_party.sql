CREATE OR REPLACE VIEW call_party AS
WITH party AS (
    SELECT DISTINCT
        recording_id,
        -- US-CA, ca and CA are the same place; a call without any place has one unknown party.
        regexp_replace(
            upper(trim(unnest(CASE WHEN len(jurisdictions) = 0 THEN [''] ELSE jurisdictions END))), '^US-', ''
        ) AS given
    FROM call
)
SELECT
    party.recording_id,
    coalesce(jurisdiction.code, nullif(party.given, '')) AS code,
    jurisdiction.name,
    coalesce(jurisdiction.consent, 'unknown') AS consent,
    coalesce(jurisdiction.strictness, (SELECT max(strictness) FROM jurisdiction)) AS strictness,
    jurisdiction.as_of,
    jurisdiction.source,
    jurisdiction.note
FROM party
LEFT JOIN jurisdiction ON party.given IN (jurisdiction.code, upper(jurisdiction.name));

COMMENT ON VIEW call_party IS 'One row per call and place a party was in, with the law held to apply there';
COMMENT ON COLUMN call_party.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN call_party.code IS 'The place, see table jurisdiction; as given when that does not have it, NULL when no place is known';
COMMENT ON COLUMN call_party.name IS 'Its name';
COMMENT ON COLUMN call_party.consent IS 'Its rule: all_party, disputed, one_party, or unknown, which counts as strictest';
COMMENT ON COLUMN call_party.strictness IS 'Its rank, higher is stricter, see table jurisdiction';
COMMENT ON COLUMN call_party.as_of IS 'Date as of which the rule was held to be right';
COMMENT ON COLUMN call_party.source IS 'Statute or court decision';
COMMENT ON COLUMN call_party.note IS 'What is disputed or peculiar';
