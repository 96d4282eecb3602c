-- What is due when, for process managers.
CREATE TABLE deadlines (
    process TEXT NOT NULL,
    -- In microseconds since 1970.
    due INTEGER NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    instance TEXT NOT NULL,
    -- The order in which they fire.
    PRIMARY KEY (process, due, id, instance)
) STRICT, WITHOUT ROWID;

CREATE VIEW upcoming AS
SELECT
    process,
    instance,
    strftime('%Y-%m-%dT%H:%M:%fZ', due / 1e6, 'unixepoch') AS due,
    lower(hex(id)) AS id
FROM deadlines
ORDER BY process, deadlines.due, deadlines.id, instance;
