//! Sending: storing messages, and recognising those that were sent before.

use es_core::{Error, MessageId, NewMessage, QueueName, Result};
use rusqlite::{OptionalExtension as _, params};

use super::configuring::{Queue, find_queue};
use super::{Change, micros};
use crate::errors::Fault;

/// Sends each message for itself: one that is not valid does not keep the others back.
pub(super) fn send_batch(
    change: &Change<'_, '_>,
    queue: &QueueName,
    messages: &[NewMessage],
) -> Result<Vec<Result<MessageId>>, Fault> {
    let queue = find_queue(change.db, queue)?;
    let sent = messages.iter().map(|message| match message.check(&queue.name, &queue.options) {
        Ok(()) => send(change, &queue, message).map(Ok),
        Err(error) => Ok(Err(error)),
    });
    sent.collect()
}

/// Stores a message that was checked, unless it repeats another.
pub(super) fn send(
    change: &Change<'_, '_>,
    queue: &Queue,
    message: &NewMessage,
) -> Result<MessageId, Fault> {
    if let Some(deduplication_id) = &message.deduplication_id
        && let Some(first) = first_of_its_kind(change, queue, deduplication_id)?
    {
        return Ok(first);
    }
    let id = MessageId::generate(change.now, change.entropy);
    if let Some(deduplication_id) = &message.deduplication_id {
        remember(change, queue, deduplication_id, &id)?;
    }
    insert(change, queue, message, &id)?;
    change.db.queue_changed(&queue.name);
    Ok(id)
}

/// The message that was sent with this id before, if that is remembered.
fn first_of_its_kind(
    change: &Change<'_, '_>,
    queue: &Queue,
    deduplication_id: &str,
) -> Result<Option<MessageId>, Fault> {
    let too_old = change.micros().saturating_sub(micros(NewMessage::DEDUPLICATION));
    change
        .db
        .prepare_cached("DELETE FROM deduplication WHERE queue = ?1 AND sent_at <= ?2")?
        .execute([queue.id, too_old])?;
    let first: Option<String> = change
        .db
        .prepare_cached(
            "SELECT message_id FROM deduplication WHERE queue = ?1 AND deduplication_id = ?2",
        )?
        .query_row(params![queue.id, deduplication_id], |row| row.get(0))
        .optional()?;
    Ok(first.map(|id| MessageId::from_stored(&id)))
}

fn remember(
    change: &Change<'_, '_>,
    queue: &Queue,
    deduplication_id: &str,
    id: &MessageId,
) -> Result<(), Fault> {
    change
        .db
        .prepare_cached(
            "INSERT INTO deduplication (queue, deduplication_id, message_id, sent_at) \
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![queue.id, deduplication_id, id.as_str(), change.micros()])?;
    Ok(())
}

fn insert(
    change: &Change<'_, '_>,
    queue: &Queue,
    message: &NewMessage,
    id: &MessageId,
) -> Result<(), Fault> {
    let attributes = serde_json::to_string(&message.attributes).map_err(|source| {
        Error::Encode { what: "the attributes of a message".to_owned(), source: source.into() }
    })?;
    let delay = message.delay.unwrap_or(queue.options.delay);
    change
        .db
        .prepare_cached(
            "INSERT INTO messages (queue, message_id, body, attributes, message_group, \
             deduplication_id, sent_at, enqueued_at, visible_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)",
        )?
        .execute(params![
            queue.id,
            id.as_str(),
            message.body,
            attributes,
            message.group,
            message.deduplication_id,
            change.micros(),
            change.micros_after(delay),
        ])?;
    Ok(())
}
