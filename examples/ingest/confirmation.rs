//! The confirmation: the log tells a second queue what was processed, and its handler writes down that it
//! was told.
//!
//! The message is not sent by the processor: between its commit and such a send it could die. It is announced
//! from the log, which has the event or has it not.

use async_trait::async_trait;
use es_core::{
    Aggregate as _, ExecuteOptions, Incoming, MessageError, MessageHandler, Metadata, Repository,
};

use super::domain::{Intake, IntakeCommand};

/// Handles the messages of the second queue.
#[derive(Debug)]
pub struct Confirmer {
    /// What became of events.
    pub intakes: Repository<Intake>,
}

/// A message that confirms nothing.
#[derive(Debug, thiserror::Error)]
#[error("the message is not about an event that was taken in")]
struct NoConfirmation;

#[async_trait]
impl MessageHandler for Confirmer {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let none = || MessageError::permanent(NoConfirmation);
        let event = message.as_cloud_event().ok_or_else(none)?;
        let stream = event.stream().filter(|stream| stream.category() == Intake::CATEGORY);
        let stream = stream.ok_or_else(none)?;
        let mut metadata = Metadata::new();
        metadata.correlation_id = Some(stream.id().to_owned());
        metadata.causation_id = event.commit_id().map(|commit| commit.to_string());
        let options = ExecuteOptions::new().metadata(metadata);
        self.intakes.execute_with(stream.id(), IntakeCommand::Confirm, options).await?;
        Ok(())
    }
}
