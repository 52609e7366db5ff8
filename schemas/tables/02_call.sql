CREATE TABLE IF NOT EXISTS call (
    recording_id VARCHAR PRIMARY KEY,
    call_ref VARCHAR,
    started_at TIMESTAMPTZ,
    direction VARCHAR CHECK (direction IN ('inbound', 'outbound')),
    queue VARCHAR,
    agent_id VARCHAR,
    agent_name VARCHAR,
    customer_ref VARCHAR,
    jurisdictions VARCHAR[] NOT NULL,
    holds DOUBLE[][],
    pauses DOUBLE[][],
    extra JSON NOT NULL,
    team VARCHAR,
    site VARCHAR
);

COMMENT ON TABLE call IS 'One row per recording: its business facts, as the metadata gave them';
COMMENT ON COLUMN call.recording_id IS 'The recording, 64 hex digits';
COMMENT ON COLUMN call.call_ref IS 'The telephone system''s name for the call';
COMMENT ON COLUMN call.started_at IS 'When the call began, instant';
COMMENT ON COLUMN call.direction IS 'inbound or outbound, seen from the call centre';
COMMENT ON COLUMN call.queue IS 'Queue that took the call';
COMMENT ON COLUMN call.agent_id IS 'The agent''s identifier';
COMMENT ON COLUMN call.agent_name IS 'The agent''s name';
COMMENT ON COLUMN call.customer_ref IS 'The customer''s identifier';
COMMENT ON COLUMN call.jurisdictions IS 'Codes of the places the parties were in, see table jurisdiction; empty when unknown';
COMMENT ON COLUMN call.holds IS 'Holds as the telephone system gave them, pairs of start and end in seconds; NULL when it did not';
COMMENT ON COLUMN call.pauses IS 'Pauses of the recorder as the telephone system gave them, pairs of start and end in seconds; NULL when it did not';
COMMENT ON COLUMN call.extra IS 'Metadata under other names, JSON object';
COMMENT ON COLUMN call.team IS 'Team of the agent';
COMMENT ON COLUMN call.site IS 'Place of the call centre that took the call';
