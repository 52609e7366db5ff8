-- What a person has decided about a recording in quarantine.
CREATE TABLE IF NOT EXISTS quarantine_choice (
    recording_id VARCHAR NOT NULL,
    choice VARCHAR NOT NULL CHECK (choice IN ('retry', 'drop')),
    chosen_at TIMESTAMPTZ NOT NULL
);

COMMENT ON TABLE quarantine_choice IS 'One row per recording in quarantine about which a person has decided';
COMMENT ON COLUMN quarantine_choice.recording_id IS 'The recording, as in view quarantine';
COMMENT ON COLUMN quarantine_choice.choice IS 'retry: the next run analyses it again; drop: runs skip it and the view quarantine leaves it out';
COMMENT ON COLUMN quarantine_choice.chosen_at IS 'When that was decided, instant';
