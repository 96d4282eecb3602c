-- Durations and times of queues and messages are in microseconds.
CREATE TABLE queues (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    visibility_timeout INTEGER NOT NULL,
    retention INTEGER NOT NULL,
    delay INTEGER NOT NULL,
    max_message_size INTEGER NOT NULL,
    dead_letter_queue INTEGER REFERENCES queues (id),
    max_receive_count INTEGER,
    CHECK ((dead_letter_queue IS NULL) = (max_receive_count IS NULL))
) STRICT;

-- A message is in the queue that it says, under its place: a number higher than that of every message
-- before it, given anew when it moves. In flight is what has a receipt and is not visible; the receipt
-- stays when the timeout is over, for an acknowledgement that comes late.
CREATE TABLE messages (
    place INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL REFERENCES queues (id),
    message_id TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL CHECK (json_valid(attributes)),
    message_group TEXT,
    deduplication_id TEXT,
    sent_at INTEGER NOT NULL,
    enqueued_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    receipt TEXT,
    received_at INTEGER,
    first_received_at INTEGER,
    receive_count INTEGER NOT NULL DEFAULT 0,
    dead_letter_source INTEGER REFERENCES queues (id)
) STRICT;

CREATE INDEX messages_by_visibility ON messages (queue, visible_at);
CREATE INDEX messages_by_age ON messages (queue, enqueued_at);
-- Only FIFO queues pay for these two.
CREATE INDEX messages_in_order ON messages (queue, place) WHERE message_group IS NOT NULL;
CREATE INDEX messages_by_group ON messages (queue, message_group, visible_at)
WHERE message_group IS NOT NULL;

CREATE TABLE deduplication (
    queue INTEGER NOT NULL REFERENCES queues (id),
    deduplication_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    PRIMARY KEY (queue, deduplication_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX deduplication_by_age ON deduplication (queue, sent_at);

CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE subscriptions (
    topic INTEGER NOT NULL REFERENCES topics (id),
    queue INTEGER NOT NULL REFERENCES queues (id),
    filter_policy TEXT NOT NULL CHECK (json_valid(filter_policy)),
    PRIMARY KEY (topic, queue)
) STRICT, WITHOUT ROWID;

-- For people.
CREATE VIEW queued AS
SELECT
    queues.name AS queue,
    messages.message_id,
    messages.message_group,
    strftime('%Y-%m-%dT%H:%M:%fZ', messages.sent_at / 1e6, 'unixepoch') AS sent_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', messages.visible_at / 1e6, 'unixepoch') AS visible_at,
    messages.receipt IS NOT NULL AS was_received,
    messages.receive_count,
    sources.name AS dead_letter_source,
    messages.body,
    messages.attributes
FROM messages
JOIN queues ON queues.id = messages.queue
LEFT JOIN queues AS sources ON sources.id = messages.dead_letter_source
ORDER BY messages.place;
