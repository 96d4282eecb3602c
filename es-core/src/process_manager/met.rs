//! What a process meets, as the command that it decides on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::clock::{Timestamp, whole_microseconds};
use crate::command::Command;
use crate::commit::{Commit, CommitId};
use crate::error::Result;
use crate::stream_id::StreamId;
use crate::version::Version;

use super::{CommandId, Decision, DispatchError, ProcessManager, Retry, identities};

/// What a process meets, at a moment. As a command it is public, but only this module makes one.
pub struct Step<P: ProcessManager> {
    /// The id of the commit, derived from what is met.
    pub(super) id: CommitId,
    pub(super) stream: StreamId,
    pub(super) now: Timestamp,
    /// For the time until the next attempt.
    pub(super) jitter: u64,
    pub(super) met: Met<P>,
}

/// What a process meets.
pub(crate) enum Met<P: ProcessManager> {
    Event {
        event: Arc<P::Input>,
        commit: Commit,
        version: Version,
        may_begin: bool,
    },
    Deadline {
        name: String,
    },
    Outcome {
        of: CommandId,
        attempt: u32,
        command: Arc<P::Command>,
        result: Result<(), Arc<DispatchError>>,
    },
    /// A command that this program cannot read.
    Unreadable {
        command: CommandId,
        attempt: u32,
        reason: String,
    },
    Resumption {
        command: CommandId,
    },
    /// An operator ends the process.
    Cancellation {
        reason: String,
    },
    /// An operator turns a saga back, which says by `decide` what that means.
    TurningBack {
        reason: String,
        decide: TurnBack<P>,
    },
    /// An operator gives the command up. `None` if this program cannot read it.
    Dropping {
        of: CommandId,
        command: Option<Arc<P::Command>>,
    },
}

/// What a saga decides when an operator turns it back.
pub(crate) type TurnBack<P> = fn(&P, &StreamId, &str) -> Result<Decision<P>>;

impl<P: ProcessManager> Step<P> {
    pub(super) fn retry(&self, command: CommandId, attempt: u32, delay: Duration) -> Retry {
        let id = identities::outcome_of(command, attempt).commit_id(&self.stream);
        Retry { due: self.after(delay), id }
    }

    /// The time so long after this moment; the last there is, if there is none.
    pub(super) fn after(&self, duration: Duration) -> Timestamp {
        let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        whole_microseconds(self.now.checked_add(duration).unwrap_or(Timestamp::MAX))
    }
}

impl<P: ProcessManager> fmt::Debug for Step<P> {
    /// Without contents: they may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("id", &self.id)
            .field("met", &self.name())
            .finish_non_exhaustive()
    }
}

impl<P: ProcessManager> Clone for Step<P> {
    fn clone(&self) -> Self {
        let Self { id, stream, now, jitter, met } = self;
        Self { id: *id, stream: stream.clone(), now: *now, jitter: *jitter, met: met.clone() }
    }
}

impl<P: ProcessManager> Clone for Met<P> {
    fn clone(&self) -> Self {
        match self {
            Self::Event { event, commit, version, may_begin } => Self::Event {
                event: Arc::clone(event),
                commit: commit.clone(),
                version: *version,
                may_begin: *may_begin,
            },
            Self::Deadline { name } => Self::Deadline { name: name.clone() },
            Self::Outcome { of, attempt, command, result } => Self::Outcome {
                of: *of,
                attempt: *attempt,
                command: Arc::clone(command),
                result: result.clone(),
            },
            Self::Unreadable { command, attempt, reason } => {
                Self::Unreadable { command: *command, attempt: *attempt, reason: reason.clone() }
            }
            Self::Resumption { command } => Self::Resumption { command: *command },
            Self::Dropping { of, command } => Self::Dropping { of: *of, command: command.clone() },
            Self::Cancellation { reason } => Self::Cancellation { reason: reason.clone() },
            Self::TurningBack { reason, decide } => {
                Self::TurningBack { reason: reason.clone(), decide: *decide }
            }
        }
    }
}

impl<P: ProcessManager> Command for Step<P> {
    fn name(&self) -> &'static str {
        match self.met {
            Met::Event { .. } => "Receive",
            Met::Deadline { .. } => "PassDeadline",
            // One name, so that whichever outcome is written first stands.
            Met::Outcome { .. } | Met::Unreadable { .. } => "Settle",
            Met::Resumption { .. }
            | Met::Dropping { .. }
            | Met::Cancellation { .. }
            | Met::TurningBack { .. } => "Intervene",
        }
    }
}
