//! What a receiver does with what it holds.

use std::time::Duration;

use es_core::{Error, QueueName, ReceiptHandle, Result, Timestamp, check_extension, check_hold};
use rusqlite::{OptionalExtension as _, params};

use super::configuring::{Queue, find_queue};
use super::{Change, later};
use crate::errors::Fault;

pub(super) fn extend(
    change: &Change<'_, '_>,
    queue: &QueueName,
    receipt: &ReceiptHandle,
    visibility_timeout: Duration,
) -> Result<(), Fault> {
    let queue = find_queue(change.db, queue)?;
    hide(change, &queue, receipt, visibility_timeout, Some(receipt))
}

/// Extends each for itself, in one transaction.
pub(super) fn extend_batch(
    change: &Change<'_, '_>,
    queue: &QueueName,
    holds: &[(ReceiptHandle, Duration)],
) -> Result<Vec<Result<()>>, Fault> {
    let queue = find_queue(change.db, queue)?;
    let extend = |(receipt, timeout): &(ReceiptHandle, Duration)| {
        check_extension(*timeout)?;
        hide(change, &queue, receipt, *timeout, Some(receipt))
    };
    holds.iter().map(extend).map(each_for_itself).collect()
}

pub(super) fn release(
    change: &Change<'_, '_>,
    queue: &QueueName,
    receipt: &ReceiptHandle,
    delay: Duration,
) -> Result<(), Fault> {
    let queue = find_queue(change.db, queue)?;
    hide(change, &queue, receipt, delay, None)
}

/// Releases each for itself, in one transaction.
pub(super) fn release_batch(
    change: &Change<'_, '_>,
    queue: &QueueName,
    releases: &[(ReceiptHandle, Duration)],
) -> Result<Vec<Result<()>>, Fault> {
    let queue = find_queue(change.db, queue)?;
    let release =
        |(receipt, delay): &(ReceiptHandle, Duration)| hide(change, &queue, receipt, *delay, None);
    releases.iter().map(release).map(each_for_itself).collect()
}

/// A refusal is for its entry, a fault of the database for the whole batch.
fn each_for_itself(outcome: Result<(), Fault>) -> Result<Result<()>, Fault> {
    match outcome {
        Ok(()) => Ok(Ok(())),
        Err(Fault::Said(refusal)) => Ok(Err(refusal)),
        Err(fault) => Err(fault),
    }
}

/// Hides a message that is in flight for `time` from now, under `next` or nobody's receipt.
fn hide(
    change: &Change<'_, '_>,
    queue: &Queue,
    receipt: &ReceiptHandle,
    time: Duration,
    next: Option<&ReceiptHandle>,
) -> Result<(), Fault> {
    let place = place(receipt);
    let received_at: Option<i64> = change
        .db
        .prepare_cached(
            "SELECT received_at FROM messages WHERE place = ?1 AND queue = ?2 AND receipt = ?3 \
             AND visible_at > ?4 AND enqueued_at > ?5",
        )?
        .query_row(
            params![place, queue.id, receipt.as_str(), change.micros(), queue.too_old(change.now)],
            |row| row.get(0),
        )
        .optional()?;
    let Some(received_at) = received_at else {
        return Err(lost(queue).into());
    };
    let received_at = Timestamp::from_microsecond(received_at).unwrap_or(change.now);
    check_hold(&queue.name, received_at, later(change.now, time))?;
    change
        .db
        .prepare_cached("UPDATE messages SET visible_at = ?2, receipt = ?3 WHERE place = ?1")?
        .execute(params![place, change.micros_after(time), next.map(ReceiptHandle::as_str)])?;
    change.db.queue_changed(&queue.name);
    Ok(())
}

/// Acknowledges each for itself: a receipt that is lost does not keep the others back.
pub(super) fn acknowledge_batch(
    change: &Change<'_, '_>,
    queue: &QueueName,
    receipts: &[ReceiptHandle],
) -> Result<Vec<Result<()>>, Fault> {
    let queue = find_queue(change.db, queue)?;
    let mut delete = change.db.prepare_cached(
        "DELETE FROM messages WHERE place = ?1 AND queue = ?2 AND receipt = ?3 \
         AND enqueued_at > ?4",
    )?;
    let too_old = queue.too_old(change.now);
    let mut outcomes = Vec::with_capacity(receipts.len());
    for receipt in receipts {
        let deleted =
            delete.execute(params![place(receipt), queue.id, receipt.as_str(), too_old])?;
        outcomes.push(if deleted == 1 { Ok(()) } else { Err(lost(&queue)) });
    }
    // What waits in a group comes forward.
    if queue.name.is_fifo() {
        change.db.queue_changed(&queue.name);
    }
    Ok(outcomes)
}

/// Where the message of a receipt is, if it is one of ours.
fn place(receipt: &ReceiptHandle) -> Option<i64> {
    receipt.place().and_then(|place| i64::try_from(place).ok())
}

fn lost(queue: &Queue) -> Error {
    Error::ReceiptLost { queue: queue.name.clone() }
}
