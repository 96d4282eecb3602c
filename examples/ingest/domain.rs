//! The intake: what became of one event. Pure.

use es_core::{Aggregate, Command, Event};
use serde::{Deserialize, Serialize};

use super::reading::{Measurement, Reading};

/// One event on its way through the system, folded from what happened to it. Its id is the event's.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Intake {
    /// Where it is; `None` before it came.
    pub status: Option<Status>,
    /// What was accepted.
    pub reading: Option<Reading>,
    /// Why it failed last, until it is accepted or processed.
    reason: Option<String>,
}

/// Where an event is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// An attempt failed; it is tried again.
    Retrying,
    /// It is processed; the confirmation is on its way.
    Processed,
    /// It is processed and confirmed.
    Confirmed,
    /// It is not valid, or all attempts failed. It waits in the dead letters.
    Failed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Retrying, Self::Processed, Self::Confirmed, Self::Failed];

    /// The name in the API and in views.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retrying => "retrying",
            Self::Processed => "processed",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more happens by itself: what a client waits for.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Confirmed | Self::Failed)
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|status| status.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("{name:?} is not a status; there are {names}")
        })
    }
}

/// By which way an event came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Origin {
    /// In a file of the watched directory, or an object of the bucket.
    File {
        /// Its name, or the object's key.
        name: String,
    },
    /// In a message.
    Message {
        /// Who published it, as `/ingest/http`.
        source: String,
    },
}

/// What can be asked of an intake.
#[derive(Debug, Clone, Command)]
pub enum IntakeCommand {
    /// The reading was processed.
    Process {
        /// How it came.
        origin: Origin,
        /// What it says.
        reading: Reading,
        /// What it comes to.
        measurement: Measurement,
    },
    /// An attempt to process the reading failed.
    RecordFailure {
        /// How it came.
        origin: Origin,
        /// What it says.
        reading: Reading,
        /// Why.
        reason: String,
        /// Whether it was the last attempt.
        is_last: bool,
    },
    /// The document is not valid.
    Reject {
        /// How it came.
        origin: Origin,
        /// What is wrong with it.
        reason: String,
    },
    /// The confirmation has arrived.
    Confirm,
}

/// What can happen to an event.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Intake")]
pub enum IntakeEvent {
    /// It came, and is valid.
    Accepted {
        /// How it came.
        origin: Origin,
        /// What it says.
        reading: Reading,
    },
    /// An attempt to process it failed; another follows.
    AttemptFailed {
        /// Why.
        reason: String,
    },
    /// The last attempt to process it failed.
    GivenUp {
        /// Why.
        reason: String,
    },
    /// It was processed.
    Processed {
        /// What it comes to.
        measurement: Measurement,
    },
    /// The confirmation arrived.
    Confirmed,
    /// It came, and is not valid.
    Rejected {
        /// How it came.
        origin: Origin,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The same id was given to two readings.
    #[error("the id belongs to another reading")]
    AnotherReading,
    /// A confirmation of something that was not processed.
    #[error("the event is not processed, so it cannot be confirmed")]
    NotProcessed,
}

impl Aggregate for Intake {
    const CATEGORY: &'static str = "intake";
    type Command = IntakeCommand;
    type Event = IntakeEvent;
    type Error = IntakeError;

    fn handle(&self, command: IntakeCommand) -> Result<Vec<IntakeEvent>, IntakeError> {
        match command {
            IntakeCommand::Process { origin, reading, measurement } => {
                self.unless_processed(origin, reading, IntakeEvent::Processed { measurement })
            }
            IntakeCommand::RecordFailure { origin, reading, reason, is_last } => {
                let failure = match is_last {
                    true => IntakeEvent::GivenUp { reason },
                    false => IntakeEvent::AttemptFailed { reason },
                };
                self.unless_processed(origin, reading, failure)
            }
            IntakeCommand::Reject { origin, reason } => Ok(self.reject(origin, reason)),
            IntakeCommand::Confirm => match self.status {
                Some(Status::Processed) => Ok(vec![IntakeEvent::Confirmed]),
                Some(Status::Confirmed) => Ok(vec![]),
                _ => Err(IntakeError::NotProcessed),
            },
        }
    }

    fn apply(&mut self, event: IntakeEvent) {
        match event {
            IntakeEvent::Accepted { reading, .. } => {
                self.status = Some(Status::Retrying);
                self.reading = Some(reading);
                self.reason = None;
            }
            IntakeEvent::AttemptFailed { reason } => {
                self.status = Some(Status::Retrying);
                self.reason = Some(reason);
            }
            IntakeEvent::GivenUp { reason } | IntakeEvent::Rejected { reason, .. } => {
                self.status = Some(Status::Failed);
                self.reason = Some(reason);
            }
            IntakeEvent::Processed { .. } => {
                self.status = Some(Status::Processed);
                self.reason = None;
            }
            IntakeEvent::Confirmed => self.status = Some(Status::Confirmed),
        }
    }
}

type Decision = Result<Vec<IntakeEvent>, IntakeError>;

impl Intake {
    /// Whether it was processed, ever: what comes again then changes nothing.
    pub fn is_processed(&self) -> bool {
        matches!(self.status, Some(Status::Processed | Status::Confirmed))
    }

    /// Whether another reading has the id.
    pub fn is_taken_by_another(&self, reading: &Reading) -> bool {
        self.reading.as_ref().is_some_and(|accepted| accepted != reading)
    }

    /// The event, behind the acceptance if that is new.
    fn unless_processed(&self, origin: Origin, reading: Reading, event: IntakeEvent) -> Decision {
        if self.is_taken_by_another(&reading) {
            return Err(IntakeError::AnotherReading);
        }
        if self.is_processed() {
            return Ok(vec![]);
        }
        match self.reading {
            None => Ok(vec![IntakeEvent::Accepted { origin, reading }, event]),
            Some(_) => Ok(vec![event]),
        }
    }

    /// What was accepted under this id stays as it is: the invalid document is another one.
    fn reject(&self, origin: Origin, reason: String) -> Vec<IntakeEvent> {
        if self.reading.is_some() || self.reason.as_ref() == Some(&reason) {
            return vec![];
        }
        vec![IntakeEvent::Rejected { origin, reason }]
    }
}

#[cfg(test)]
mod tests;
