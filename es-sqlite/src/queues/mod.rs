//! Queues: messages that come back until they are acknowledged.
//!
//! Every change is a write of the one writer, which reads the clock when it comes to it: times grow
//! with the order of the writes, as far as the clock does. Looking whether there is something to
//! receive is a read, so a receiver that waits costs no `fsync`.

use std::time::Duration;

use async_trait::async_trait;
use es_core::{
    Entropy, MessageId, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions,
    ReceiptHandle, ReceiveOptions, ReceivedMessage, Redrive, Result, Timestamp, check_batch,
    check_extension,
};

use self::configuring::find_queue;
use self::receiving::Outlook;
use crate::errors::Fault;
use crate::readers::in_snapshot;
use crate::store::SqliteStore;
use crate::writer::WriteTransaction;

mod configuring;
mod dead_letters;
mod receipts;
mod receiving;
mod sending;
mod topics;

/// Dead letters that are moved back in one transaction, so that other writes come between.
const REDRIVE_PAGE: u64 = 500;

#[async_trait]
impl MessageQueue for SqliteStore {
    async fn configure(&self, queue: &QueueName, options: QueueOptions) -> Result<()> {
        options.check(queue)?;
        let queue = queue.clone();
        self.change_queues(move |change| configuring::configure(change, &queue, &options)).await
    }

    async fn options(&self, queue: &QueueName) -> Result<QueueOptions> {
        let queue = queue.clone();
        self.readers().run(move |db| Ok(find_queue(db, &queue)?.options)).await
    }

    async fn send_batch(
        &self,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        check_batch(messages.len())?;
        let queue = queue.clone();
        self.change_queues(move |change| sending::send_batch(change, &queue, &messages)).await
    }

    async fn receive(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        options.check()?;
        let mut deadline = later(self.clock().now(), options.wait);
        // Whatever this process does from here on changes what this receiver sees, so nothing is lost
        // between looking and waiting.
        let mut changes = self.writer().queue_changes();
        loop {
            let seen = changes.borrow_and_update().get(queue).copied();
            let now = self.clock().now();
            let outlook = self.outlook(queue, now).await?;
            if matches!(outlook, Outlook::Due) {
                let received = self.take(queue, options).await?;
                if !received.is_empty() {
                    return Ok(received);
                }
            }
            // A clock that was set back does not make the wait longer than it was to be.
            deadline = deadline.min(later(now, options.wait));
            if now >= deadline {
                return Ok(Vec::new());
            }
            // Another receiver may have been faster: then it is looked at once more, not waited.
            let Outlook::Waiting { until_visible } = outlook else { continue };
            // Other processes do not wake us.
            let left = deadline.duration_since(now).unsigned_abs();
            let pause = self.poll_interval().min(until_visible).min(left);
            tokio::select! {
                changed = changes.wait_for(|changes| changes.get(queue).copied() != seen) => {
                    changed.map(drop).map_err(|_| self.writer().gone())?;
                }
                () = self.clock().sleep(pause) => {}
            }
        }
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        visibility_timeout: Duration,
    ) -> Result<()> {
        check_extension(visibility_timeout)?;
        let (queue, receipt) = (queue.clone(), receipt.clone());
        self.change_queues(move |change| {
            receipts::extend(change, &queue, &receipt, visibility_timeout)
        })
        .await
    }

    async fn extend_batch(
        &self,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        check_batch(holds.len())?;
        let (queue, holds) = (queue.clone(), holds.to_vec());
        self.change_queues(move |change| receipts::extend_batch(change, &queue, &holds)).await
    }

    async fn acknowledge_batch(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        check_batch(receipts.len())?;
        let (queue, receipts) = (queue.clone(), receipts.to_vec());
        self.change_queues(move |change| receipts::acknowledge_batch(change, &queue, &receipts))
            .await
    }

    async fn release(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        let (queue, receipt) = (queue.clone(), receipt.clone());
        self.change_queues(move |change| receipts::release(change, &queue, &receipt, delay)).await
    }

    async fn release_batch(
        &self,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        check_batch(releases.len())?;
        let (queue, releases) = (queue.clone(), releases.to_vec());
        self.change_queues(move |change| receipts::release_batch(change, &queue, &releases)).await
    }

    /// Moves dead letters back, some hundred per transaction; see [`MessageQueue::redrive`].
    async fn redrive(&self, dead_letters: &QueueName, redrive: Redrive) -> Result<u64> {
        let now = self.clock().now();
        let mark = redrive.until.map_or(now, |mark| mark.min(now));
        let mut left = redrive.max_messages.unwrap_or(u64::MAX);
        let mut moved = 0;
        loop {
            let (from, ids, page) =
                (dead_letters.clone(), redrive.ids.clone(), left.min(REDRIVE_PAGE));
            let of_page = self
                .change_queues(move |change| {
                    dead_letters::redrive(change, &from, mark, ids.as_ref(), page)
                })
                .await?;
            moved += of_page;
            left -= of_page;
            if of_page < REDRIVE_PAGE {
                return Ok(moved);
            }
        }
    }

    async fn purge(&self, queue: &QueueName) -> Result<()> {
        let queue = queue.clone();
        self.change_queues(move |change| {
            let queue = find_queue(change.db, &queue)?;
            let mut delete = change.db.prepare_cached("DELETE FROM messages WHERE queue = ?1")?;
            delete.execute([queue.id])?;
            Ok(())
        })
        .await
    }

    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts> {
        let (queue, now) = (queue.clone(), self.clock().now());
        self.readers()
            .run(move |db| {
                in_snapshot(db, |db| receiving::counts(db, &find_queue(db, &queue)?, now))
            })
            .await
    }
}

impl SqliteStore {
    /// Has the writer change queues or topics, at the time at which it comes to it.
    async fn change_queues<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Change<'_, '_>) -> Result<T, Fault> + Send + 'static,
    {
        let (clock, entropy) = (self.clock().clone(), self.entropy().clone());
        self.writer()
            .run(move |db| work(&Change { db, now: clock.now(), entropy: &*entropy }))
            .await
    }

    async fn outlook(&self, queue: &QueueName, now: Timestamp) -> Result<Outlook> {
        let queue = queue.clone();
        self.readers()
            .run(move |db| {
                in_snapshot(db, |db| receiving::outlook(db, &find_queue(db, &queue)?, now))
            })
            .await
    }

    async fn take(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        let queue = queue.clone();
        self.change_queues(move |change| receiving::receive(change, &queue, &options)).await
    }
}

/// A write on queues: what it is done in, when, and what ids are made from.
struct Change<'a, 'db> {
    db: &'a WriteTransaction<'db>,
    now: Timestamp,
    entropy: &'a dyn Entropy,
}

impl Change<'_, '_> {
    /// The time by which messages are visible that are visible now.
    fn micros(&self) -> i64 {
        self.now.as_microsecond()
    }

    fn micros_after(&self, duration: Duration) -> i64 {
        self.micros().saturating_add(micros(duration))
    }
}

/// A duration as it is stored.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}
