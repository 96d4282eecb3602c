//! The rules of [`Topic`].

use std::sync::Arc;
use std::time::Duration;

use super::Fixture;
use super::message_queue::queue_name;
use crate::error::{Error, Result};
use crate::message_queue::{
    InvalidMessage, MessageId, MessageQueue, NewMessage, QueueName, QueueOptions, ReceiveOptions,
    ReceivedMessage,
};
use crate::testing::VirtualClock;
use crate::topic::{FilterPolicy, Topic, TopicName};

/// What the rules are about: a topic, and the queues that can be subscribed to it.
#[derive(Debug, Clone)]
pub struct TopicAndQueues {
    /// Where messages are published. No topic is created yet.
    pub topics: Arc<dyn Topic>,
    /// Where they must arrive. No queue is configured yet.
    pub queues: Arc<dyn MessageQueue>,
    /// The clock that both go by.
    pub clock: Arc<VirtualClock>,
}

/// A store that is both.
impl<S: MessageQueue + Topic> From<(S, Arc<VirtualClock>)> for Fixture<TopicAndQueues> {
    fn from((store, clock): (S, Arc<VirtualClock>)) -> Self {
        let store = Arc::new(store);
        let topics = Arc::clone(&store) as Arc<dyn Topic>;
        Self::new(TopicAndQueues { topics, queues: store, clock })
    }
}

/// Topics and queues of two services.
impl<T: Topic, Q: MessageQueue> From<(T, Q, Arc<VirtualClock>)> for Fixture<TopicAndQueues> {
    fn from((topics, queues, clock): (T, Q, Arc<VirtualClock>)) -> Self {
        let (topics, queues) = (Arc::new(topics), Arc::new(queues));
        Self::new(TopicAndQueues { topics, queues, clock })
    }
}

suite! { ($)
    topic for TopicAndQueues, tested by topic_conformance;
    self: [
        a_published_message_arrives_in_every_subscribed_queue,
        a_filter_selects_by_attributes,
        what_nobody_is_subscribed_to_goes_nowhere,
        a_queue_gets_what_is_published_while_it_is_subscribed,
        subscribing_again_replaces_the_filter,
        subscriptions_are_told,
        creating_a_topic_again_keeps_its_subscriptions,
        a_topic_or_queue_that_does_not_exist_is_an_error,
        a_message_that_is_not_valid_is_refused_and_not_sent,
        of_a_batch_each_message_is_published_or_refused_for_itself,
        a_batch_that_is_empty_or_too_large_is_refused,
        a_batch_keeps_the_order_of_its_groups,
        topics_are_kept_apart,
        a_fifo_topic_keeps_the_order_of_its_groups,
        a_fifo_topic_feeds_standard_queues_too,
        a_fifo_queue_cannot_follow_a_topic_without_order,
        a_repeated_publish_is_one_message_in_a_fifo_queue,
    ],
}

impl TopicAndQueues {
    async fn topic(&self, name: &str) -> TopicName {
        let topic = topic_name(name);
        let created = self.topics.create_topic(&topic).await;
        created.unwrap_or_else(|error| panic!("{topic} cannot be created: {error}"));
        topic
    }

    async fn queue(&self, name: &str) -> QueueName {
        let queue = queue_name(name);
        let configured = self.queues.configure(&queue, QueueOptions::default()).await;
        configured.unwrap_or_else(|error| panic!("{queue} cannot be configured: {error}"));
        queue
    }

    async fn subscribe(&self, topic: &TopicName, queue: &QueueName, filter: &str) {
        let subscribed = self.topics.subscribe(topic, queue, policy(filter)).await;
        subscribed.unwrap_or_else(|error| panic!("{queue} cannot be subscribed: {error}"));
    }

    /// A queue that is subscribed to the topic.
    async fn subscriber(&self, topic: &TopicName, name: &str, filter: &str) -> QueueName {
        let queue = self.queue(name).await;
        self.subscribe(topic, &queue, filter).await;
        queue
    }

    async fn publish(&self, topic: &TopicName, message: NewMessage) -> MessageId {
        let published = self.topics.publish(topic, message).await;
        published.unwrap_or_else(|error| panic!("a publish was refused: {error}"))
    }

    /// What has arrived, and is taken out by this.
    async fn arrived(&self, queue: &QueueName) -> Vec<ReceivedMessage> {
        let mut arrived = Vec::new();
        loop {
            let received = self.queues.receive(queue, ReceiveOptions::default()).await;
            let received = received.unwrap_or_else(|error| panic!("a receive failed: {error}"));
            if received.is_empty() {
                return arrived;
            }
            for message in received {
                let done = self.queues.acknowledge(queue, &message.receipt).await;
                done.unwrap_or_else(|error| panic!("an acknowledgement was refused: {error}"));
                arrived.push(message);
            }
        }
    }

