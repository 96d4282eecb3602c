-- Dead letters: the commits that a consumer could not handle, and those that wait behind them, as they
-- were delivered. A letter is parked, or the record of one that was dropped.
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    consumer TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('parked', 'dropped')),
    stream TEXT NOT NULL,
    first_version INTEGER NOT NULL CHECK (first_version >= 1),
    event_count INTEGER NOT NULL CHECK (event_count >= 1),
    commit_id BLOB NOT NULL CHECK (length(commit_id) = 16),
    recorded_at INTEGER NOT NULL,
    encoding TEXT NOT NULL,
    manifest TEXT NOT NULL,
    payloads ANY NOT NULL,
    metadata TEXT,
    checksum INTEGER NOT NULL,
    parked_at INTEGER NOT NULL,
    -- None of the four for a letter that only waits behind another.
    failed_version INTEGER,
    error TEXT,
    attempts INTEGER,
    last_attempt_at INTEGER,
    -- Only of one that was dropped.
    drop_reason TEXT,
    dropped_at INTEGER,
    UNIQUE (consumer, state, stream, first_version),
    CHECK (
        (failed_version IS NULL) = (error IS NULL)
        AND (failed_version IS NULL) = (attempts IS NULL)
        AND (failed_version IS NULL) = (last_attempt_at IS NULL)
    ),
    CHECK (
        (state = 'dropped') = (drop_reason IS NOT NULL)
        AND (state = 'dropped') = (dropped_at IS NOT NULL)
    )
) STRICT;

-- For people.
CREATE VIEW dead_letter_log AS
SELECT
    consumer,
    state,
    stream,
    first_version,
    first_version + event_count - 1 AS last_version,
    failed_version,
    error,
    attempts,
    strftime('%Y-%m-%dT%H:%M:%fZ', last_attempt_at / 1e6, 'unixepoch') AS last_attempt_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', parked_at / 1e6, 'unixepoch') AS parked_at,
    drop_reason,
    strftime('%Y-%m-%dT%H:%M:%fZ', dropped_at / 1e6, 'unixepoch') AS dropped_at,
    lower(hex(commit_id)) AS commit_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', recorded_at / 1e6, 'unixepoch') AS recorded_at,
    encoding,
    manifest,
    payloads,
    metadata
FROM dead_letters
ORDER BY consumer, state DESC, stream, first_version;

-- A consumer that is paused and was never reset begins at revision 0.
ALTER TABLE consumers ADD COLUMN paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1));
