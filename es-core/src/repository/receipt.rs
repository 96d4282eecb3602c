use std::sync::Arc;

use crate::commit::{Commit, CommitId};
use crate::cost::Cost;
use crate::error::{Error, Result};
use crate::event::{Event, Recorded};
use crate::stream_id::StreamId;
use crate::version::Version;

/// What a command did.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub(super) stream: StreamId,
    pub(super) version: Version,
    pub(super) commit: Option<Commit>,
    pub(super) replay: bool,
    pub(super) attempts: u32,
    pub(super) inline_error: Option<Arc<Error>>,
    pub(super) cost: Cost,
}

impl Receipt {
    /// The aggregate's stream.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The aggregate's version after the command. A view that has seen this version shows the
    /// command's effect.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The commit; `None` if there was nothing to do.
    pub fn commit(&self) -> Option<&Commit> {
        self.commit.as_ref()
    }

    /// The commit's id; `None` if there was nothing to do.
    pub fn commit_id(&self) -> Option<CommitId> {
        self.commit.as_ref().map(Commit::id)
    }

    /// Whether the command had its effect before, under the same idempotency key, and this is the
    /// receipt of that time.
    pub fn is_replay(&self) -> bool {
        self.replay
    }

    /// How many appends it took: 1 without conflict, 0 if there was nothing to append.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why a projection that runs [inline](crate::Repository::with_inline) does not show the command's
    /// effect yet; `None` if all do. The command stands; the projection catches up.
    pub fn inline_error(&self) -> Option<&Error> {
        self.inline_error.as_deref()
    }

    /// What the store charged for the command: reads, appends, and the projections that run
    /// [inline](crate::Repository::with_inline).
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// The events, decoded from what was stored.
    ///
    /// # Errors
    ///
    /// As [`Commit::decode`].
    pub fn events<E: Event>(&self) -> Result<Vec<Recorded<'_, E>>> {
        self.commit.as_ref().map_or(Ok(Vec::new()), Commit::decode)
    }
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<D: std::error::Error> {
    /// The domain rejected it, with its own error.
    #[error(transparent)]
    Rejected(D),
    /// The framework or the store failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl<D: std::error::Error> ExecuteError<D> {
    /// Whether the same command can succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Rejected(_) => false,
            Self::Failed(error) => error.is_transient(),
        }
    }
}