    async fn assert_arrived(&self, queue: &QueueName, expected: &[&str], case: &str) {
        let arrived = self.arrived(queue).await;
        let mut bodies: Vec<&str> = arrived.iter().map(|message| &*message.body).collect();
        if !queue.is_fifo() {
            bodies.sort_unstable();
        }
        assert_eq!(bodies, expected, "{case}: what has arrived in {queue}");
    }
}

fn topic_name(name: &str) -> TopicName {
    TopicName::new(name).expect("the rules use valid topics")
}

fn policy(json: &str) -> FilterPolicy {
    json.parse().unwrap_or_else(|error| panic!("the rules use valid filters, not {json}: {error}"))
}

async fn a_published_message_arrives_in_every_subscribed_queue(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    let mut subscribers = Vec::new();
    for name in ["a", "b", "c"] {
        subscribers.push(t.subscriber(&topic, name, "{}").await);
    }
    let bystander = t.queue("bystander").await;
    let message = NewMessage::new("ü\n").attribute("a", "1").attribute("b", "2");
    t.publish(&topic, message.clone()).await;
    for queue in &subscribers {
        let arrived = t.arrived(queue).await;
        assert_eq!(arrived.len(), 1, "how often it arrived in {queue}");
        assert_eq!(
            (&arrived[0].body, &arrived[0].attributes),
            (&message.body, &message.attributes)
        );
    }
    t.assert_arrived(&bystander, &[], "not subscribed").await;
}

