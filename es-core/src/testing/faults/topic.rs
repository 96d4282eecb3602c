use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::message_queue::{MessageId, NewMessage, QueueName};
use crate::topic::{FilterPolicy, Subscription, Topic, TopicName};

use super::late::LateRequests;
use super::request::Request;
use super::{Call, Fault, Faults};

/// Topics whose requests meet faults.
///
/// As SNS may do, it publishes a message of a standard topic [twice](Fault::Duplicates).
pub struct FaultyTopic {
    inner: Arc<dyn Topic>,
    faults: Faults,
    late: LateRequests<(TopicName, Vec<NewMessage>)>,
}

impl FaultyTopic {
    /// `inner`, with `faults` before it.
    pub fn new(inner: Arc<dyn Topic>, faults: Faults) -> Self {
        Self { inner, faults, late: LateRequests::default() }
    }

    async fn begin(&self, call: Call) -> Result<Request<'_>> {
        for (topic, messages) in self.late.arriving() {
            // Nobody waits for the answer any more.
            let _ = self.inner.publish_batch(&topic, messages).await;
        }
        self.faults.begin(call).await
    }
}

#[async_trait]
impl Topic for FaultyTopic {
    async fn create_topic(&self, topic: &TopicName) -> Result<()> {
        self.faults.pass(Call::CreateTopic, self.inner.create_topic(topic)).await
    }

    async fn subscribe(
        &self,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Result<()> {
        self.faults.pass(Call::Subscribe, self.inner.subscribe(topic, queue, filter)).await
    }

    async fn unsubscribe(&self, topic: &TopicName, queue: &QueueName) -> Result<()> {
        self.faults.pass(Call::Unsubscribe, self.inner.unsubscribe(topic, queue)).await
    }

    async fn subscriptions(&self, topic: &TopicName) -> Result<Vec<Subscription>> {
        self.faults.pass(Call::ListSubscriptions, self.inner.subscriptions(topic)).await
    }

    async fn publish_batch(
        &self,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        let request = self.begin(Call::Publish).await?;
        if request.is_due(Fault::LateRequest) {
            self.late.hold_up((topic.clone(), messages), self.faults.lateness());
            return Err(request.unavailable(Fault::LateRequest));
        }
        let entries = request.entries(messages.len());
        let through = entries.let_through(messages);
        if entries.all_failed() {
            return request.end(Ok(entries.answers(Vec::new()))).await;
        }
        let twice = !topic.is_fifo() && request.meets(Fault::Duplicates);
        let again = twice.then(|| through.clone());
        let published = self.inner.publish_batch(topic, through).await;
        if let Some(messages) = again {
            let _ = self.inner.publish_batch(topic, messages).await;
        }
        request.end(published.map(|published| entries.answers(published))).await
    }

    fn size_of(&self, message: &NewMessage) -> usize {
        self.inner.size_of(message)
    }
}

impl fmt::Debug for FaultyTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyTopic")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .field("late", &self.late.len())
            .finish()
    }
}
