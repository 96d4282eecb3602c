-- Which worker works on which partition of a consumer. The counter grows with each change.
CREATE TABLE leases (
    consumer TEXT NOT NULL,
    partition TEXT NOT NULL,
    owner TEXT,
    counter INTEGER NOT NULL CHECK (counter >= 0),
    checkpoint TEXT NOT NULL,
    sub_sequence INTEGER NOT NULL,
    owner_switches INTEGER NOT NULL,
    -- Names of partitions.
    parents TEXT NOT NULL CHECK (json_valid(parents)),
    children TEXT NOT NULL CHECK (json_valid(children)),
    -- Decimal digits: they have 128 bits.
    starting_hash_key TEXT,
    ending_hash_key TEXT,
    PRIMARY KEY (consumer, partition),
    CHECK ((starting_hash_key IS NULL) = (ending_hash_key IS NULL))
) STRICT, WITHOUT ROWID;

-- What was done already. A record without a result is in progress.
CREATE TABLE idempotency_records (
    id INTEGER PRIMARY KEY,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    payload_hash BLOB NOT NULL CHECK (length(payload_hash) = 32),
    owner_token BLOB NOT NULL CHECK (length(owner_token) = 16),
    result BLOB,
    -- When the request can be begun again, and when the record is of no use any more: in microseconds
    -- since 1970.
    expires_at INTEGER NOT NULL,
    removable_at INTEGER NOT NULL,
    UNIQUE (scope, key)
) STRICT;

CREATE INDEX idempotency_records_by_age ON idempotency_records (removable_at);
