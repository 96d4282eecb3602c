//! Moving messages to the dead-letter queue, and back.

use std::collections::BTreeSet;

use es_core::{Error, MessageId, QueueName, Timestamp};
use rusqlite::{Row, params};

use super::Change;
use super::configuring::{Queue, find_queue, read_name};
use crate::errors::{self, Fault};

/// Makes a message of `source` a dead letter.
pub(super) fn bury(
    change: &Change<'_, '_>,
    source: &Queue,
    place: i64,
    dead_letter_queue: &Queue,
) -> Result<(), Fault> {
    change
        .db
        .prepare_cached(
            "UPDATE messages SET place = (SELECT max(place) FROM messages) + 1, queue = ?2, \
             enqueued_at = ?3, visible_at = ?3, receipt = NULL, receive_count = 0, \
             dead_letter_source = ?4 WHERE place = ?1",
        )?
        .execute(params![place, dead_letter_queue.id, change.micros(), source.id])?;
    change.db.queue_changed(&dead_letter_queue.name);
    Ok(())
}

struct DeadLetter {
    place: i64,
    source: i64,
    source_name: String,
}

/// Moves up to `max` dead letters that came up to `mark` back to where they came from; how many.
pub(super) fn redrive(
    change: &Change<'_, '_>,
    from: &QueueName,
    mark: Timestamp,
    ids: Option<&BTreeSet<MessageId>>,
    max: u64,
) -> Result<u64, Fault> {
    let queue = find_queue(change.db, from)?;
    let dead_letters = find(change, &queue, mark, ids, max)?;
    let mut send_again = change.db.prepare_cached(
        "UPDATE messages SET place = (SELECT max(place) FROM messages) + 1, queue = ?2, \
         sent_at = ?3, enqueued_at = ?3, visible_at = ?3, receipt = NULL, received_at = NULL, \
         first_received_at = NULL, receive_count = 0, dead_letter_source = NULL WHERE place = ?1",
    )?;
    for DeadLetter { place, source, source_name } in &dead_letters {
        send_again.execute(params![place, source, change.micros()])?;
        change.db.queue_changed(&read_name(source_name)?);
    }
    Ok(dead_letters.len() as u64)
}

fn find(
    change: &Change<'_, '_>,
    queue: &Queue,
    mark: Timestamp,
    ids: Option<&BTreeSet<MessageId>>,
    max: u64,
) -> Result<Vec<DeadLetter>, Fault> {
    let mut select = change.db.prepare_cached(
        "SELECT place, dead_letter_source, \
         (SELECT name FROM queues WHERE id = messages.dead_letter_source) FROM messages \
         WHERE queue = ?1 AND dead_letter_source IS NOT NULL \
         AND enqueued_at <= ?2 AND enqueued_at > ?3 AND (visible_at <= ?4 OR receipt IS NULL) \
         AND (?5 IS NULL OR message_id IN (SELECT value FROM json_each(?5))) \
         ORDER BY place LIMIT ?6 + 0",
    )?;
    let ids = ids.map(as_json).transpose()?;
    let dead_letter = |row: &Row<'_>| {
        Ok(DeadLetter { place: row.get(0)?, source: row.get(1)?, source_name: row.get(2)? })
    };
    let found = select.query_map(
        params![
            queue.id,
            mark.as_microsecond(),
            queue.too_old(change.now),
            change.micros(),
            ids,
            errors::signed(max),
        ],
        dead_letter,
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// A list that SQLite can look into.
fn as_json(ids: &BTreeSet<MessageId>) -> Result<String, Fault> {
    let ids: Vec<&str> = ids.iter().map(MessageId::as_str).collect();
    serde_json::to_string(&ids).map_err(|source| {
        Error::Encode { what: "the ids of messages".to_owned(), source: source.into() }.into()
    })
}
