//! The one writer: a thread with the connection that writes, and the queue in front of it.
//!
//! # Group commit
//!
//! What costs in a durable write is the `fsync` at its end. The writer therefore begins a
//! transaction with the first write in its queue and takes in all others that wait by the time it
//! has done so, up to a bound; the `fsync` is paid once for the group. Under load groups form by
//! themselves, as writes queue up behind the `fsync` of the group before; one that is smaller than that
//! waits a little for those who may [still come](gathering). A caller that is alone waits for nobody.
//!
//! A write that fails undoes only itself: it runs in a savepoint of its own, or sees to it by other means.
//! All of them are answered after the `COMMIT`: an answer may rest on what an earlier write of the group
//! did. If the `COMMIT` fails, all of the group have failed.

mod gathering;
mod group;
mod job;
mod transaction;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use es_core::{Error, QueueName, Result};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::errors::{self, Fault};
use crate::file::DatabaseFile;
use crate::telemetry;

use group::WriterThread;
use job::{Message, QueuedWork, Undoing};
pub(crate) use transaction::{Prepared, WriteTransaction};

/// Writes that wait before the next caller has to: some groups' worth.
const QUEUE: usize = 1024;

/// The callers' end of the queue.
#[derive(Debug)]
pub(crate) struct Writer {
    file: DatabaseFile,
    queue: mpsc::Sender<Message>,
    closed: AtomicBool,
    log_end: watch::Receiver<i64>,
    queue_changes: watch::Receiver<QueueChanges>,
    counters: Arc<Counters>,
}

/// How often this process has changed each queue, so that those who wait for a message look again.
pub(crate) type QueueChanges = HashMap<QueueName, u64>;

/// How much the writer has done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WriterStats {
    /// Transactions that were committed.
    pub groups: u64,
    /// Writes in them: appends, saved snapshots, saved progress, written views, changes of queues.
    pub jobs: u64,
}

#[derive(Debug, Default)]
struct Counters {
    groups: AtomicU64,
    jobs: AtomicU64,
}

impl Counters {
    fn count(&self, jobs: usize) {
        self.groups.fetch_add(1, Ordering::Release);
        self.jobs.fetch_add(jobs as u64, Ordering::Release);
        metrics::counter!(telemetry::GROUPS).increment(1);
        metrics::counter!(telemetry::GROUPED_JOBS).increment(jobs as u64);
    }
}

impl Writer {
    /// Hands `db` to a new thread.
    pub(crate) fn start(file: DatabaseFile, db: Connection, max_group: usize) -> Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (grown, log_end) = watch::channel(0);
        let (changed, queue_changes) = watch::channel(QueueChanges::new());
        let counters = Arc::new(Counters::default());
        let thread =
            WriterThread::new(&file, db, jobs, max_group, grown, changed, Arc::clone(&counters));
        std::thread::Builder::new()
            .name("es-sqlite-writer".to_owned())
            .spawn(move || thread.run())
            .map_err(|source| Error::Unavailable {
                what: format!("a thread to write to the database {}", file.path().display()),
                source: source.into(),
            })?;
        let closed = AtomicBool::new(false);
        Ok(Self { file, queue, closed, log_end, queue_changes, counters })
    }

    /// Has the writer do `work` in its next transaction, and waits until that is committed.
    ///
    /// When the returned future is dropped before the writer has come to it, nothing is written;
    /// later it is written all the same.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTransaction<'_>) -> Result<T, Fault> + Send + 'static,
    {
        self.queue_up(work, Undoing::Savepoint).await
    }

    /// Like [`run`](Self::run), without a savepoint: `work` that fails has changed nothing, or says
    /// [`Fault::HalfDone`], and then its whole group fails.
    pub(crate) async fn run_whole<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTransaction<'_>) -> Result<T, Fault> + Send + 'static,
    {
        self.queue_up(work, Undoing::Itself).await
    }

    async fn queue_up<T, F>(&self, work: F, undoing: Undoing) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTransaction<'_>) -> Result<T, Fault> + Send + 'static,
    {
        if self.closed.load(Ordering::Acquire) {
            return Err(errors::closed(self.file.path()));
        }
        let (reply, answer) = oneshot::channel();
        let job = Box::new(QueuedWork::new(work, undoing, reply));
        self.queue.send(Message::Job(job)).await.map_err(|_| self.gone())?;
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Follows the last position that this process has appended.
    pub(crate) fn log_end(&self) -> watch::Receiver<i64> {
        self.log_end.clone()
    }

    /// Follows what this process does to queues.
    pub(crate) fn queue_changes(&self) -> watch::Receiver<QueueChanges> {
        self.queue_changes.clone()
    }

    pub(crate) fn stats(&self) -> WriterStats {
        WriterStats {
            groups: self.counters.groups.load(Ordering::Acquire),
            jobs: self.counters.jobs.load(Ordering::Acquire),
        }
    }

    /// Waits for everything that is queued, moves the write-ahead log into the file and ends the
    /// thread.
    pub(crate) async fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Release);
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_err() {
            // Closed before.
            self.queue.closed().await;
            return Ok(());
        }
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    pub(crate) fn gone(&self) -> Error {
        if self.closed.load(Ordering::Acquire) {
            errors::closed(self.file.path())
        } else {
            errors::writer_gone(self.file.path())
        }
    }
}

#[cfg(test)]
mod tests;
