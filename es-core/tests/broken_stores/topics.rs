//! Topics that are broken in one way each.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use es_core::memory::MemoryQueues;
use es_core::testing::conformance::topic::SUITE;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Error, FilterPolicy, MessageId, NewMessage, QueueName, Result, Subscription, Topic, TopicName,
    check_batch,
};

use crate::{assert_breaks, assert_keeps};

/// Topics with a fault; whatever the fault does not touch is the memory queues'.
#[derive(Debug)]
struct Broken<F> {
    inner: MemoryQueues,
    fault: F,
}

#[async_trait]
trait Fault: Debug + Send + Sync + 'static {
    /// What stands for the topic: two that are the same share their subscriptions.
    fn topic(&self, topic: &TopicName) -> TopicName {
        topic.clone()
    }

    async fn subscribe(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Result<()> {
        topics.subscribe(topic, queue, filter).await
    }

    async fn unsubscribe(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        queue: &QueueName,
    ) -> Result<()> {
        topics.unsubscribe(topic, queue).await
    }

    async fn publish(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        message: NewMessage,
    ) -> Result<MessageId> {
        topics.publish(topic, message).await
    }

    /// One by one, unless the fault is that of batches.
    async fn publish_batch(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        check_batch(messages.len())?;
        let mut published = Vec::with_capacity(messages.len());
        for message in messages {
            match self.publish(topics, topic, message).await {
                Err(error @ Error::NoSuchTopic { .. }) => return Err(error),
                outcome => published.push(outcome),
            }
        }
        Ok(published)
    }
}

#[async_trait]
impl<F: Fault> Topic for Broken<F> {
    async fn create_topic(&self, topic: &TopicName) -> Result<()> {
        self.inner.create_topic(&self.fault.topic(topic)).await
    }

    async fn subscribe(
        &self,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Result<()> {
        self.fault.subscribe(&self.inner, &self.fault.topic(topic), queue, filter).await
    }

    async fn unsubscribe(&self, topic: &TopicName, queue: &QueueName) -> Result<()> {
        self.fault.unsubscribe(&self.inner, &self.fault.topic(topic), queue).await
    }

    async fn subscriptions(&self, topic: &TopicName) -> Result<Vec<Subscription>> {
        self.inner.subscriptions(&self.fault.topic(topic)).await
    }

    async fn publish_batch(
        &self,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        self.fault.publish_batch(&self.inner, &self.fault.topic(topic), messages).await
    }
}

type BesideQueues<F> = (Broken<F>, MemoryQueues, Arc<VirtualClock>);

fn topics<F: Fault + Default>() -> BesideQueues<F> {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let queues = MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1)));
    (Broken { inner: queues.clone(), fault: F::default() }, queues, clock)
}

#[derive(Debug, Default)]
struct Sound;

impl Fault for Sound {}

#[tokio::test]
async fn topics_without_a_fault_keep_all_rules() {
    assert_eq!(SUITE.failures(|| async { topics::<Sound>() }).await, []);
}

/// Sends everything to everybody.
#[derive(Debug, Default)]
struct Unfiltered;

#[async_trait]
impl Fault for Unfiltered {
    async fn subscribe(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        queue: &QueueName,
        _: FilterPolicy,
    ) -> Result<()> {
        topics.subscribe(topic, queue, FilterPolicy::everything()).await
    }
}

#[tokio::test]
async fn filters_that_are_ignored_are_found() {
    let rules = [
        ("a_filter_selects_by_attributes", "by kind"),
        ("subscribing_again_replaces_the_filter", "after the filter was replaced"),
        ("subscriptions_are_told", "in the order of their queues"),
    ];
    assert_breaks(&SUITE, topics::<Unfiltered>, &rules).await;
    let rules = ["a_published_message_arrives_in_every_subscribed_queue"];
    assert_keeps(&SUITE, topics::<Unfiltered>, &rules).await;
}

/// Keeps the filter that a queue came with.
#[derive(Debug, Default)]
struct FirstFilterStays;

