//! The thread that writes: groups of writes, each in one transaction.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use es_core::Result;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::file::DatabaseFile;
use crate::known_heads::KnownHeads;
use crate::telemetry;

use super::gathering::Gathering;
use super::job::{Failed, GroupFailure, Job, Message, Undoing};
use super::transaction::{News, WriteTransaction};
use super::{Counters, QueueChanges};

pub(super) struct WriterThread {
    file: DatabaseFile,
    db: Connection,
    inbox: Inbox,
    max_group: usize,
    heads: RefCell<KnownHeads>,
    gathering: Gathering,
    grown: watch::Sender<i64>,
    changed: watch::Sender<QueueChanges>,
    counters: Arc<Counters>,
}

/// The thread's end of the queue.
struct Inbox {
    queue: mpsc::Receiver<Message>,
    /// Those who wait for the end.
    closing: Vec<oneshot::Sender<Result<()>>>,
}

impl Inbox {
    /// Waits for the next job; `None` when the queue is closed, by [`Writer::close`](super::Writer::close) or
    /// by the last store that is dropped, and empty.
    fn next(&mut self) -> Option<Box<dyn Job>> {
        while let Some(message) = self.queue.blocking_recv() {
            if let Some(job) = self.job(message) {
                return Some(job);
            }
        }
        None
    }

    /// The next job, if one waits.
    fn next_waiting(&mut self) -> Option<Box<dyn Job>> {
        while let Ok(message) = self.queue.try_recv() {
            if let Some(job) = self.job(message) {
                return Some(job);
            }
        }
        None
    }

    /// The next job, if one comes within that time. Waits awake: a thread that sleeps is woken too late for
    /// so short a time.
    fn next_within(&mut self, patience: Duration, waited: &mut Duration) -> Option<Box<dyn Job>> {
        let job = self.next_waiting();
        if job.is_some() || patience.is_zero() {
            return job;
        }
        let began = Instant::now();
        loop {
            std::thread::yield_now();
            let job = self.next_waiting();
            if job.is_some() || !self.closing.is_empty() || began.elapsed() >= patience {
                *waited += began.elapsed();
                return job;
            }
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
}

impl WriterThread {
    pub(super) fn new(
        file: &DatabaseFile,
        db: Connection,
        queue: mpsc::Receiver<Message>,
        max_group: usize,
        grown: watch::Sender<i64>,
        changed: watch::Sender<QueueChanges>,
        counters: Arc<Counters>,
    ) -> Self {
        let (file, heads) = (file.clone(), RefCell::new(KnownHeads::new()));
        let inbox = Inbox { queue, closing: Vec::new() };
        let gathering = Gathering::default();
        Self { file, db, inbox, max_group, heads, gathering, grown, changed, counters }
    }

    /// Works until there is nothing more to do, and closes the file.
    pub(super) fn run(mut self) {
        while let Some(job) = self.inbox.next() {
            self.run_group(job);
        }
        let Self { file, db, inbox: Inbox { queue, closing }, .. } = self;
        let closed = close_database(db).map_err(|error| GroupFailure::from_sqlite(&error));
        drop(queue);
        for reply in closing {
            let _ = reply.send(closed.as_ref().map_err(|failure| failure.to_error(&file)).copied());
        }
    }

    fn run_group(&mut self, first: Box<dyn Job>) {
        let span = tracing::debug_span!("sqlite.commit_group", jobs = tracing::field::Empty);
        let _entered = span.enter();
        let mut ran = Vec::new();
        match self.try_group(first, &mut ran) {
            Ok(news) => {
                span.record("jobs", ran.len());
                self.counters.count(ran.len());
                self.tell(news);
                for job in ran {
                    job.answer(&self.file, Ok(()));
                }
            }
            Err(failure) => {
                self.heads.borrow_mut().forget();
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
        let Self { db, inbox, max_group, heads, gathering, .. } = self;
        if let Err(error) = execute(db, "BEGIN IMMEDIATE") {
            // Whoever waits behind has waited for the same lock. Failing them now bounds their
            // wait; one after the other they would wait for a timeout each.
            ran.push(first);
            for _ in 0..inbox.queue.len() {
                ran.extend(inbox.next_waiting());
            }
            return Err(GroupFailure::from_sqlite(&error));
        }
        heads.borrow_mut().begin(data_version(db).ok());
        if db.is_autocommit() {
            ran.push(first);
            return Err(rolled_back());
        }
        let transaction = WriteTransaction::new(db, heads);
        let mut news = News::default();
        let mut next = Some(first);
        let mut waited = Duration::ZERO;
        while let Some(mut job) = next {
            if !job.is_abandoned() {
                let result = run_job(&transaction, job.as_mut());
                ran.push(job);
                match result {
                    Ok(more) => news.extend(more),
                    Err(failure) => {
                        roll_back(db);
                        return Err(failure);
                    }
                }
            }
            next = match ran.len() {
                full if full >= *max_group => None,
                some => inbox.next_within(gathering.patience(some, waited), &mut waited),
            };
        }
        let began = Instant::now();
        execute(db, "COMMIT").map_err(|error| {
            roll_back(db);
            GroupFailure::from_sqlite(&error)
        })?;
        gathering.committed(ran.len(), began.elapsed());
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
}

/// Runs a job so that it can be undone alone. An error says that the whole transaction is lost.
fn run_job(transaction: &WriteTransaction<'_>, job: &mut dyn Job) -> Result<News, GroupFailure> {
    let lost = |error: rusqlite::Error| GroupFailure::from_sqlite(&error);
    let savepoint = job.undoing() == Undoing::Savepoint;
    if savepoint {
        execute(transaction, "SAVEPOINT job").map_err(lost)?;
    }
    let result = job.run(transaction);
    let news = transaction.take_news();
    let news = match result {
        // On some errors, a full disk among them, SQLite rolls back everything by itself. A job need not have
        // told of it.
        Err(Failed::Sqlite(failure)) if transaction.is_autocommit() => return Err(failure),
        Err(Failed::HalfDone(failure)) => return Err(failure),
        _ if transaction.is_autocommit() => return Err(rolled_back()),
        Ok(()) => news,
        Err(Failed::Sqlite(_) | Failed::Said) => {
            if savepoint {
                execute(transaction, "ROLLBACK TO job").map_err(lost)?;
            }
            News::default()
        }
    };
    if savepoint {
        execute(transaction, "RELEASE job").map_err(lost)?;
    }
    Ok(news)
}

fn rolled_back() -> GroupFailure {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
    GroupFailure::from_sqlite(&rusqlite::Error::SqliteFailure(code, None))
}

/// A number that is another one after other connections have written to the file.
fn data_version(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
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
