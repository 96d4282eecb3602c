//! Consumers with a throughput of their own, to whom the server sends what comes.

use std::time::Duration;

use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::primitives::event_stream::EventReceiver;
use aws_sdk_kinesis::types::error::SubscribeToShardEventStreamError;
use aws_sdk_kinesis::types::{
    ConsumerStatus, ShardIteratorType, StartingPosition, SubscribeToShardEvent,
    SubscribeToShardEventStream,
};
use futures::FutureExt as _;

use crate::scene::{STREAM, Scene, code, numbered};
use crate::support::fake_kinesis::{Ending, Options};
use crate::support::faults::Fault;

/// A consumer that is registered.
struct Consumer<'a> {
    scene: &'a Scene,
    arn: String,
}

struct Subscription(EventReceiver<SubscribeToShardEventStream, SubscribeToShardEventStreamError>);

/// What a subscription sent last, and how it ended.
#[derive(Debug, PartialEq)]
enum Ended {
    Over,
    Broken,
    Failed(String),
}

impl<'a> Consumer<'a> {
    async fn register(scene: &'a Scene, name: &str) -> Self {
        let arn = stream_arn(scene).await;
        let consumer = scene.client.register_stream_consumer().stream_arn(arn).consumer_name(name);
        let consumer = consumer.send().await.expect("it is registered").consumer;
        Self { scene, arn: consumer.expect("a consumer").consumer_arn }
    }

    async fn subscribe(
        &self,
        shard: &str,
        kind: ShardIteratorType,
        number: Option<&str>,
    ) -> Result<Subscription, String> {
        let start = StartingPosition::builder().r#type(kind);
        let start = start.set_sequence_number(number.map(str::to_owned)).build().expect("complete");
        let asked = self.scene.client.subscribe_to_shard().consumer_arn(&self.arn).shard_id(shard);
        let answer = asked.starting_position(start).send().await;
        let SubscribeToShardOutput { event_stream, .. } = answer.map_err(|error| code(&error))?;
        Ok(Subscription(event_stream))
    }

    async fn subscribe_from_horizon(&self, shard: &str) -> Subscription {
        let subscribed = self.subscribe(shard, ShardIteratorType::TrimHorizon, None).await;
        subscribed.expect("a subscription")
    }
}

impl Subscription {
    async fn next(&mut self) -> Result<SubscribeToShardEvent, Ended> {
        match self.0.recv().await {
            Ok(Some(SubscribeToShardEventStream::SubscribeToShardEvent(event))) => Ok(event),
            Ok(Some(other)) => panic!("nobody sends {other:?}"),
            Ok(None) => Err(Ended::Over),
            Err(SdkError::ServiceError(failure)) => {
                Err(Ended::Failed(failure.err().meta().code().unwrap_or_default().to_owned()))
            }
            Err(_) => Err(Ended::Broken),
        }
    }

    /// Whether nothing is there yet.
    fn is_quiet(&mut self) -> bool {
        self.0.recv().now_or_never().is_none()
    }
}

async fn stream_arn(scene: &Scene) -> String {
    let stream = scene.client.describe_stream_summary().stream_name(STREAM).send().await;
    let stream = stream.expect("the stream").stream_description_summary;
    stream.expect("a description").stream_arn
}

fn texts_of(event: &SubscribeToShardEvent) -> Vec<String> {
    let data = event.records().iter().map(|record| record.data.clone().into_inner());
    data.map(|data| String::from_utf8(data).expect("a text")).collect()
}

#[tokio::test]
async fn records_are_sent_when_they_come() {
    let scene = Scene::new(1);
    scene.put_all(&numbered(0..3)).await.expect("they are put");
    let consumer = Consumer::register(&scene, "views").await;
    let mut subscription = consumer.subscribe_from_horizon(&scene.only_shard()).await;
    let first = subscription.next().await.expect("records");
    assert_eq!((texts_of(&first), first.millis_behind_latest), (numbered(0..3), 0));
    assert!(subscription.is_quiet());
    let (number, event) = tokio::join!(scene.put("3"), subscription.next());
    let event = event.expect("a record");
    assert_eq!(texts_of(&event), numbered(3..4));
    assert_eq!(event.continuation_sequence_number, number);
}

#[tokio::test]
async fn a_subscription_is_over_after_five_minutes_and_goes_on_behind_its_last_event() {
    let scene = Scene::new(1);
    let shard = scene.only_shard();
    let consumer = Consumer::register(&scene, "views").await;
    let latest = ShardIteratorType::Latest;
    let mut subscription = consumer.subscribe(&shard, latest, None).await.expect("a subscription");
    let first = subscription.next().await.expect("it says where it is");
    assert_eq!(first.records().len(), 0);
    scene.put("1").await;
    assert_eq!(texts_of(&subscription.next().await.expect("a record")), ["1"]);
    let (ended, ()) = tokio::join!(subscription.next(), async {
        tokio::task::yield_now().await;
        scene.clock.advance(Duration::from_secs(300));
    });
    assert_eq!(ended.expect_err("it is over"), Ended::Over);
    scene.put("2").await;
    let after = ShardIteratorType::AfterSequenceNumber;
    let number = Some(first.continuation_sequence_number());
    let again = consumer.subscribe(&shard, after, number).await;
    let event = again.expect("a subscription").next().await.expect("records");
    assert_eq!(texts_of(&event), ["1", "2"]);
}

