//! The connections that read, beside the writer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use es_core::{Clock, Error, Result};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, coop};

use crate::caller_reads::CallerReads;
use crate::errors::{self, Fault};
use crate::file::DatabaseFile;

/// What a small read costs of the budget that tokio gives a task for each time it is polled. With 128 in all, a
/// task that does nothing but read goes to the back of the queue after some hundred microseconds.
const UNITS_OF_A_READ: u32 = 8;

/// No text and no blob that a small read has is larger than so many bytes, where SQLite reads columns behind row ids.
pub(crate) const SMALL: usize = 32 * 1024;

/// A bounded pool. A read takes a connection to a thread of tokio's blocking pool, so that it never holds up
/// the runtime; small ones are done [where they are asked for](CallerReads) when they are known to be fast.
#[derive(Debug)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
    max: u32,
}

#[derive(Debug)]
struct Shared {
    file: DatabaseFile,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    counters: Counters,
}

#[derive(Debug)]
struct State {
    idle: Vec<Connection>,
    caller_reads: CallerReads,
}

#[derive(Debug, Default)]
struct Counters {
    handed_over: AtomicU64,
    by_callers: AtomicU64,
    ahead: AtomicU64,
}

/// How much the readers have done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReaderStats {
    /// Reads on a thread of their own.
    pub handed_over: u64,
    /// Small reads on the thread of the caller.
    pub by_callers: u64,
    /// Pages of streams that were read before they were asked for; part of the first number.
    pub ahead: u64,
}

impl Readers {
    pub(crate) fn new(file: DatabaseFile, max: usize, clock: Arc<dyn Clock>) -> Self {
        let max = u32::try_from(max.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let state = Mutex::new(State { idle: Vec::new(), caller_reads: CallerReads::new() });
        let shared = Shared { file, clock, state, counters: Counters::default() };
        Self { shared: shared.into(), permits: Arc::new(Semaphore::new(max as usize)), max }
    }

    /// Runs `work` on a connection. When the returned future is dropped `work` still runs to its
    /// end, and its result is lost.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.hand_over(self.permit().await?, work).await
    }

    /// Runs `small`, which reads a few rows by their keys, where it is called or in a thread of its own. If it
    /// finds that there is more to read than that, it says `None`, or SQLite tells it that a text or a blob has more
    /// than [`SMALL`] bytes, before it is read; then `large` is run in a thread of its own.
    pub(crate) async fn run_small<T, S, L>(&self, small: S, large: L) -> Result<T>
    where
        T: Send + 'static,
        S: Fn(&Connection) -> Result<Option<T>, Fault> + Send + 'static,
        L: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        for _ in 0..UNITS_OF_A_READ {
            coop::consume_budget().await;
        }
        let permit = self.permit().await?;
        if let Some(db) = self.shared.take_for_caller() {
            let (found, took) = self.shared.without_waiting(&db, |db| bounded(db, &small));
            self.shared.put_back(db, Some(took));
            match found {
                Ok(Some(found)) => {
                    self.shared.counters.by_callers.fetch_add(1, Ordering::Relaxed);
                    return Ok(found);
                }
                Err(fault) if !is_busy(&fault) => {
                    return Err(fault.into_error(self.shared.file.path()));
                }
                Ok(None) | Err(_) => return self.hand_over(permit, large).await,
            }
        }
        let shared = Arc::clone(&self.shared);
        let both = move |db: &Connection| {
            let began = shared.clock.monotonic();
            let found = bounded(db, &small);
            let took = shared.clock.monotonic().saturating_sub(began);
            // Also when there was nothing to find, or it failed: how long it took is what counts.
            shared.state().caller_reads.observe(took);
            match found? {
                Some(found) => Ok(found),
                None => large(db),
            }
        };
        self.hand_over(permit, both).await
    }

    /// Begins with `work` if a connection is free and another one stays free for those who wait for what they
    /// read.
    pub(crate) fn run_ahead<T, F>(&self, work: impl FnOnce() -> F) -> Option<HandedOver<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let mut both = Arc::clone(&self.permits).try_acquire_many_owned(2).ok()?;
        let permit = both.split(1)?;
        drop(both);
        self.shared.counters.ahead.fetch_add(1, Ordering::Relaxed);
        Some(self.start(permit, work()))
    }

    pub(crate) fn stats(&self) -> ReaderStats {
        let Counters { handed_over, by_callers, ahead } = &self.shared.counters;
        ReaderStats {
            handed_over: handed_over.load(Ordering::Relaxed),
            by_callers: by_callers.load(Ordering::Relaxed),
            ahead: ahead.load(Ordering::Relaxed),
        }
    }

    /// Waits for the reads that are running, refuses further ones and closes the connections.
    pub(crate) async fn close(&self) {
        // An error means that they were closed before.
        let all = self.permits.acquire_many(self.max).await;
        self.permits.close();
        drop(all);
        self.shared.state().idle.clear();
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        permit.map_err(|_| errors::closed(self.shared.file.path()))
    }

    async fn hand_over<T, F>(&self, permit: OwnedSemaphorePermit, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.start(permit, work).result().await
    }

    fn start<T, F>(&self, permit: OwnedSemaphorePermit, work: F) -> HandedOver<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.shared.counters.handed_over.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        HandedOver(tokio::task::spawn_blocking(move || {
            let result = shared.on_connection(work);
            drop(permit);
            result.map_err(|fault| fault.into_error(shared.file.path()))
        }))
    }
}

