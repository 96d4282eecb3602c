use std::fmt;

use crate::backoff::Backoff;

use super::{CommandId, DispatchError};

/// A command that failed, for a process manager to decide what to do.
#[non_exhaustive]
pub struct CommandFailure<'a, C> {
    /// The command.
    pub command: &'a C,
    /// Its identity.
    pub id: CommandId,
    /// How often it was tried, from 1.
    pub attempt: u32,
    /// Why.
    pub error: &'a DispatchError,
}

/// What to do about a command that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureAction {
    /// Try it again, after a time as the backoff says for this attempt. The waiting survives restarts, and
    /// holds up nobody else.
    Retry(Backoff),
    /// Let the process manager decide what to do instead: it meets
    /// [`Trigger::CommandFailed`](super::Trigger::CommandFailed).
    Compensate,
    /// Go on as if it had not been asked for.
    Skip,
    /// Keep it until an operator [resumes](super::Processes::resume) or [drops](super::Processes::drop_parked) it. The
    /// process shows as [parked](super::ProcessStatus::Parked).
    Park,
}

/// A command that was carried out.
#[non_exhaustive]
pub struct CommandOutcome<'a, C> {
    /// The command.
    pub command: &'a C,
    /// Its identity.
    pub id: CommandId,
    /// How often it was tried, from 1.
    pub attempt: u32,
}

/// A command that an operator gave up.
#[non_exhaustive]
pub struct DroppedCommand<'a, C> {
    /// The command; `None` if this program cannot read it.
    pub command: Option<&'a C>,
    /// Its identity.
    pub id: CommandId,
    /// Its name.
    pub name: &'a str,
    /// How often it was tried.
    pub attempts: u32,
}

// Without contents: they may be personal data.

impl<C> fmt::Debug for CommandFailure<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, attempt, .. } = self;
        let rejected = self.error.is_rejected();
        write!(f, "CommandFailure({id} at attempt {attempt}, rejected: {rejected})")
    }
}

impl<C> fmt::Debug for CommandOutcome<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandOutcome({} at attempt {})", self.id, self.attempt)
    }
}

impl<C> fmt::Debug for DroppedCommand<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DroppedCommand({} {} after attempt {})", self.name, self.id, self.attempts)
    }
}
