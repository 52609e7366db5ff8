CREATE TABLE IF NOT EXISTS schema_migration (
    version INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL,
    program_version VARCHAR NOT NULL
);

COMMENT ON TABLE schema_migration IS 'One row per layout that the file has had since it has kept this record';
COMMENT ON COLUMN schema_migration.version IS 'Number of the layout, see meta.schema_version';
COMMENT ON COLUMN schema_migration.name IS 'Name of the migration that gave the file this layout, or new_store for the layout it was made with';
COMMENT ON COLUMN schema_migration.applied_at IS 'When the file got this layout, instant';
COMMENT ON COLUMN schema_migration.program_version IS 'Release of the program that gave it';