#[tokio::test]
async fn the_end_of_a_shard_ends_its_subscription_and_names_the_children() {
    let scene = Scene::new(1);
    let parent = scene.only_shard();
    let consumer = Consumer::register(&scene, "views").await;
    let mut subscription = consumer.subscribe_from_horizon(&parent).await;
    subscription.next().await.expect("it says where it is");
    scene.put("1").await;
    scene.kinesis.set_options(|options| options.end_comes_alone = true);
    let children = scene.kinesis.split(STREAM, &parent);
    assert_eq!(texts_of(&subscription.next().await.expect("a record")), ["1"]);
    let end = subscription.next().await.expect("the end");
    assert_eq!((end.records().len(), end.continuation_sequence_number()), (0, ""));
    let named: Vec<_> = end.child_shards().iter().map(|child| child.shard_id()).collect();
    assert_eq!(named, children.each_ref());
    assert_eq!(subscription.next().await.expect_err("it is over"), Ended::Over);
}

#[tokio::test]
async fn a_later_subscription_takes_over_but_not_at_once() {
    let scene = Scene::new(2);
    let shards = scene.kinesis.open_shards(STREAM);
    let views = Consumer::register(&scene, "views").await;
    let mails = Consumer::register(&scene, "mails").await;
    let mut first = views.subscribe_from_horizon(&shards[0]).await;
    first.next().await.expect("it says where it is");
    views.subscribe_from_horizon(&shards[1]).await;
    mails.subscribe_from_horizon(&shards[0]).await;
    let again = views.subscribe(&shards[0], ShardIteratorType::Latest, None).await;
    assert_eq!(again.err().as_deref(), Some("ResourceInUseException"));
    scene.clock.advance(Duration::from_secs(5));
    views.subscribe_from_horizon(&shards[0]).await.next().await.expect("it says where it is");
    let ended = first.next().await.expect_err("it is taken over");
    assert_eq!(ended, Ended::Failed("ResourceInUseException".into()));
}

#[tokio::test]
async fn consumers_come_and_go() {
    let scene = Scene::new(1);
    let consumer = Consumer::register(&scene, "views").await;
    let described = || async {
        let asked = scene.client.describe_stream_consumer().consumer_arn(&consumer.arn);
        asked.send().await.map_err(|error| code(&error))
    };
    let found = described().await.expect("a consumer").consumer_description.expect("one");
    assert_eq!(found.consumer_status, ConsumerStatus::Active);
    let arn = stream_arn(&scene).await;
    assert_eq!(found.stream_arn, arn);
    let twice = scene.client.register_stream_consumer().stream_arn(&arn).consumer_name("views");
    let twice = twice.send().await.expect_err("it is there");
    assert_eq!(code(&twice), "ResourceInUseException");
    let mut subscription = consumer.subscribe_from_horizon(&scene.only_shard()).await;
    subscription.next().await.expect("it says where it is");
    let gone = scene.client.deregister_stream_consumer().consumer_arn(&consumer.arn);
    gone.send().await.expect("it is gone");
    let ended = subscription.next().await.expect_err("it is over");
    assert_eq!(ended, Ended::Failed("ResourceNotFoundException".into()));
    assert_eq!(described().await.err().as_deref(), Some("ResourceNotFoundException"));
}

#[tokio::test]
async fn a_test_ends_subscriptions_as_it_likes() {
    let scene = Scene::new(1);
    let consumer = Consumer::register(&scene, "views").await;
    for (ending, ended) in [
        (Ending::Over, Ended::Over),
        (Ending::Broken, Ended::Broken),
        (
            Ending::Failed("InternalFailureException"),
            Ended::Failed("InternalFailureException".into()),
        ),
    ] {
        let mut subscription = consumer.subscribe_from_horizon(&scene.only_shard()).await;
        subscription.next().await.expect("it says where it is");
        scene.kinesis.end_subscriptions(STREAM, ending);
        assert_eq!(subscription.next().await.expect_err("it has ended"), ended);
        scene.clock.advance(Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_subscription_can_be_cut_off_after_some_events() {
    let scene = Scene::new(1);
    let consumer = Consumer::register(&scene, "views").await;
    scene.kinesis.faults().always("SubscribeToShard", Fault::SubscriptionCut);
    let (mut counts, mut endings) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let mut subscription = consumer.subscribe_from_horizon(&scene.only_shard()).await;
        let mut events = 0;
        let ending = loop {
            match subscription.next().await {
                Ok(_) => events += 1,
                Err(ending) => break ending,
            }
            scene.put("x").await;
        };
        counts.push(events);
        endings.push(ending);
        scene.clock.advance(Duration::from_secs(5));
    }
    assert!((0..=3).all(|count| counts.contains(&count)), "{counts:?}");
    assert!(endings.contains(&Ended::Broken) && !endings.contains(&Ended::Over));
    assert!(endings.contains(&Ended::Failed("InternalFailureException".into())));
}

#[tokio::test]
async fn a_heartbeat_says_that_nothing_came() {
    let heartbeat = Some(Duration::from_secs(5));
    let scene = Scene::with(1, Options { heartbeat, ..Options::default() });
    let consumer = Consumer::register(&scene, "views").await;
    let mut subscription = consumer.subscribe_from_horizon(&scene.only_shard()).await;
    subscription.next().await.expect("it says where it is");
    assert!(subscription.is_quiet());
    scene.clock.advance(Duration::from_secs(5));
    let event = subscription.next().await.expect("a heartbeat");
    assert_eq!((event.records().len(), event.millis_behind_latest), (0, 0));
    assert!(subscription.is_quiet());
}
