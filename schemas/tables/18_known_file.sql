-- Derived from the files themselves: rows may be removed at any time, and the files are then read again. Without
-- a key, because the program alone writes it and replaces rows by uri.
CREATE TABLE IF NOT EXISTS known_file (
    uri VARCHAR NOT NULL,
    bytes BIGINT NOT NULL CHECK (bytes >= 0),
    modified VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL CHECK (regexp_full_match(sha256, '[0-9a-f]{64}')),
    channels INTEGER CHECK (channels >= 0),
    duration_s DOUBLE CHECK (duration_s >= 0 AND isfinite(duration_s)),
    lossless BOOLEAN,
    unlike VARCHAR[] NOT NULL
);

COMMENT ON TABLE known_file IS 'One row per file of an archive that was read, so that it is not read again while it is unchanged';
COMMENT ON COLUMN known_file.uri IS 'Where the file is: an absolute path, or s3://bucket/key';
COMMENT ON COLUMN known_file.bytes IS 'Size in bytes when it was read';
COMMENT ON COLUMN known_file.modified IS 'State when it was read: time of the last change in ns since 1970, or the ETag of an object';
COMMENT ON COLUMN known_file.sha256 IS 'SHA-256 of the file''s bytes, 64 hex digits';
COMMENT ON COLUMN known_file.channels IS 'Channels by its header, 0 where it gives no sound; NULL where that was not needed';
COMMENT ON COLUMN known_file.duration_s IS 'Length in seconds by its header; NULL where that was not needed';
COMMENT ON COLUMN known_file.lossless IS 'Whether its coding is lossless, G.711 included; NULL where that was not needed';
COMMENT ON COLUMN known_file.unlike IS 'SHA-256 of files of the same name in other formats that were compared with it and are other calls';
