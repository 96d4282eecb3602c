//! What an operator sees of a consumer, and pausing it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::{Error, Result};

use super::handler::Handler;
use super::{Consumer, failure};

/// What a consumer does, in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConsumerState {
    /// Nothing: nobody runs it here.
    #[default]
    Idle,
    /// It is at work, or waits for something to come.
    Running,
    /// It rests until it is resumed.
    Paused,
    /// A step failed and is tried again.
    Retrying,
    /// The feed has lost what comes next, and the view is built again from the log.
    Rebuilding,
    /// It has stopped at an error that trying again cannot help.
    Failed,
}

/// An error that a consumer met, in this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastError {
    /// The error, with its causes.
    pub error: String,
    /// When.
    pub at: Timestamp,
}

/// What this process knows.
#[derive(Debug, Default)]
pub(super) struct Control(Mutex<Observed>);

#[derive(Debug, Clone, Default)]
pub(super) struct Observed {
    pub(super) state: ConsumerState,
    pub(super) last_error: Option<LastError>,
}

impl Control {
    pub(super) fn observed(&self) -> Observed {
        self.lock().clone()
    }

    /// Enters the state of a worker that runs, until what is returned is dropped.
    pub(super) fn run(&self) -> Running<'_> {
        self.enter(ConsumerState::Running);
        Running(self)
    }

    pub(super) fn enter(&self, state: ConsumerState) {
        self.lock().state = state;
    }

    pub(super) fn met(&self, error: &Error, state: ConsumerState, at: Timestamp) {
        let last_error = Some(LastError { error: failure::text_of(error), at });
        *self.lock() = Observed { state, last_error };
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker at work. It may be dropped as well as end.
pub(super) struct Running<'a>(&'a Control);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut observed = self.0.lock();
        if observed.state != ConsumerState::Failed {
            observed.state = ConsumerState::Idle;
        }
    }
}

impl<H: Handler> Consumer<H> {
    /// Lets all workers of the consumer rest, in this process and in others, after the step at hand.
    /// It stays so, also over restarts, until [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn pause(&self) -> Result<()> {
        self.handler.checkpoints().set_paused(&self.id, true).await
    }

    /// Lets the workers go on. Those of this process do at once, others within a second.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn resume(&self) -> Result<()> {
        self.handler.checkpoints().set_paused(&self.id, false).await?;
        self.resumed.notify_waiters();
        Ok(())
    }
    /// Before each step.
    pub(super) async fn check_not_paused(&self) -> Result<()> {
        if self.handler.checkpoints().is_paused(&self.id).await? {
            return Err(Error::Paused { consumer: self.id.to_string() });
        }
        Ok(())
    }
}
