use serde::Serialize;

use super::QueueConsumer;
use super::observed::Seen;
use super::worked::Worked;
use crate::clock::within;
use crate::consumer::{ConsumerState, HEALTH_TIME_LIMIT, LastError};
use crate::error::{Error, Result};
use crate::message_queue::{QueueCounts, QueueName};
use crate::telemetry;

/// How a consumer of a queue is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueHealth {
    /// The consumer.
    pub consumer: String,
    /// The queue.
    pub queue: String,
    /// What it does, in this process.
    pub state: ConsumerState,
    /// The last error that it met in this process, also about a single message, if any.
    pub last_error: Option<LastError>,
    /// The messages that it holds, in this process.
    pub in_hand: usize,
    /// What it came to in this process.
    pub worked: Worked,
    /// The messages in the queue, whoever holds them.
    pub messages: QueueCounts,
    /// The messages in the dead-letter queue, if there is one.
    pub dead_letters: Option<QueueCounts>,
}

impl QueueHealth {
    /// Whether nothing needs an operator: no dead letters, and no failure at hand.
    pub fn is_well(&self) -> bool {
        let waiting = |counts: QueueCounts| counts.visible + counts.in_flight + counts.delayed;
        self.dead_letters.map_or(0, waiting) == 0
            && matches!(self.state, ConsumerState::Idle | ConsumerState::Running)
    }
}

impl QueueConsumer {
    /// Looks at the consumer from outside: what is in its queue and in its dead-letter queue, and what
    /// this process knows. It changes nothing, and takes ten seconds at most.
    ///
    /// # Errors
    ///
    /// Those of the queues: [`Error::NoSuchQueue`], [`Error::Unavailable`]. [`Error::DeadlineExceeded`] when they take
    /// too long.
    pub async fn health(&self) -> Result<QueueHealth> {
        let Seen { state, last_error, in_hand, worked, .. } = self.observed.seen();
        let look = within(&*self.clock, HEALTH_TIME_LIMIT, self.messages()).await;
        let (messages, dead_letters) = look.unwrap_or_else(|| {
            let what = format!("a look at how {} is", self.name);
            Err(Error::DeadlineExceeded { what, waited: HEALTH_TIME_LIMIT })
        })?;
        let (consumer, queue) = (self.name.clone(), self.queue.to_string());
        Ok(QueueHealth {
            consumer,
            queue,
            state,
            last_error,
            in_hand,
            worked,
            messages,
            dead_letters,
        })
    }

    /// Those in the queue, and those in the dead-letter queue, if there is one.
    async fn messages(&self) -> Result<(QueueCounts, Option<QueueCounts>)> {
        let messages = self.counts(&self.queue).await?;
        let dead_letters = match self.dead_letter_queue().await? {
            Some(queue) => Some(self.counts(&queue).await?),
            None => None,
        };
        Ok((messages, dead_letters))
    }

    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts> {
        let counts = self.queues.counts(queue).await?;
        let states = [
            ("visible", counts.visible),
            ("in_flight", counts.in_flight),
            ("delayed", counts.delayed),
        ];
        for (state, count) in states {
            metrics::gauge!(telemetry::QUEUE_MESSAGES, "queue" => queue.to_string(), "state" => state)
                .set(count as f64);
        }
        Ok(counts)
    }

    async fn dead_letter_queue(&self) -> Result<Option<QueueName>> {
        if self.dead_letters.is_some() {
            return Ok(self.dead_letters.clone());
        }
        let options = self.queues.options(&self.queue).await?;
        Ok(options.redrive_policy.map(|policy| policy.dead_letter_queue))
    }
}
