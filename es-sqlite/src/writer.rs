//! The one writer: a thread with the connection that writes, and the queue in front of it.
//!
//! # Group commit
//!
//! What costs in a durable write is the `fsync` at its end. The writer therefore begins a
//! transaction with the first write in its queue and takes in all others that wait by the time it
//! has done so, up to a bound; the `fsync` is paid once for the group. Under load groups form by
//! themselves, as writes queue up behind the `fsync` of the group before; a write that is alone does
//! not wait for company.
//!
//! Each write runs in a savepoint of its own, so one that fails undoes only itself. All of them are
//! answered after the `COMMIT`: an answer may rest on what an earlier write of the group did. If the
//! `COMMIT` fails, all of the group have failed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use es_core::{Error, QueueName, Result};
use rusqlite::{Connection, ffi};
use tokio::sync::{mpsc, oneshot, watch};

use crate::errors::{self, Fault};
use crate::file::DatabaseFile;
use crate::telemetry;

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

impl Writer {
    /// Hands `db` to a new thread.
    pub(crate) fn start(file: DatabaseFile, db: Connection, max_group: usize) -> Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (grown, log_end) = watch::channel(0);
        let (changed, queue_changes) = watch::channel(QueueChanges::new());
        let counters = Arc::new(Counters::default());
        let thread = WriterThread {
            file: file.clone(),
            db,
            queue: jobs,
            max_group,
            grown,
            changed,
            counters: Arc::clone(&counters),
            closing: Vec::new(),
        };
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
        if self.closed.load(Ordering::Acquire) {
            return Err(errors::closed(self.file.path()));
        }
        let (reply, answer) = oneshot::channel();
        let job = Box::new(QueuedWork { work: Some(work), outcome: None, reply });
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

/// The transaction that a write is part of.
pub(crate) struct WriteTransaction<'a> {
    db: &'a Connection,
    news: RefCell<News>,
}

/// What others are told when a write is committed.
#[derive(Default)]
struct News {
    last_position: Option<i64>,
    queues: Vec<QueueName>,
}

impl News {
    fn extend(&mut self, later: Self) {
        self.last_position = later.last_position.or(self.last_position);
        self.queues.extend(later.queues);
    }
}

impl WriteTransaction<'_> {
    /// Says that the log has a new commit, so that those who follow it are woken.
    pub(crate) fn appended(&self, position: i64) {
        self.news.borrow_mut().last_position = Some(position);
    }

    /// Says that a message may have become visible in the queue, or will earlier than it seemed, so
    /// that those who wait for one are woken.
    pub(crate) fn queue_changed(&self, queue: &QueueName) {
        self.news.borrow_mut().queues.push(queue.clone());
    }
}

impl std::ops::Deref for WriteTransaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.db
    }
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<Result<()>>),
}

/// A write, whatever its result is.
trait Job: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Does the work and keeps its result. An error says that its changes must be undone.
    fn run(&mut self, transaction: &WriteTransaction<'_>) -> Result<(), Undo>;
    /// Answers the caller: with the result if the group was committed.
    fn answer(self: Box<Self>, file: &DatabaseFile, group: Result<(), &GroupFailure>);
}

/// A write has failed; with SQLite's code if it was SQLite that refused.
struct Undo(Option<GroupFailure>);

/// Why a whole group has failed. Unlike the error that it was made from it can be copied for all.
#[derive(Debug, Clone)]
struct GroupFailure {
    code: ffi::Error,
    message: Option<String>,
}

impl GroupFailure {
    fn from_sqlite(error: &rusqlite::Error) -> Self {
        let code =
            error.sqlite_error().copied().unwrap_or_else(|| ffi::Error::new(ffi::SQLITE_INTERNAL));
        Self { code, message: Some(error.to_string()) }
    }

    fn to_error(&self, file: &DatabaseFile) -> Error {
        let source = rusqlite::Error::SqliteFailure(self.code, self.message.clone());
        errors::from_sqlite(file.path(), source)
    }
}

struct QueuedWork<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, Fault>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for QueuedWork<T, F>
where
    T: Send,
    F: FnOnce(&WriteTransaction<'_>) -> Result<T, Fault> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, transaction: &WriteTransaction<'_>) -> Result<(), Undo> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        let outcome = work(transaction);
        let undo = match &outcome {
            Ok(_) => Ok(()),
            Err(Fault::Sqlite(error)) => Err(Undo(Some(GroupFailure::from_sqlite(error)))),
            Err(Fault::Said(_)) => Err(Undo(None)),
        };
        self.outcome = Some(outcome);
        undo
    }

    fn answer(self: Box<Self>, file: &DatabaseFile, group: Result<(), &GroupFailure>) {
        let result = match (group, self.outcome) {
            (Ok(()), Some(outcome)) => outcome.map_err(|fault| fault.into_error(file.path())),
            (Err(failure), _) => Err(failure.to_error(file)),
            (Ok(()), None) => Err(errors::writer_gone(file.path())),
        };
        // The caller may have stopped waiting.
        let _ = self.reply.send(result);
    }
}