async fn a_filter_selects_by_attributes(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    let kinds = t.subscriber(&topic, "kinds", r#"{"kind":["a",{"prefix":"b"}]}"#).await;
    let large = t.subscriber(&topic, "large", r#"{"n":[{"numeric":[">=",10]}]}"#).await;
    let both = r#"{"kind":[{"anything-but":"a"}],"n":[{"exists":false}]}"#;
    let both = t.subscriber(&topic, "both", both).await;
    for (body, kind, n) in [("1", "a", "9.5"), ("2", "bc", "10"), ("3", "c", "1e3")] {
        t.publish(&topic, NewMessage::new(body).attribute("kind", kind).attribute("n", n)).await;
    }
    t.publish(&topic, NewMessage::new("4").attribute("kind", "c")).await;
    t.publish(&topic, NewMessage::new("5")).await;
    t.assert_arrived(&kinds, &["1", "2"], "by kind").await;
    t.assert_arrived(&large, &["2", "3"], "by number").await;
    t.assert_arrived(&both, &["4"], "by both").await;
}

async fn what_nobody_is_subscribed_to_goes_nowhere(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    let queue = t.queue("q").await;
    let ids = [
        t.publish(&topic, NewMessage::new("x")).await,
        t.publish(&topic, NewMessage::new("x")).await,
    ];
    assert_ne!(ids[0], ids[1], "every publishing has an id");
    t.subscribe(&topic, &queue, "{}").await;
    t.assert_arrived(&queue, &[], "published before the subscription").await;
}

async fn a_queue_gets_what_is_published_while_it_is_subscribed(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    let queue = t.queue("q").await;
    let other = t.subscriber(&topic, "other", "{}").await;
    t.publish(&topic, NewMessage::new("1")).await;
    t.subscribe(&topic, &queue, "{}").await;
    t.publish(&topic, NewMessage::new("2")).await;
    for _ in 0..2 {
        let ended = t.topics.unsubscribe(&topic, &queue).await;
        ended.unwrap_or_else(|error| panic!("a subscription cannot be ended: {error}"));
    }
    t.publish(&topic, NewMessage::new("3")).await;
    t.assert_arrived(&queue, &["2"], "while it was subscribed").await;
    t.assert_arrived(&other, &["1", "2", "3"], "subscribed all the time").await;
}

async fn subscribing_again_replaces_the_filter(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    let queue = t.subscriber(&topic, "q", r#"{"k":["a"]}"#).await;
    t.subscribe(&topic, &queue, r#"{"k":["b"]}"#).await;
    t.publish(&topic, NewMessage::new("of the old").attribute("k", "a")).await;
    t.publish(&topic, NewMessage::new("of the new").attribute("k", "b")).await;
    t.assert_arrived(&queue, &["of the new"], "after the filter was replaced").await;
}

async fn subscriptions(t: &TopicAndQueues, topic: &TopicName) -> Vec<(String, FilterPolicy)> {
    let told = t.topics.subscriptions(topic).await;
    let told = told.unwrap_or_else(|error| panic!("no subscriptions: {error}"));
    told.into_iter().map(|told| (told.queue.to_string(), told.filter)).collect()
}

async fn subscriptions_are_told(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    assert_eq!(subscriptions(&t, &topic).await, []);
    let filters = [
        ("a", r#"{"k":["x",{"prefix":"ü\"\\"},{"suffix":"s"},{"exists":false}]}"#),
        ("b", r#"{"k":[{"numeric":[">",-1.5,"<=",1000]},{"numeric":["=",0]}],"l":["1"]}"#),
        ("c", r#"{"k":[{"anything-but":["a","b"]},{"anything-but":{"prefix":"p"}}]}"#),
        ("d", "{}"),
    ];
    for (queue, filter) in filters.iter().rev() {
        t.subscriber(&topic, queue, filter).await;
    }
    let expected = filters.map(|(queue, filter)| (queue.to_owned(), policy(filter)));
    assert_eq!(subscriptions(&t, &topic).await, expected, "in the order of their queues");
}

async fn creating_a_topic_again_keeps_its_subscriptions(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    let queue = t.subscriber(&topic, "q", "{}").await;
    t.topic("t").await;
    t.publish(&topic, NewMessage::new("x")).await;
    t.assert_arrived(&queue, &["x"], "after creating the topic again").await;
}

async fn a_topic_or_queue_that_does_not_exist_is_an_error(t: TopicAndQueues) {
    let missing = topic_name("missing");
    let queue = t.queue("q").await;
    let everything = FilterPolicy::everything;
    let outcomes = [
        ("publish", t.topics.publish(&missing, NewMessage::new("x")).await.map(drop)),
        ("subscribe", t.topics.subscribe(&missing, &queue, everything()).await),
        ("unsubscribe", t.topics.unsubscribe(&missing, &queue).await),
        ("subscriptions", t.topics.subscriptions(&missing).await.map(drop)),
    ];
    for (operation, outcome) in outcomes {
        match outcome {
            Err(Error::NoSuchTopic { topic }) => assert_eq!(topic, missing, "{operation}"),
            outcome => panic!("{operation} on a topic that does not exist: {outcome:?}"),
        }
    }
    let topic = t.topic("t").await;
    let outcome = t.topics.subscribe(&topic, &queue_name("missing"), everything()).await;
    let refused =
        matches!(&outcome, Err(Error::NoSuchQueue { queue }) if queue.as_str() == "missing");
    assert!(refused, "a subscription of a queue that does not exist: {outcome:?}");
    assert_eq!(subscriptions(&t, &topic).await, []);
}

async fn a_message_that_is_not_valid_is_refused_and_not_sent(t: TopicAndQueues) {
    let (topic, fifo) = (t.topic("t").await, t.topic("t.fifo").await);
    let queue = t.subscriber(&topic, "q", "{}").await;
    t.subscribe(&fifo, &queue, "{}").await;
    let message = || NewMessage::new("x");
    let refused = async |topic: &TopicName, message: NewMessage| match t
        .topics
        .publish(topic, message.clone())
        .await
    {
        Err(Error::InvalidMessage { source, .. }) => source,
        outcome => panic!("{message:?} published to {topic}: {outcome:?}"),
    };
    assert_eq!(refused(&topic, NewMessage::new("")).await, InvalidMessage::EmptyBody);
    let delayed = message().delay(Duration::from_secs(1));
    assert_eq!(refused(&topic, delayed).await, InvalidMessage::DelayOnTopic);
    assert_eq!(refused(&fifo, message()).await, InvalidMessage::NoGroup);
    let grouped = refused(&topic, message().group("g")).await;
    assert!(matches!(grouped, InvalidMessage::OnlyForFifo { .. }), "{grouped}");
    t.assert_arrived(&queue, &[], "refused messages").await;
}

async fn of_a_batch_each_message_is_published_or_refused_for_itself(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    let all = t.subscriber(&topic, "all", "{}").await;
    let some = t.subscriber(&topic, "some", r#"{"k":["b"]}"#).await;
    let message = |body: &str, k: &str| NewMessage::new(body).attribute("k", k);
    let messages =
        vec![message("1", "a"), message("", "b"), message("2", "b"), message("3", "b").group("g")];
    let batch = t.topics.publish_batch(&topic, messages).await;
    let batch = batch.unwrap_or_else(|error| panic!("the whole batch was refused: {error}"));
    let published: Vec<bool> = batch.iter().map(Result::is_ok).collect();
    assert_eq!(published, [true, false, true, false], "what was published");
    for refused in [&batch[1], &batch[3]] {
        assert!(matches!(refused, Err(Error::InvalidMessage { .. })), "{refused:?}");
    }
    t.assert_arrived(&all, &["1", "2"], "of a batch").await;
    t.assert_arrived(&some, &["2"], "of a batch, behind a filter").await;
}

async fn a_batch_that_is_empty_or_too_large_is_refused(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    let queue = t.subscriber(&topic, "q", "{}").await;
    for len in [0, 11] {
        let refused = t.topics.publish_batch(&topic, vec![NewMessage::new("x"); len]).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "a batch of {len}: {refused:?}");
    }
    t.assert_arrived(&queue, &[], "a refused batch").await;
    let missing = t.topics.publish_batch(&topic_name("missing"), vec![NewMessage::new("x")]).await;
    assert!(matches!(missing, Err(Error::NoSuchTopic { .. })), "{missing:?}");
}

async fn a_batch_keeps_the_order_of_its_groups(t: TopicAndQueues) {
    let topic = t.topic("t.fifo").await;
    let queue = t.subscriber(&topic, "q.fifo", "{}").await;
    for batch in 0..3 {
        let messages =
            (0..10).map(|n| NewMessage::new(format!("{batch}{n}")).group(["g", "h"][n % 2]));
        let published = t.topics.publish_batch(&topic, messages.collect()).await;
        let published = published.unwrap_or_else(|error| panic!("a batch failed: {error}"));
        assert!(published.iter().all(Result::is_ok), "{published:?}");
    }
    let arrived = t.arrived(&queue).await;
    assert_eq!(arrived.len(), 30);
    for group in ["g", "h"] {
        let of_group = arrived.iter().filter(|message| message.group.as_deref() == Some(group));
        let bodies: Vec<&str> = of_group.map(|message| &*message.body).collect();
        assert!(bodies.len() == 15 && bodies.is_sorted(), "group {group} came as {bodies:?}");
    }
}

async fn topics_are_kept_apart(t: TopicAndQueues) {
    let names = ["t", "T", "t-", "t_", "t.fifo", "t-fifo"];
    for name in names {
        let topic = t.topic(name).await;
        t.subscriber(&topic, &format!("{}-queue", name.replace('.', "-dot-")), "{}").await;
    }
    for name in names {
        let topic = topic_name(name);
        let message = NewMessage::new(format!("to {name}"));
        t.publish(&topic, if topic.is_fifo() { message.group("g") } else { message }).await;
    }
    for name in names {
        let queue = queue_name(&format!("{}-queue", name.replace('.', "-dot-")));
        t.assert_arrived(&queue, &[&format!("to {name}")], name).await;
    }
}

async fn a_fifo_topic_keeps_the_order_of_its_groups(t: TopicAndQueues) {
    let topic = t.topic("t.fifo").await;
    let queue = t.subscriber(&topic, "q.fifo", "{}").await;
    let published: Vec<String> = (0..30).map(|n| format!("{n:02}")).collect();
    for (n, body) in published.iter().enumerate() {
        t.publish(&topic, NewMessage::new(body).group(format!("g{}", n % 3))).await;
    }
    let arrived = t.arrived(&queue).await;
    assert_eq!(arrived.len(), 30);
    for group in ["g0", "g1", "g2"] {
        let of_group = arrived.iter().filter(|message| message.group.as_deref() == Some(group));
        let bodies: Vec<&str> = of_group.map(|message| &*message.body).collect();
        assert!(bodies.len() == 10 && bodies.is_sorted(), "group {group} came as {bodies:?}");
    }
}

async fn a_fifo_topic_feeds_standard_queues_too(t: TopicAndQueues) {
    let topic = t.topic("t.fifo").await;
    let queue = t.subscriber(&topic, "q", "{}").await;
    t.publish(&topic, NewMessage::new("x").group("g").deduplication_id("d")).await;
    let arrived = t.arrived(&queue).await;
    let of: Vec<_> = arrived.iter().map(|message| (&*message.body, &message.group)).collect();
    assert_eq!(of, [("x", &None)]);
}

async fn a_fifo_queue_cannot_follow_a_topic_without_order(t: TopicAndQueues) {
    let topic = t.topic("t").await;
    let queue = t.queue("q.fifo").await;
    let outcome: Result<()> = t.topics.subscribe(&topic, &queue, FilterPolicy::everything()).await;
    assert!(matches!(outcome, Err(Error::Misuse(_))), "{outcome:?}");
    t.publish(&topic, NewMessage::new("x")).await;
    t.assert_arrived(&queue, &[], "not subscribed").await;
}

async fn a_repeated_publish_is_one_message_in_a_fifo_queue(t: TopicAndQueues) {
    let topic = t.topic("t.fifo").await;
    let queue = t.subscriber(&topic, "q.fifo", "{}").await;
    for _ in 0..3 {
        t.publish(&topic, NewMessage::new("x").group("g").deduplication_id("d")).await;
    }
    t.assert_arrived(&queue, &["x"], "published three times").await;
}
