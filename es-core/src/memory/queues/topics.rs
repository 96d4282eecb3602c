//! Topics: who gets what.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryQueues, State};
use crate::clock::Timestamp;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::message_queue::{MessageId, NewMessage, QueueName, check_batch};
use crate::topic::{FilterPolicy, Subscription, Topic, TopicName};

#[async_trait]
impl Topic for MemoryQueues {
    async fn create_topic(&self, topic: &TopicName) -> Result<()> {
        self.state().topics.entry(topic.clone()).or_default();
        Ok(())
    }

    async fn subscribe(
        &self,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Result<()> {
        topic.check_subscriber(queue)?;
        let mut state = self.state();
        state.queue(queue)?;
        state.subscribers_mut(topic)?.insert(queue.clone(), filter);
        Ok(())
    }

    async fn unsubscribe(&self, topic: &TopicName, queue: &QueueName) -> Result<()> {
        self.state().subscribers_mut(topic)?.remove(queue);
        Ok(())
    }

    async fn subscriptions(&self, topic: &TopicName) -> Result<Vec<Subscription>> {
        let state = self.state();
        let subscription = |(queue, filter): (&QueueName, &FilterPolicy)| Subscription {
            queue: queue.clone(),
            filter: filter.clone(),
        };
        Ok(state.subscribers(topic)?.iter().map(subscription).collect())
    }

    /// Publishes each message in one step: all queues have it, or none has.
    async fn publish_batch(
        &self,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        check_batch(messages.len())?;
        let now = self.now();
        let mut state = self.state();
        state.subscribers(topic)?;
        let publish = |message| state.publish(topic, &message, now, self.entropy());
        let published = messages.into_iter().map(publish).collect();
        self.wake_receivers();
        Ok(published)
    }
}

impl State {
    fn subscribers(&self, topic: &TopicName) -> Result<&BTreeMap<QueueName, FilterPolicy>> {
        self.topics.get(topic).ok_or_else(|| Error::NoSuchTopic { topic: topic.clone() })
    }

    fn subscribers_mut(
        &mut self,
        topic: &TopicName,
    ) -> Result<&mut BTreeMap<QueueName, FilterPolicy>> {
        self.topics.get_mut(topic).ok_or_else(|| Error::NoSuchTopic { topic: topic.clone() })
    }

    fn publish(
        &mut self,
        topic: &TopicName,
        message: &NewMessage,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<MessageId> {
        for (queue, message) in self.deliveries(topic, message)? {
            self.send(&queue, message, now, entropy)?;
        }
        Ok(MessageId::generate(now, entropy))
    }

    /// What is to be sent where, checked before the first is: a queue that refuses keeps the message
    /// from all.
    fn deliveries(
        &self,
        topic: &TopicName,
        message: &NewMessage,
    ) -> Result<Vec<(QueueName, NewMessage)>> {
        let subscribers = self.subscribers(topic)?;
        topic.check_message(message)?;
        let mut deliveries = Vec::new();
        for (queue, _) in subscribers.iter().filter(|(_, f)| f.matches(&message.attributes)) {
            let message = topic.message_for(queue, message);
            message.check(queue, &self.queue(queue)?.options)?;
            deliveries.push((queue.clone(), message));
        }
        Ok(deliveries)
    }
}