struct WriterThread {
    file: DatabaseFile,
    db: Connection,
    queue: mpsc::Receiver<Message>,
    max_group: usize,
    grown: watch::Sender<i64>,
    changed: watch::Sender<QueueChanges>,
    counters: Arc<Counters>,
    /// Those who wait for the end.
    closing: Vec<oneshot::Sender<Result<()>>>,
}

impl WriterThread {
    /// Works until the queue is closed, by [`Writer::close`] or by the last store that is dropped,
    /// and empty.
    fn run(mut self) {
        while let Some(message) = self.queue.blocking_recv() {
            if let Some(job) = self.job(message) {
                self.run_group(job);
            }
        }
        let Self { file, db, closing, queue, .. } = self;
        let closed = close_database(db).map_err(|error| GroupFailure::from_sqlite(&error));
        drop(queue);
        for reply in closing {
            let _ = reply.send(closed.as_ref().map_err(|failure| failure.to_error(&file)).copied());
        }
    }

    /// The job in a message that is one.
    fn job(&mut self, message: Message) -> Option<Box<dyn Job>> {
        match message {
            Message::Job(job) => Some(job),
            Message::Close(reply) => {
                self.queue.close();
                self.closing.push(reply);
                None
            }
        }
    }

    fn next_waiting(&mut self) -> Option<Box<dyn Job>> {
        while let Ok(message) = self.queue.try_recv() {
            if let Some(job) = self.job(message) {
                return Some(job);
            }
        }
        None
    }

    fn run_group(&mut self, first: Box<dyn Job>) {
        let span = tracing::debug_span!("sqlite.commit_group", jobs = tracing::field::Empty);
        let _entered = span.enter();
        let mut ran = Vec::new();
        match self.try_group(first, &mut ran) {
            Ok(news) => {
                span.record("jobs", ran.len());
                self.count(ran.len());
                self.tell(news);
                for job in ran {
                    job.answer(&self.file, Ok(()));
                }
            }
            Err(failure) => {
                span.record("jobs", ran.len());
                tracing::debug!(error = ?failure, "sqlite.commit_group_failed");
                metrics::counter!(telemetry::FAILED_GROUPS).increment(1);
                for job in ran {
                    job.answer(&self.file, Err(&failure));
                }
            }
        }
    }

    /// Runs the job and those that wait behind it in one transaction, and commits. The jobs are in
    /// `ran` afterwards, to be answered.
    fn try_group(
        &mut self,
        first: Box<dyn Job>,
        ran: &mut Vec<Box<dyn Job>>,
    ) -> Result<News, GroupFailure> {
        if let Err(error) = execute(&self.db, "BEGIN IMMEDIATE") {
            // Whoever waits behind has waited for the same lock. Failing them now bounds their
            // wait; one after the other they would wait for a timeout each.
            ran.push(first);
            for _ in 0..self.queue.len() {
                ran.extend(self.next_waiting());
            }
            return Err(GroupFailure::from_sqlite(&error));
        }
        let mut news = News::default();
        let mut next = Some(first);
        while let Some(mut job) = next {
            if !job.is_abandoned() {
                let result = run_in_savepoint(&self.db, job.as_mut(), &mut news);
                ran.push(job);
                if let Err(failure) = result {
                    roll_back(&self.db);
                    return Err(failure);
                }
            }
            next = if ran.len() < self.max_group { self.next_waiting() } else { None };
        }
        execute(&self.db, "COMMIT").map_err(|error| {
            roll_back(&self.db);
            GroupFailure::from_sqlite(&error)
        })?;
        Ok(news)
    }

    /// Wakes those who wait, before the writes are answered: who is answered finds them awake.
    fn tell(&self, news: News) {
        if let Some(position) = news.last_position {
            self.grown.send_replace(position);
        }
        if !news.queues.is_empty() {
            self.changed.send_modify(|changes| {
                for queue in news.queues {
                    *changes.entry(queue).or_default() += 1;
                }
            });
        }
    }

    fn count(&self, jobs: usize) {
        self.counters.groups.fetch_add(1, Ordering::Release);
        self.counters.jobs.fetch_add(jobs as u64, Ordering::Release);
        metrics::counter!(telemetry::GROUPS).increment(1);
        metrics::counter!(telemetry::GROUPED_JOBS).increment(jobs as u64);
    }
}