#[async_trait]
impl Fault for FirstFilterStays {
    async fn subscribe(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Result<()> {
        let known = topics.subscriptions(topic).await?;
        if known.iter().any(|known| known.queue == *queue) {
            return Ok(());
        }
        topics.subscribe(topic, queue, filter).await
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_changed_is_found() {
    let rules = [("subscribing_again_replaces_the_filter", "after the filter was replaced")];
    assert_breaks(&SUITE, topics::<FirstFilterStays>, &rules).await;
    let rules = ["a_filter_selects_by_attributes"];
    assert_keeps(&SUITE, topics::<FirstFilterStays>, &rules).await;
}

/// Never lets a subscriber go.
#[derive(Debug, Default)]
struct Clings;

#[async_trait]
impl Fault for Clings {
    async fn unsubscribe(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        _: &QueueName,
    ) -> Result<()> {
        topics.subscriptions(topic).await.map(drop)
    }
}

#[tokio::test]
async fn a_subscription_without_an_end_is_found() {
    let rule = "a_queue_gets_what_is_published_while_it_is_subscribed";
    assert_breaks(&SUITE, topics::<Clings>, &[(rule, "while it was subscribed")]).await;
}

/// Sends the body, and forgets what stands beside it once the filters have seen it.
#[derive(Debug, Default)]
struct BodiesOnly;

#[async_trait]
impl Fault for BodiesOnly {
    async fn publish(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        mut message: NewMessage,
    ) -> Result<MessageId> {
        message.attributes.clear();
        topics.publish(topic, message).await
    }
}

#[tokio::test]
async fn attributes_that_are_lost_on_the_way_are_found() {
    let rule = "a_published_message_arrives_in_every_subscribed_queue";
    assert_breaks(&SUITE, topics::<BodiesOnly>, &[(rule, "left == right")]).await;
}

/// Sends everything twice.
#[derive(Debug, Default)]
struct Stutters;

#[async_trait]
impl Fault for Stutters {
    async fn publish(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        message: NewMessage,
    ) -> Result<MessageId> {
        topics.publish(topic, message.clone()).await?;
        topics.publish(topic, message).await
    }
}

#[tokio::test]
async fn messages_that_arrive_twice_are_found() {
    let rule = "a_published_message_arrives_in_every_subscribed_queue";
    assert_breaks(&SUITE, topics::<Stutters>, &[(rule, "how often it arrived in a")]).await;
    let rules = ["a_repeated_publish_is_one_message_in_a_fifo_queue"];
    assert_keeps(&SUITE, topics::<Stutters>, &rules).await;
}

/// Takes a message for a topic that does not exist, and loses it.
#[derive(Debug, Default)]
struct BlackHole;

#[async_trait]
impl Fault for BlackHole {
    async fn publish(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        message: NewMessage,
    ) -> Result<MessageId> {
        match topics.publish(topic, message).await {
            Err(Error::NoSuchTopic { .. }) => Ok(MessageId::from_stored("nowhere")),
            published => published,
        }
    }
}

#[tokio::test]
async fn messages_to_a_topic_that_does_not_exist_are_found() {
    let rules = [("a_topic_or_queue_that_does_not_exist_is_an_error", "publish on a topic")];
    assert_breaks(&SUITE, topics::<BlackHole>, &rules).await;
}

/// Takes topics for the same that differ in case.
#[derive(Debug, Default)]
struct FoldsCase;

impl Fault for FoldsCase {
    fn topic(&self, topic: &TopicName) -> TopicName {
        TopicName::new(&topic.as_str().to_lowercase()).unwrap_or_else(|_| topic.clone())
    }
}

#[tokio::test]
async fn topics_that_run_into_each_other_are_found() {
    let rules = [("topics_are_kept_apart", "what has arrived in t-queue")];
    assert_breaks(&SUITE, topics::<FoldsCase>, &rules).await;
}

/// Refuses a batch as a whole when one message is not valid.
#[derive(Debug, Default)]
struct AllOrNothing;

#[async_trait]
impl Fault for AllOrNothing {
    async fn publish_batch(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        messages.iter().try_for_each(|message| topic.check_message(message))?;
        topics.publish_batch(topic, messages).await
    }
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_is_found() {
    let rule = "of_a_batch_each_message_is_published_or_refused_for_itself";
    assert_breaks(&SUITE, topics::<AllOrNothing>, &[(rule, "the whole batch was refused")]).await;
    let rules = ["a_message_that_is_not_valid_is_refused_and_not_sent"];
    assert_keeps(&SUITE, topics::<AllOrNothing>, &rules).await;
}

/// Takes batches of any length, in parts.
#[derive(Debug, Default)]
struct AnyLength;

#[async_trait]
impl Fault for AnyLength {
    async fn publish_batch(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        topics.subscriptions(topic).await?;
        let mut published = Vec::new();
        for message in messages {
            published.push(topics.publish(topic, message).await);
        }
        Ok(published)
    }
}

#[tokio::test]
async fn batches_of_any_length_are_found() {
    let rules = [("a_batch_that_is_empty_or_too_large_is_refused", "a batch of 0: Ok")];
    assert_breaks(&SUITE, topics::<AnyLength>, &rules).await;
}

/// Publishes a batch from its end.
#[derive(Debug, Default)]
struct Backwards;

#[async_trait]
impl Fault for Backwards {
    async fn publish_batch(
        &self,
        topics: &MemoryQueues,
        topic: &TopicName,
        mut messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        messages.reverse();
        let mut published = topics.publish_batch(topic, messages).await?;
        published.reverse();
        Ok(published)
    }
}

#[tokio::test]
async fn a_batch_that_comes_out_of_order_is_found() {
    let rules = [("a_batch_keeps_the_order_of_its_groups", "group g came as")];
    assert_breaks(&SUITE, topics::<Backwards>, &rules).await;
    let rules = ["of_a_batch_each_message_is_published_or_refused_for_itself"];
    assert_keeps(&SUITE, topics::<Backwards>, &rules).await;
}
