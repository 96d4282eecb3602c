//! The processor: takes a submission in, and writes what became of it into the log.

use std::sync::Arc;

use async_trait::async_trait;
use es_core::{
    ExecuteError, ExecuteOptions, Incoming, MessageError, MessageHandler, Metadata, Repository,
};

use super::documents::{DocumentError, Documents};
use super::domain::{Intake, IntakeCommand, IntakeError, Origin};
use super::figures::{Failure, Figures, Outcome};
use super::reading::{Document, EventId, Measurement, Reading};
use super::stations::{Station, StationRegister};
use super::submission::{NoSubmission, Submission};

/// Handles the messages of the queue behind the topic.
#[derive(Debug)]
pub struct Processor {
    /// What became of events.
    pub intakes: Repository<Intake>,
    /// The files that messages tell of.
    pub documents: Arc<dyn Documents>,
    /// What is known of the stations.
    pub register: Arc<dyn StationRegister>,
    /// How it goes.
    pub figures: Arc<Figures>,
}

impl Processor {
    /// How often a message is tried before it is a dead letter.
    pub const ATTEMPTS: u32 = 3;

    async fn take_in(&self, message: &Incoming) -> Result<Outcome, NotTakenIn> {
        let Some(submission) = Submission::of(message)? else { return Ok(Outcome::Ignored) };
        let origin = submission.origin();
        let content = match submission {
            Submission::Document { content, .. } => content.into_bytes(),
            Submission::File(file) => self.documents.read(&file).await?,
        };
        let Document { id, reading } = Document::read(&content);
        let arrival = Arrival { id, origin, message };
        match reading {
            Ok(reading) => self.process(&arrival, reading).await,
            Err(invalid) => self.reject(&arrival, invalid.to_string()).await,
        }
    }

    async fn process(
        &self,
        arrival: &Arrival<'_>,
        reading: Reading,
    ) -> Result<Outcome, NotTakenIn> {
        let known = self.intakes.load(arrival.id.as_str()).await?;
        if known.is_processed() && !known.is_taken_by_another(&reading) {
            return Ok(Outcome::Duplicate);
        }
        match self.register.station(&reading.station).await {
            Ok(Some(station)) => self.record(arrival, reading, station).await,
            Ok(None) => self.reject(arrival, "the station is not registered".to_owned()).await,
            Err(unavailable) => self.try_again(arrival, reading, unavailable.to_string()).await,
        }
    }

    async fn record(
        &self,
        arrival: &Arrival<'_>,
        reading: Reading,
        station: Station,
    ) -> Result<Outcome, NotTakenIn> {
        let measurement = Measurement::of(&reading, station.elevation);
        let origin = arrival.origin.clone();
        let command = IntakeCommand::Process { origin, reading, measurement };
        // Another message about the same event may have been faster: then there is nothing left to do.
        match self.execute(arrival, command).await? {
            true => Ok(Outcome::Processed),
            false => Ok(Outcome::Duplicate),
        }
    }

    /// The log knows of the failed attempt before the message comes again, or is a dead letter.
    async fn try_again(
        &self,
        arrival: &Arrival<'_>,
        reading: Reading,
        reason: String,
    ) -> Result<Outcome, NotTakenIn> {
        let is_last = arrival.message.attempt() >= Self::ATTEMPTS;
        let origin = arrival.origin.clone();
        let command =
            IntakeCommand::RecordFailure { origin, reading, reason: reason.clone(), is_last };
        if !self.execute(arrival, command).await? {
            return Ok(Outcome::Duplicate);
        }
        let failure = Failure::Unavailable { again: !is_last };
        Err(NotTakenIn { failure, error: MessageError::transient(reason) })
    }

    async fn reject(&self, arrival: &Arrival<'_>, reason: String) -> Result<Outcome, NotTakenIn> {
        let origin = arrival.origin.clone();
        self.execute(arrival, IntakeCommand::Reject { origin, reason: reason.clone() }).await?;
        Err(NotTakenIn { failure: Failure::Invalid, error: MessageError::permanent(reason) })
    }

    /// Whether anything happened by it.
    async fn execute(
        &self,
        arrival: &Arrival<'_>,
        command: IntakeCommand,
    ) -> Result<bool, ExecuteError<IntakeError>> {
        let mut metadata = Metadata::new();
        metadata.correlation_id = Some(arrival.id.to_string());
        metadata.causation_id = Some(arrival.message.message_id().to_string());
        let options = ExecuteOptions::new().metadata(metadata);
        let receipt = self.intakes.execute_with(arrival.id.as_str(), command, options).await?;
        Ok(receipt.commit().is_some())
    }
}

/// A document that came, of whatever worth.
struct Arrival<'a> {
    id: EventId,
    origin: Origin,
    message: &'a Incoming,
}

#[async_trait]
impl MessageHandler for Processor {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let began = self.figures.begin();
        match self.take_in(message).await {
            Ok(outcome) => {
                self.figures.count(outcome, began);
                Ok(())
            }
            Err(NotTakenIn { failure, error }) => {
                self.figures.count(Outcome::Failed(failure), began);
                Err(error)
            }
        }
    }
}

/// Why something was not taken in: for the figures, and for the consumer.
struct NotTakenIn {
    failure: Failure,
    error: MessageError,
}

impl From<NoSubmission> for NotTakenIn {
    fn from(error: NoSubmission) -> Self {
        Self { failure: Failure::Refused, error: MessageError::permanent(error) }
    }
}

impl From<DocumentError> for NotTakenIn {
    fn from(error: DocumentError) -> Self {
        match error.is_transient() {
            true => Self::internal(MessageError::transient(error)),
            false => Self { failure: Failure::Refused, error: MessageError::permanent(error) },
        }
    }
}

impl From<es_core::Error> for NotTakenIn {
    fn from(error: es_core::Error) -> Self {
        Self::internal(error.into())
    }
}

impl From<ExecuteError<IntakeError>> for NotTakenIn {
    fn from(error: ExecuteError<IntakeError>) -> Self {
        match error {
            rejected @ ExecuteError::Rejected(_) => {
                Self { failure: Failure::Refused, error: rejected.into() }
            }
            failed @ ExecuteError::Failed(_) => Self::internal(failed.into()),
        }
    }
}

impl NotTakenIn {
    /// Something here does not work.
    fn internal(error: MessageError) -> Self {
        Self { failure: Failure::Internal, error }
    }
}

#[cfg(test)]
mod tests;
