//! Whether the commits of a read join each other.

use es_core::{Direction, Error, Head, Result, StreamId, Version};

/// What the next commit of a read must be like.
#[derive(Debug)]
pub(super) struct Chain {
    stream: StreamId,
    direction: Direction,
    /// The version that the next commit has at its near end; `None` where that is not known, as
    /// nothing was read yet.
    next: Option<Version>,
}

impl Chain {
    /// Commits from the one that begins at `first` on.
    pub(super) fn forwards(stream: StreamId, first: Version) -> Self {
        Self { stream, direction: Direction::Forwards, next: Some(first) }
    }

    /// Commits from any one back.
    pub(super) fn backwards(stream: StreamId) -> Self {
        Self { stream, direction: Direction::Backwards, next: None }
    }

    /// Takes the next commit, if it joins the one before.
    pub(super) fn join(&mut self, commit: Head) -> Result<()> {
        let (first, last) = (commit.commit_start(), commit.version());
        match self.direction {
            Direction::Forwards => match self.next {
                Some(next) if next < first => return Err(self.missing(next)),
                Some(next) if next > first => return Err(self.overlapping(first)),
                _ => self.next = Some(last.next()),
            },
            Direction::Backwards => match self.next {
                Some(next) if last < next => return Err(self.missing(last.next())),
                Some(next) if last > next => return Err(self.overlapping(next.next())),
                _ => self.next = Some(Version::new(first.get() - 1)),
            },
        }
        Ok(())
    }

    /// Checks that nothing is missing where there are no more commits. Nothing tells that the end of
    /// a stream is missing.
    pub(super) fn end(&self) -> Result<()> {
        match (self.direction, self.next) {
            (Direction::Backwards, Some(next)) if next > Version::ZERO => {
                Err(self.missing(Version::FIRST))
            }
            _ => Ok(()),
        }
    }

    fn missing(&self, version: Version) -> Error {
        self.damaged(version, "it is missing, and the stream goes on behind it")
    }

    fn overlapping(&self, version: Version) -> Error {
        self.damaged(version, "it begins inside the commit before it")
    }

    fn damaged(&self, version: Version, reason: &str) -> Error {
        let (stream, reason) = (self.stream.clone(), reason.to_owned());
        Error::CorruptCommit { stream, version, reason }
    }
}
