//! Positions in a stream, and the proof of where a stream ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::commit::CommitId;

/// The 1-based position of an event in its stream. Positions have no gaps; [`Version::ZERO`] stands
/// before the first event and is the version of an aggregate that does not exist yet.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(u64);

impl Version {
    /// Before the first event.
    pub const ZERO: Self = Self(0);
    /// The position of the first event.
    pub const FIRST: Self = Self(1);

    /// The position `n`, counted from 1.
    pub const fn new(n: u64) -> Self {
        Self(n)
    }

    /// The position as a number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position `n` events later.
    #[must_use]
    pub const fn plus(self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u64> for Version {
    fn from(n: u64) -> Self {
        Self(n)
    }
}

/// The proof of where a stream ended when it was read: its last commit. Appends are conditional on
/// it. It can only be had from a commit that a store returned, so a position inside a commit or past
/// the end of a stream cannot be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    pub(crate) commit_id: CommitId,
    pub(crate) first_version: Version,
    pub(crate) last_version: Version,
}

impl Head {
    /// The version of the stream's last event.
    pub fn version(&self) -> Version {
        self.last_version
    }

    /// The version at which the last commit begins.
    pub fn commit_start(&self) -> Version {
        self.first_version
    }

    /// The id of the last commit.
    pub fn commit_id(&self) -> CommitId {
        self.commit_id
    }

    /// The head kept by a backend that stores heads on their own, in a stream index or in a
    /// snapshot. A backend hands in only what it took from a commit: a made-up head is refused by
    /// the append of every store that checks the predecessor, but not by every store at no cost.
    pub fn from_stored(commit_id: CommitId, first_version: Version, last_version: Version) -> Self {
        Self { commit_id, first_version, last_version }
    }
}
