//! Receiving: what is due, and handing it out.

use std::time::Duration;

use es_core::{
    Error, MessageId, QueueCounts, QueueName, ReceiptHandle, ReceiveOptions, ReceivedMessage,
    Timestamp,
};
use rusqlite::{Connection, Row, params};

use super::Change;
use super::configuring::{Queue, find_queue, read_name};
use super::dead_letters::bury;
use crate::errors::{self, Fault};

/// What a receiver can expect.
pub(super) enum Outlook {
    /// There is something to receive, to give up, or to forget.
    Due,
    /// There is nothing before this time is over, if nothing else changes.
    Waiting { until_visible: Duration },
}

pub(super) fn outlook(db: &Connection, queue: &Queue, now: Timestamp) -> Result<Outlook, Fault> {
    if !due(db, queue, now, 1)?.is_empty() || has_expired(db, queue, now)? {
        return Ok(Outlook::Due);
    }
    let now = now.as_microsecond();
    let next: Option<i64> = db
        .prepare_cached(
            "SELECT min(visible_at) FROM messages WHERE queue = ?1 AND visible_at > ?2",
        )?
        .query_row([queue.id, now], |row| row.get(0))?;
    let until_visible =
        next.map_or(Duration::MAX, |next| Duration::from_micros(next.abs_diff(now)));
    Ok(Outlook::Waiting { until_visible })
}

fn has_expired(db: &Connection, queue: &Queue, now: Timestamp) -> Result<bool, Fault> {
    let mut select =
        db.prepare_cached("SELECT 1 FROM messages WHERE queue = ?1 AND enqueued_at <= ?2 LIMIT 1")?;
    Ok(select.exists([queue.id, queue.too_old(now)])?)
}

/// A message that could be received.
struct Candidate {
    place: i64,
    receive_count: u32,
}

/// The first messages that can be received, in order, up to `max`.
fn due(
    db: &Connection,
    queue: &Queue,
    now: Timestamp,
    max: usize,
) -> Result<Vec<Candidate>, Fault> {
    let select = if queue.name.is_fifo() { DUE_IN_ORDER } else { DUE };
    let now_micros = now.as_microsecond();
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let mut select = db.prepare_cached(select)?;
    let candidate =
        |row: &Row<'_>| Ok(Candidate { place: row.get(0)?, receive_count: row.get(1)? });
    let due = select.query_map([queue.id, now_micros, queue.too_old(now), max], candidate)?;
    Ok(due.collect::<Result<_, _>>()?)
}

/// The longest visible first.
const DUE: &str = "SELECT place, receive_count FROM messages INDEXED BY messages_by_visibility \
    WHERE queue = ?1 AND visible_at <= ?2 AND enqueued_at > ?3 \
    ORDER BY visible_at, place LIMIT ?4 + 0";

/// In the order of their coming, without those whose group is blocked: by one that is in flight,
/// or by an earlier one that is not visible. Without the hint SQLite would sort the whole queue.
const DUE_IN_ORDER: &str = "SELECT place, receive_count FROM messages AS candidate \
    INDEXED BY messages_in_order \
    WHERE queue = ?1 AND message_group IS NOT NULL AND visible_at <= ?2 AND enqueued_at > ?3 \
    AND NOT EXISTS ( \
        SELECT 1 FROM messages AS other INDEXED BY messages_by_group \
        WHERE other.queue = ?1 AND other.message_group = candidate.message_group \
        AND other.visible_at > ?2 AND other.enqueued_at > ?3 \
        AND (other.receipt IS NOT NULL OR other.place < candidate.place)) \
    ORDER BY place LIMIT ?4 + 0";

pub(super) fn receive(
    change: &Change<'_, '_>,
    queue: &QueueName,
    options: &ReceiveOptions,
) -> Result<Vec<ReceivedMessage>, Fault> {
    let queue = find_queue(change.db, queue)?;
    forget_expired(change, &queue)?;
    let candidates = give_up(change, &queue, options.max_messages)?;
    let timeout = options.visibility_timeout.unwrap_or(queue.options.visibility_timeout);
    candidates.into_iter().map(|candidate| hand_out(change, candidate.place, timeout)).collect()
}

