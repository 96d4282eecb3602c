use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::codec::{PayloadError, json_error};
use crate::commit::CommitId;
use crate::error::{Error, Result};
use crate::version::Version;

/// What the framework writes down about a process, between the process's own facts. Each commit begins
/// with what was met, which has the commit's own id, and goes on with what was decided.
///
/// ```text
/// Process:EventReceived      Order:Created, order:o-7 at version 1
/// Fulfilment:Begun           (a fact of the process manager)
/// Process:CommandIssued      ReserveStock
/// Process:DeadlineSet        answer
/// ```
#[derive(Clone, PartialEq, es_derive::Event)]
#[event(prefix = "Process")]
#[non_exhaustive]
pub enum ProcessRecord {
    /// An event came.
    EventReceived {
        /// The commit that this is written in.
        id: CommitId,
        /// The event's stored name.
        event: String,
        /// The stream that the event is in.
        stream: String,
        /// The event's position in it.
        version: Version,
        /// The commit that the event is in.
        commit: CommitId,
    },
    /// A deadline passed.
    DeadlinePassed {
        /// The commit that this is written in.
        id: CommitId,
        /// Its name.
        deadline: String,
    },
    /// A command succeeded. Written for commands that were to be
    /// [confirmed](super::Decision::confirmed_command), or had failed before.
    CommandSucceeded {
        /// The commit that this is written in.
        id: CommitId,
        /// Which one.
        command: CommandId,
        /// Its name.
        name: String,
        /// How often it had been tried.
        attempt: u32,
    },
    /// A command failed.
    CommandFailed {
        /// The commit that this is written in.
        id: CommitId,
        /// Which one.
        command: CommandId,
        /// Its name.
        name: String,
        /// How often it had been tried.
        attempt: u32,
        /// Whether the domain rejected it.
        rejected: bool,
        /// What was said, cut after 2,048 bytes.
        #[event(personal)]
        error: String,
        /// What was done about it.
        then: AfterFailure,
    },
    /// An operator had a parked command tried again.
    CommandResumed {
        /// The commit that this is written in.
        id: CommitId,
        /// Which one.
        command: CommandId,
        /// Its name.
        name: String,
        /// How often it will have been tried then.
        attempt: u32,
        /// When it is tried.
        retry: Retry,
    },
    /// An operator gave a parked command up.
    CommandDropped {
        /// The commit that this is written in.
        id: CommitId,
        /// Which one.
        command: CommandId,
        /// Its name.
        name: String,
    },
    /// An operator ended the process.
    Cancelled {
        /// The commit that this is written in.
        id: CommitId,
        /// Why, in the operator's words.
        #[event(personal)]
        reason: String,
    },
    /// An operator turned a saga back.
    TurnedBack {
        /// The commit that this is written in.
        id: CommitId,
        /// Why, in the operator's words.
        #[event(personal)]
        reason: String,
    },
    /// Commands of earlier commits that have no outcome yet are not wanted any more.
    CommandsWithdrawn,
    /// A command is to be executed.
    CommandIssued {
        /// Its name.
        name: String,
        /// Whether the process manager is told when it has succeeded.
        confirmed: bool,
        /// The command.
        #[event(personal)]
        command: CommandText,
    },
    /// A deadline was set.
    DeadlineSet {
        /// Its name.
        deadline: String,
        /// When it passes.
        due: Timestamp,
        /// The commit in which its passing will be written.
        id: CommitId,
    },
    /// A deadline is not waited for any more.
    DeadlineCancelled {
        /// Its name.
        deadline: String,
        /// When it would have passed.
        due: Timestamp,
        /// The commit in which its passing would have been written.
        id: CommitId,
    },
    /// The process is complete.
    Completed {
        /// As what.
        outcome: String,
    },
}

/// The identity of a command that a process issued: the commit in which it was decided, whose id is derived from
/// the process and what it met, and its place among the commands of that commit, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CommandId {
    /// The commit.
    pub commit: CommitId,
    /// The place.
    pub index: u32,
}

impl FromStr for CommandId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(commit, index)| {
            Some(Self { commit: commit.parse().ok()?, index: index.parse().ok()? })
        });
        parts.ok_or_else(|| Error::invalid_id("command id", text, "it is not COMMIT/PLACE"))
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.commit, self.index)
    }
}

/// What was done about a command that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AfterFailure {
    /// It is tried again.
    Retried(Retry),
    /// The process manager decided what to do instead, in the same commit.
    Compensated,
    /// Nothing.
    Skipped,
    /// It waits for an operator.
    Parked,
}

/// When a command is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// The time.
    pub due: Timestamp,
    /// The commit in which will be written how it went.
    pub id: CommitId,
}

/// A command as JSON text, kept until it is executed.
#[derive(Clone)]
pub struct CommandText(Box<RawValue>);

impl CommandText {
    pub(super) fn of<C: Serialize>(command: &C) -> Result<Self, PayloadError> {
        serde_json::value::to_raw_value(command).map(Self).map_err(PayloadError::new)
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Reads the command.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when it is not a `C` (any more).
    pub fn decode<C: DeserializeOwned>(&self) -> Result<C, PayloadError> {
        serde_json::from_str(self.0.get()).map_err(|error| PayloadError::new(json_error(&error)))
    }
}

impl PartialEq for CommandText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for CommandText {
    /// Without the content: it may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandText({} bytes)", self.as_str().len())
    }
}

impl Serialize for CommandText {
    /// As it is in JSON, so that a console shows it; as a text elsewhere.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => self.0.serialize(serializer),
            false => self.as_str().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for CommandText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Box::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        RawValue::from_string(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl ProcessRecord {
    /// Whether a stored name is that of a record, of this or another version of the framework.
    pub(super) fn has_name_like(name: &str) -> bool {
        name.starts_with("Process:")
    }
}

impl fmt::Display for ProcessRecord {
    /// A line of the process's history, without contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventReceived { event, stream, version, .. } => {
                write!(f, "received {event} ({stream} at version {version})")
            }
            Self::DeadlinePassed { deadline, .. } => write!(f, "the deadline {deadline} passed"),
            Self::CommandSucceeded { name, attempt, .. } => {
                write!(f, "{name} succeeded at attempt {attempt}")
            }
            Self::CommandFailed { name, attempt, rejected, then, .. } => {
                let what = if *rejected { "was rejected" } else { "failed" };
                write!(f, "{name} {what} at attempt {attempt}: {then}")
            }
            Self::CommandResumed { name, .. } => write!(f, "{name} is tried again by an operator"),
            Self::CommandDropped { name, .. } => write!(f, "{name} was given up by an operator"),
            Self::Cancelled { .. } => f.write_str("an operator cancelled it"),
            Self::TurnedBack { .. } => f.write_str("an operator turned it back"),
            Self::CommandsWithdrawn => f.write_str("withdrew what was not done yet"),
            Self::CommandIssued { name, .. } => write!(f, "issued {name}"),
            Self::DeadlineSet { deadline, due, .. } => {
                write!(f, "set the deadline {deadline} for {due}")
            }
            Self::DeadlineCancelled { deadline, .. } => {
                write!(f, "cancelled the deadline {deadline}")
            }
            Self::Completed { outcome } => write!(f, "completed: {outcome}"),
        }
    }
}

impl fmt::Debug for ProcessRecord {
    /// As in the history, without contents: they may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProcessRecord({self})")
    }
}

impl fmt::Display for AfterFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retried(retry) => write!(f, "tried again at {}", retry.due),
            Self::Compensated => f.write_str("compensated"),
            Self::Skipped => f.write_str("skipped"),
            Self::Parked => f.write_str("parked"),
        }
    }
}
