//! Topics: who gets what.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryQueues, State};
use crate::error::{Error, Result};
use crate::message_queue::{MessageId, NewMessage, QueueName};
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

    /// Publishes in one step: all queues have the message, or none has.
    async fn publish(&self, topic: &TopicName, message: NewMessage) -> Result<MessageId> {
        let now = self.now();
        let mut state = self.state();
        let deliveries = state.deliveries(topic, &message)?;
        for (queue, message) in deliveries {
            state.send(&queue, message, now, self.entropy())?;
        }
        self.wake_receivers();
        Ok(MessageId::generate(now, self.entropy()))
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
