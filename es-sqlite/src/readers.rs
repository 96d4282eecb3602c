//! The connections that read, beside the writer.

use std::sync::{Arc, Mutex, PoisonError};

use es_core::{Error, Result};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::errors::{self, Fault};
use crate::file::DatabaseFile;

/// A bounded pool. Each read takes a connection to a thread of tokio's blocking pool, so that it
/// never holds up the runtime.
#[derive(Debug)]
pub(crate) struct Readers {
    file: DatabaseFile,
    max: u32,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(crate) fn new(file: DatabaseFile, max: usize) -> Self {
        let max = u32::try_from(max.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self { file, max, permits: Arc::new(Semaphore::new(max as usize)), idle: Arc::default() }
    }

    /// Runs `work` on a connection. When the returned future is dropped `work` still runs to its
    /// end, and its result is lost.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| errors::closed(self.file.path()))?;
        let (file, idle) = (self.file.clone(), Arc::clone(&self.idle));
        let task = tokio::task::spawn_blocking(move || {
            let result = on_connection(&file, &idle, work);
            drop(permit);
            result.map_err(|fault| fault.into_error(file.path()))
        });
        match task.await {
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

    /// Waits for the reads that are running, refuses further ones and closes the connections.
    pub(crate) async fn close(&self) {
        // An error means that they were closed before.
        let all = self.permits.acquire_many(self.max).await;
        self.permits.close();
        drop(all);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn on_connection<T>(
    file: &DatabaseFile,
    idle: &Mutex<Vec<Connection>>,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let db = match taken {
        Some(db) => db,
        None => file.open_reader()?,
    };
    let result = work(&db);
    // A transaction left open would show its old snapshot to the next read.
    if db.is_autocommit() {
        idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
    }
    result
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
