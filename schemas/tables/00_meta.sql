CREATE TABLE IF NOT EXISTS meta (
    program VARCHAR PRIMARY KEY CHECK (program = 'earwitness'),
    schema_version INTEGER NOT NULL,
    sql_fingerprint VARCHAR
);

COMMENT ON TABLE meta IS 'One row that identifies the file as a store of this program';
COMMENT ON COLUMN meta.program IS 'Always earwitness';
COMMENT ON COLUMN meta.schema_version IS 'Layout of the tables; a program with another one refuses the file';
COMMENT ON COLUMN meta.sql_fingerprint IS 'Fingerprint of the SQL that made tables and views and filled table summary, 12 hex digits';