/// Runs a job so that it can be undone alone. An error says that the whole transaction is lost.
fn run_in_savepoint(
    db: &Connection,
    job: &mut dyn Job,
    news: &mut News,
) -> Result<(), GroupFailure> {
    let lost = |error: rusqlite::Error| GroupFailure::from_sqlite(&error);
    let transaction = WriteTransaction { db, news: RefCell::default() };
    execute(db, "SAVEPOINT job").map_err(lost)?;
    match job.run(&transaction) {
        Ok(()) => news.extend(transaction.news.into_inner()),
        // On some errors, a full disk among them, SQLite rolls back everything by itself.
        Err(Undo(Some(failure))) if db.is_autocommit() => return Err(failure),
        Err(Undo(_)) => execute(db, "ROLLBACK TO job").map_err(lost)?,
    }
    execute(db, "RELEASE job").map_err(lost)
}

fn roll_back(db: &Connection) {
    if !db.is_autocommit()
        && let Err(error) = execute(db, "ROLLBACK")
    {
        // The next BEGIN will fail and say so to its callers.
        tracing::error!(%error, "sqlite.rollback_failed");
    }
}

fn execute(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    db.prepare_cached(sql)?.execute([]).map(drop)
}

fn close_database(db: Connection) -> rusqlite::Result<()> {
    // A reader of another process can keep the log from being moved; it is then moved later.
    let moved: rusqlite::Result<i64> =
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    db.close().map_err(|(_, error)| error)?;
    match moved {
        Err(error) if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::options::SqliteOptions;

    fn file(directory: &tempfile::TempDir) -> DatabaseFile {
        let mut options = SqliteOptions::new(&directory.path().join("test.db"));
        options.busy_timeout = Duration::from_secs(120);
        DatabaseFile::new(&options).expect("the path is absolute")
    }

    fn consumers(file: &DatabaseFile) -> i64 {
        let db = Connection::open(file.path()).expect("the file opens");
        db.query_row("SELECT count(*) FROM consumers", [], |row| row.get(0)).expect("it is read")
    }

    async fn insert(writer: &Writer, name: &'static str) -> Result<()> {
        let insert = "INSERT INTO consumers (consumer, first_revision) VALUES (?1, 1)";
        writer.run(move |db| Ok(db.execute(insert, [name]).map(drop)?)).await
    }

    /// A violation that SQLite finds at the end of the transaction only.
    async fn spoil_the_commit(writer: &Writer) -> Result<()> {
        writer
            .run(|db| {
                db.execute_batch(
                    "PRAGMA defer_foreign_keys = ON; \
                     INSERT INTO indexed_fields VALUES ('no such view', 'f', 1)",
                )?;
                Ok(())
            })
            .await
    }

    #[tokio::test]
    async fn a_failed_commit_fails_every_write_of_its_group_and_no_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = file(&directory);
        let db = file.open_writer().expect("the file opens");
        let writer = Writer::start(file.clone(), db, 10).expect("the thread starts");

        // With the lock taken all three are in the queue before the first can begin.
        let lock = Connection::open(file.path()).expect("the file opens");
        lock.execute_batch("BEGIN IMMEDIATE").expect("the lock is free");
        let all = futures::future::join3(
            insert(&writer, "before"),
            spoil_the_commit(&writer),
            insert(&writer, "behind"),
        );
        let mut all = Box::pin(all);
        assert!(futures::poll!(&mut all).is_pending());
        drop(lock);
        let (before, spoilt, behind) = all.await;
        for result in [before, spoilt, behind] {
            assert!(matches!(result, Err(Error::Backend { .. })), "{result:?}");
        }
        assert_eq!(consumers(&file), 0);
        assert_eq!(writer.stats(), WriterStats::default());

        insert(&writer, "afterwards").await.expect("the writer goes on");
        assert_eq!(consumers(&file), 1);
        writer.close().await.expect("it closes");
    }

    #[tokio::test]
    async fn a_write_that_fails_half_way_leaves_no_trace() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = file(&directory);
        let db = file.open_writer().expect("the file opens");
        let writer = Writer::start(file.clone(), db, 10).expect("the thread starts");
        let half = writer.run(|db| -> Result<(), Fault> {
            db.execute("INSERT INTO consumers (consumer, first_revision) VALUES ('half', 1)", [])?;
            Err(Error::Misuse("changed its mind".to_owned()).into())
        });
        let (half, whole) = futures::future::join(half, insert(&writer, "whole")).await;
        assert!(matches!(half, Err(Error::Misuse(_))), "{half:?}");
        whole.expect("it is on its own");
        assert_eq!(consumers(&file), 1);
    }
}
