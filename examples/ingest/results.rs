//! How a client gets the result of an event: it asks until there is one, or its time is over.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::{Backoff, Clock, Entropy, Error, Projection, SystemClock, SystemEntropy};

use super::domain::Status;
use super::reading::EventId;
use super::records::{Record, Records};

/// Knows what became of events.
#[async_trait]
pub trait Results: Debug + Send + Sync {
    /// What is known of the event now.
    ///
    /// # Errors
    ///
    /// Those of the store.
    async fn find(&self, id: &EventId) -> Result<Option<Record>, Error>;
}

#[async_trait]
impl Results for Projection<Records> {
    async fn find(&self, id: &EventId) -> Result<Option<Record>, Error> {
        self.view().get(id.as_str()).await
    }
}

/// A client's patience: how long it waits for a result in all, and between two questions.
#[derive(Debug, Clone)]
pub struct Patience {
    /// How long in all.
    pub deadline: Duration,
    /// The wait between two questions, which gets longer.
    pub backoff: Backoff,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Spreads the questions of many clients.
    pub entropy: Arc<dyn Entropy>,
}

impl Patience {
    /// Patience for `deadline`, with questions at first every 50 ms and at last every two seconds, or more
    /// often.
    pub fn of(deadline: Duration) -> Self {
        Self {
            deadline,
            backoff: Backoff { base: Duration::from_millis(50), max: Duration::from_secs(2) },
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// Asks until the event's result is final. What does not answer for now is asked again.
    ///
    /// # Errors
    ///
    /// [`NoResult::Deadline`] when that takes too long; [`NoResult::Store`] when asking again cannot help.
    pub async fn wait_for(&self, id: &EventId, results: &dyn Results) -> Result<Record, NoResult> {
        let began = self.clock.monotonic();
        let mut questions = 0_u32;
        loop {
            let found = match results.find(id).await {
                Err(error) if !error.is_transient() => return Err(NoResult::Store(error)),
                Ok(Some(record)) if record.status.is_final() => return Ok(record),
                found => found,
            };
            questions = questions.saturating_add(1);
            let left = self.deadline.saturating_sub(self.clock.monotonic().saturating_sub(began));
            if left.is_zero() {
                return Err(self.deadline_passed(id, found));
            }
            let wait = self.backoff.delay(questions, &*self.entropy);
            // The last question comes at the deadline.
            self.clock.sleep(wait.min(left)).await;
        }
    }

    fn deadline_passed(&self, id: &EventId, found: Result<Option<Record>, Error>) -> NoResult {
        match found {
            Err(error) => NoResult::Store(error),
            Ok(record) => NoResult::Deadline {
                id: id.clone(),
                waited: self.deadline,
                status: record.map(|record| record.status),
            },
        }
    }
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoResult {
    /// There is none yet.
    #[error("there is no result of {id} after {waited:?}: {}", describe(*.status))]
    Deadline {
        /// The event.
        id: EventId,
        /// How long was waited.
        waited: Duration,
        /// Where it is on its way, if anything is known of it.
        status: Option<Status>,
    },
    /// The results cannot be read.
    #[error(transparent)]
    Store(#[from] Error),
}

fn describe(status: Option<Status>) -> String {
    match status {
        Some(status) => format!("it is {} now", status.as_str()),
        None => "nothing is known of it".to_owned(),
    }
}

#[cfg(test)]
mod tests;
