//! Writes in the queue.

use es_core::{Error, Result};
use rusqlite::ffi;
use tokio::sync::oneshot;

use crate::errors::{self, Fault};
use crate::file::DatabaseFile;

use super::transaction::WriteTransaction;

pub(super) enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<Result<()>>),
}

/// A write, whatever its result is.
pub(super) trait Job: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Who undoes its changes when it fails.
    fn undoing(&self) -> Undoing;
    /// Does the work and keeps its result.
    fn run(&mut self, transaction: &WriteTransaction<'_>) -> Result<(), Failed>;
    /// Answers the caller: with the result if the group was committed.
    fn answer(self: Box<Self>, file: &DatabaseFile, group: Result<(), &GroupFailure>);
}

/// How a write that fails is undone alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undoing {
    Savepoint,
    Itself,
}

/// A write has failed.
pub(super) enum Failed {
    /// It was refused in words.
    Said,
    /// SQLite refused.
    Sqlite(GroupFailure),
    /// SQLite refused in the middle of what the write should have undone itself.
    HalfDone(GroupFailure),
}

/// Why a whole group has failed. Unlike the error that it was made from it can be copied for all.
#[derive(Debug, Clone)]
pub(super) struct GroupFailure {
    code: ffi::Error,
    message: Option<String>,
}

impl GroupFailure {
    pub(super) fn from_sqlite(error: &rusqlite::Error) -> Self {
        let code =
            error.sqlite_error().copied().unwrap_or_else(|| ffi::Error::new(ffi::SQLITE_INTERNAL));
        Self { code, message: Some(error.to_string()) }
    }

    pub(super) fn to_error(&self, file: &DatabaseFile) -> Error {
        let source = rusqlite::Error::SqliteFailure(self.code, self.message.clone());
        errors::from_sqlite(file.path(), source)
    }
}

pub(super) struct QueuedWork<T, F> {
    work: Option<F>,
    undoing: Undoing,
    outcome: Option<Result<T, Fault>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> QueuedWork<T, F> {
    pub(super) fn new(work: F, undoing: Undoing, reply: oneshot::Sender<Result<T>>) -> Self {
        Self { work: Some(work), undoing, outcome: None, reply }
    }
}

impl<T, F> Job for QueuedWork<T, F>
where
    T: Send,
    F: FnOnce(&WriteTransaction<'_>) -> Result<T, Fault> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, transaction: &WriteTransaction<'_>) -> Result<(), Failed> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        let outcome = work(transaction);
        let failed = match &outcome {
            Ok(_) => Ok(()),
            Err(Fault::Sqlite(error)) => Err(Failed::Sqlite(GroupFailure::from_sqlite(error))),
            Err(Fault::HalfDone(error)) => Err(Failed::HalfDone(GroupFailure::from_sqlite(error))),
            Err(Fault::Said(_)) => Err(Failed::Said),
        };
        self.outcome = Some(outcome);
        failed
    }

    fn undoing(&self) -> Undoing {
        self.undoing
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
