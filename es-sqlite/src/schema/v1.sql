-- One row per stream. The head is the last commit; every append is checked against it.
CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    category TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    head_commit_id BLOB NOT NULL,
    head_first_version INTEGER NOT NULL,
    head_last_version INTEGER NOT NULL,
    UNIQUE (category, aggregate_id)
) STRICT;

-- The log. AUTOINCREMENT keeps the last position ever given in sqlite_sequence, inside the same
-- transaction: a rolled back append burns none, and a row that is missing at the end is noticed.
CREATE TABLE commits (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL REFERENCES streams (id),
    first_version INTEGER NOT NULL CHECK (first_version >= 1),
    event_count INTEGER NOT NULL CHECK (event_count >= 1),
    commit_id BLOB NOT NULL CHECK (length(commit_id) = 16),
    recorded_at INTEGER NOT NULL,
    encoding TEXT NOT NULL,
    manifest TEXT NOT NULL,
    payloads ANY NOT NULL,
    metadata TEXT,
    checksum INTEGER NOT NULL,
    UNIQUE (stream, first_version),
    UNIQUE (stream, commit_id)
) STRICT;

CREATE TRIGGER commits_are_not_updated BEFORE UPDATE ON commits
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;

CREATE TRIGGER commits_are_not_deleted BEFORE DELETE ON commits
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;

-- For people.
CREATE VIEW log AS
SELECT
    position,
    category || ':' || aggregate_id AS stream,
    first_version,
    first_version + event_count - 1 AS last_version,
    lower(hex(commit_id)) AS commit_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', recorded_at / 1e6, 'unixepoch') AS recorded_at,
    encoding,
    manifest,
    payloads,
    metadata
FROM commits JOIN streams ON streams.id = commits.stream
ORDER BY position;

CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    category TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    head_commit_id BLOB NOT NULL,
    head_first_version INTEGER NOT NULL,
    head_last_version INTEGER NOT NULL,
    schema_version INTEGER NOT NULL,
    codec TEXT NOT NULL,
    state ANY NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (category, aggregate_id)
) STRICT;

-- A consumer that was reset begins at this revision, in every partition, not at 0: what was loaded
-- before the reset is fenced.
CREATE TABLE consumers (
    consumer TEXT PRIMARY KEY,
    first_revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    consumer TEXT NOT NULL,
    partition TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (consumer, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE consumed (
    consumer TEXT NOT NULL,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (consumer, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE views (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE indexed_fields (
    view TEXT NOT NULL REFERENCES views (name),
    field TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (view, field)
) STRICT, WITHOUT ROWID;