/// A read on a thread of its own. When this is dropped it still runs to its end, and its result is lost.
pub(crate) struct HandedOver<T>(JoinHandle<Result<T>>);

impl<T> HandedOver<T> {
    pub(crate) async fn result(self) -> Result<T> {
        match self.0.await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(Error::Unavailable {
                    what: "the runtime, which is shutting down,".to_owned(),
                    source: error.into(),
                }),
            },
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_connection<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let taken = self.state().idle.pop();
        let db = match taken {
            Some(db) => db,
            None => self.file.open_reader()?,
        };
        let result = work(&db);
        self.put_back(db, None);
        result
    }

    /// An open connection, if callers read themselves. To open one takes too long for them.
    fn take_for_caller(&self) -> Option<Connection> {
        let mut state = self.state();
        if state.caller_reads.allowed() { state.idle.pop() } else { None }
    }

    fn put_back(&self, db: Connection, took: Option<Duration>) {
        // A transaction left open would show its old snapshot to the next read.
        let reusable = db.is_autocommit();
        let mut state = self.state();
        if let Some(took) = took {
            state.caller_reads.observe(took);
        }
        if reusable {
            state.idle.push(db);
        }
    }

    /// Runs `work` so that it fails rather than waits for a lock, and says how long it took.
    fn without_waiting<T>(
        &self,
        db: &Connection,
        work: impl Fn(&Connection) -> Result<T, Fault>,
    ) -> (Result<T, Fault>, Duration) {
        if let Err(error) = db.busy_timeout(Duration::ZERO) {
            return (Err(error.into()), Duration::ZERO);
        }
        let began = self.clock.monotonic();
        let result = work(db);
        let took = self.clock.monotonic().saturating_sub(began);
        let patient = db.busy_timeout(self.file.busy_timeout());
        (result.and_then(|found| Ok(patient.map(|()| found)?)), took)
    }
}

/// Runs `small` where SQLite gives no large text or blob, and says `None` when there is one.
fn bounded<T>(
    db: &Connection,
    small: impl Fn(&Connection) -> Result<Option<T>, Fault>,
) -> Result<Option<T>, Fault> {
    let usual = db.limit(Limit::SQLITE_LIMIT_LENGTH)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, SMALL as i32)?;
    let found = small(db);
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, usual)?;
    match found {
        Err(Fault::Sqlite(error)) if is_too_large(&error) => Ok(None),
        found => found,
    }
}

/// Whether SQLite has refused a text or a blob for its size.
pub(crate) fn is_too_large(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::TooBig)
}

fn is_busy(fault: &Fault) -> bool {
    let Fault::Sqlite(error) = fault else { return false };
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}

/// Runs `work` in one read transaction: all its queries see the same state of the file.
pub(crate) fn in_snapshot<T>(
    db: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    db.prepare_cached("BEGIN")?.execute([])?;
    let result = work(db);
    let ended = db.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
    let value = result?;
    ended?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use es_core::SystemClock;

    use super::*;
    use crate::options::SqliteOptions;

    #[tokio::test]
    async fn nothing_is_read_ahead_on_the_last_free_connection() {
        let directory = tempfile::tempdir().expect("a directory");
        let options = SqliteOptions::new(&directory.path().join("test.db"));
        let file = DatabaseFile::new(&options).expect("the path is absolute");
        drop(file.open_writer().expect("the file opens"));
        let readers = Readers::new(file, 2, Arc::new(SystemClock));

        let (finish, finished) = mpsc::channel::<()>();
        let wait = move |_: &Connection| Ok(finished.recv().is_ok());
        let ahead = readers.run_ahead(|| wait).expect("two are free");
        assert!(readers.run_ahead(|| |_: &Connection| Ok(())).is_none(), "one is free");
        readers.run(|_| Ok(())).await.expect("who waits for it has that one");
        finish.send(()).expect("it waits");
        assert!(ahead.result().await.expect("it was read"));
        assert!(readers.run_ahead(|| |_: &Connection| Ok(())).is_some(), "both are free again");
    }
}
