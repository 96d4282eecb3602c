//! What could not be handled, kept until it is tried again or dropped.

use crate::clock::Timestamp;
use crate::commit::Commit;
use crate::stream_id::StreamId;
use crate::version::Version;

/// A commit that had no effect on a consumer yet: the one that failed, or a later one of its stream,
/// which waits behind it so that the order is kept. Commits of other streams flow on.
///
/// A letter keeps the commit as it was delivered, bytes and all. Trying it again decodes it with the
/// program that runs then, upcasters included. Its times are kept in whole microseconds, as those of
/// commits; what is finer is cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The commit.
    pub commit: Commit,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// How it failed; `None` for one that only waits behind another.
    pub failure: Option<Failure>,
    /// Why it was given up, if it was. It is a record then: nothing waits behind it.
    pub dropped: Option<Dropped>,
}

impl DeadLetter {
    /// A commit that is parked at `now`.
    pub fn new(commit: Commit, now: Timestamp, failure: Option<Failure>) -> Self {
        Self { commit, parked_at: now, failure, dropped: None }
    }
}

/// How a commit failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The version of the event that failed, or of the commit's first when it failed as a whole.
    pub version: Version,
    /// The last error, with its causes, cut after [`Failure::MAX_ERROR_LEN`] bytes.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last.
    pub last_attempt_at: Timestamp,
}

impl Failure {
    /// The longest text of an error that is kept, in bytes.
    pub const MAX_ERROR_LEN: usize = 4 * 1024;
}

/// Why a dead letter was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// What the operator said.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What happens to a dead letter in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterChange {
    /// It is parked; one that is parked under the same stream and first version is replaced. A letter
    /// that says to be dropped is parked like any other, as if it did not.
    Park(Box<DeadLetter>),
    /// Its commit has had its effect: it is gone. Nothing happens if it is not parked.
    Remove {
        /// The stream.
        stream: StreamId,
        /// The first version of the commit.
        version: Version,
    },
    /// It is given up, and kept as a record, in the place of an earlier record of the same stream and
    /// first version. Nothing happens if it is not parked.
    Drop {
        /// The stream.
        stream: StreamId,
        /// The first version of the commit.
        version: Version,
        /// Why.
        dropped: Dropped,
    },
}

impl DeadLetterChange {
    /// The stream that it is about.
    pub fn stream(&self) -> &StreamId {
        match self {
            Self::Park(letter) => letter.commit.stream(),
            Self::Remove { stream, .. } | Self::Drop { stream, .. } => stream,
        }
    }
}

/// Which dead letters to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterQuery {
    /// Only those of this stream.
    pub stream: Option<StreamId>,
    /// Only those of this state.
    pub state: DeadLetterState,
    /// Only those behind this stream and first version, the last of the page before, whether there
    /// is still such a letter or not.
    pub after: Option<(StreamId, Version)>,
    /// The most letters.
    pub limit: usize,
}

/// The states of dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeadLetterState {
    /// Parked, whether they failed themselves or wait behind one that did.
    #[default]
    Parked,
    /// Parked, and the first of all that are parked of their stream: those that the others wait for.
    First,
    /// Dropped.
    Dropped,
}

impl Default for DeadLetterQuery {
    /// The first 100 that are parked.
    fn default() -> Self {
        Self { stream: None, state: DeadLetterState::Parked, after: None, limit: 100 }
    }
}

impl DeadLetterQuery {
    /// Only those of `stream`.
    #[must_use]
    pub fn stream(mut self, stream: StreamId) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Only those of `state`.
    #[must_use]
    pub fn state(mut self, state: DeadLetterState) -> Self {
        self.state = state;
        self
    }

    /// Only those behind `letter`, in the order of listings.
    #[must_use]
    pub fn after(mut self, letter: &DeadLetter) -> Self {
        self.after = Some((letter.commit.stream().clone(), letter.commit.first_version()));
        self
    }

    /// At most `limit` letters.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// How many dead letters are parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeadLetterCount {
    /// The streams that wait.
    pub streams: u64,
    /// The commits in them.
    pub letters: u64,
}