fn forget_expired(change: &Change<'_, '_>, queue: &Queue) -> Result<(), Fault> {
    change
        .db
        .prepare_cached("DELETE FROM messages WHERE queue = ?1 AND enqueued_at <= ?2")?
        .execute([queue.id, queue.too_old(change.now)])?;
    Ok(())
}

/// The messages to receive, when those that were received too often already are out of the way. What
/// they blocked comes forward, so it is looked again until there is none.
fn give_up(change: &Change<'_, '_>, queue: &Queue, max: usize) -> Result<Vec<Candidate>, Fault> {
    loop {
        let candidates = due(change.db, queue, change.now, max)?;
        let Some(policy) = &queue.options.redrive_policy else {
            return Ok(candidates);
        };
        let is_exhausted =
            |candidate: &Candidate| candidate.receive_count >= policy.max_receive_count;
        let (exhausted, rest): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_exhausted);
        if exhausted.is_empty() {
            return Ok(rest);
        }
        let dead_letter_queue = find_queue(change.db, &policy.dead_letter_queue)?;
        for candidate in exhausted {
            bury(change, queue, candidate.place, &dead_letter_queue)?;
        }
    }
}

fn hand_out(
    change: &Change<'_, '_>,
    place: i64,
    timeout: Duration,
) -> Result<ReceivedMessage, Fault> {
    let of = errors::unsigned("the place of a message", place)?;
    let receipt = ReceiptHandle::generate(of, change.entropy);
    let mut update = change.db.prepare_cached(
        "UPDATE messages SET visible_at = ?2, receipt = ?3, received_at = ?4, \
         first_received_at = coalesce(first_received_at, ?4), receive_count = receive_count + 1 \
         WHERE place = ?1 \
         RETURNING message_id, body, attributes, message_group, deduplication_id, sent_at, \
         first_received_at, receive_count, \
         (SELECT name FROM queues WHERE id = messages.dead_letter_source)",
    )?;
    let until = change.micros_after(timeout);
    let mut rows = update.query(params![place, until, receipt.as_str(), change.micros()])?;
    match rows.next()? {
        Some(row) => read_message(row, receipt),
        None => Err(damaged(place, "it is gone within a transaction").into()),
    }
}

fn read_message(row: &Row<'_>, receipt: ReceiptHandle) -> Result<ReceivedMessage, Fault> {
    let id = MessageId::from_stored(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?);
    let attributes = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
    let attributes = serde_json::from_str(attributes)
        .map_err(|error| damaged(&id, &format!("its attributes are not texts by name: {error}")))?;
    let time = |column| -> Result<Timestamp, Fault> {
        let micros = row.get(column)?;
        Ok(Timestamp::from_microsecond(micros)
            .map_err(|_| damaged(&id, &format!("the time {micros} is out of range")))?)
    };
    let dead_letter_source: Option<String> = row.get(8)?;
    Ok(ReceivedMessage {
        receipt,
        body: row.get(1)?,
        attributes,
        group: row.get(3)?,
        deduplication_id: row.get(4)?,
        sent_at: time(5)?,
        first_received_at: time(6)?,
        receive_count: row.get(7)?,
        moved_by_policy: dead_letter_source.is_some(),
        dead_letter_source: dead_letter_source.as_deref().map(read_name).transpose()?,
        id,
    })
}

fn damaged(message: impl std::fmt::Display, reason: &str) -> Error {
    Error::Corrupt { what: format!("the message {message}"), reason: reason.to_owned() }
}

pub(super) fn counts(db: &Connection, queue: &Queue, now: Timestamp) -> Result<QueueCounts, Fault> {
    let mut select = db.prepare_cached(
        "SELECT count(*) FILTER (WHERE visible_at <= ?2), \
         count(*) FILTER (WHERE visible_at > ?2 AND receipt IS NOT NULL), \
         count(*) FILTER (WHERE visible_at > ?2 AND receipt IS NULL) \
         FROM messages WHERE queue = ?1 AND enqueued_at > ?3",
    )?;
    let parameters = [queue.id, now.as_microsecond(), queue.too_old(now)];
    let [visible, in_flight, delayed]: [i64; 3] =
        select.query_row(parameters, |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
    let count = |n| errors::unsigned("a count of messages", n);
    Ok(QueueCounts {
        visible: count(visible)?,
        in_flight: count(in_flight)?,
        delayed: count(delayed)?,
    })
}
