//! Topics for messages of any size.

use std::sync::Arc;

use async_trait::async_trait;
use es_core::{
    FilterPolicy, MessageId, NewMessage, QueueName, Result, Subscription, Topic, TopicName,
    check_batch,
};

use crate::claim_check::ClaimCheck;
use crate::queues::checked_in;

/// Topics whose large messages carry a claim check; see [`ClaimCheck::topics`].
#[derive(Debug, Clone)]
pub struct CheckedTopics {
    check: ClaimCheck,
    topics: Arc<dyn Topic>,
}

impl CheckedTopics {
    pub(crate) fn new(check: ClaimCheck, topics: Arc<dyn Topic>) -> Self {
        Self { check, topics }
    }
}

#[async_trait]
impl Topic for CheckedTopics {
    async fn create_topic(&self, topic: &TopicName) -> Result<()> {
        self.topics.create_topic(topic).await
    }

    async fn subscribe(
        &self,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Result<()> {
        self.topics.subscribe(topic, queue, filter).await
    }

    async fn unsubscribe(&self, topic: &TopicName, queue: &QueueName) -> Result<()> {
        self.topics.unsubscribe(topic, queue).await
    }

    async fn subscriptions(&self, topic: &TopicName) -> Result<Vec<Subscription>> {
        self.topics.subscriptions(topic).await
    }

    async fn publish_batch(
        &self,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        check_batch(messages.len())?;
        let (ready, outcome) = checked_in(&self.check, &format!("topic {topic}"), messages).await;
        if ready.is_empty() {
            // A topic that does not exist is an error of the whole batch, whatever is in it.
            self.topics.subscriptions(topic).await?;
            return outcome.with(Vec::new());
        }
        outcome.with(self.topics.publish_batch(topic, ready).await?)
    }

    fn size_of(&self, message: &NewMessage) -> usize {
        self.check.size_of(message)
    }
}
