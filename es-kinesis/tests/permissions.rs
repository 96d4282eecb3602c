//! The policies allow what each role does, and nothing else.

mod doc {
    #![allow(dead_code, unreachable_pub, reason = "a part is used")]
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../es-core/doc/account.rs"));
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../es-core/doc/statements.rs"));
}
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use doc::{Account, AccountCommand, Statements};
use es_core::cloud_events::Source;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{Error, Projection, Repository};
use es_kinesis::{Begin, Capacity, DataStream, KinesisFeed, Publishing, Role, iam_policy};
use serde_json::Value;
use support::fake_kinesis::{FakeKinesis, Request};

const STREAM: &str = "pharmacy-events";

/// Actions, and what they are on.
type Actions = BTreeSet<(String, String)>;

/// What a policy allows, on resources without their region and account.
fn allowed(roles: &[Role]) -> Actions {
    let policy = iam_policy(STREAM, roles).expect("a valid name");
    let policy: Value = serde_json::from_str(&policy).expect("a policy is JSON");
    let mut allowed = Actions::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        assert_eq!(statement["Effect"], "Allow");
        let resource = statement["Resource"].as_str().expect("a resource");
        let resource = resource.strip_prefix("arn:aws:kinesis:*:*:").expect("one of Kinesis");
        for action in statement["Action"].as_array().expect("actions") {
            let action = action.as_str().expect("an action").strip_prefix("kinesis:");
            allowed.insert((action.expect("one of Kinesis").to_owned(), resource.to_owned()));
        }
    }
    allowed
}

/// What a request needs to be allowed.
fn needed(request: &Request) -> (String, String) {
    let body = |field: &str| request.body[field].as_str();
    let of_stream = match (body("StreamName"), body("StreamARN").or(body("ConsumerARN"))) {
        (Some(name), _) => format!("stream/{name}"),
        (None, Some(arn)) => {
            let (_, path) = arn.split_once(":stream/").expect("the ARN of a stream");
            format!("stream/{}", path.split('/').next().expect("a name"))
        }
        // By an iterator, whose stream it does not say.
        (None, None) => format!("stream/{STREAM}"),
    };
    let is_about_a_consumer = body("ConsumerARN").or(body("ConsumerName")).is_some();
    let resource = if is_about_a_consumer { format!("{of_stream}/consumer/*") } else { of_stream };
    (request.operation.clone(), resource)
}

/// A stream that was set up, and a log with something to publish.
struct Scene {
    clock: Arc<VirtualClock>,
    kinesis: FakeKinesis,
    log: Arc<MemoryStore>,
    /// How many requests were made before.
    seen: usize,
}

impl Scene {
    async fn new() -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        let kinesis = FakeKinesis::new(clock.clone(), 0);
        // An idle subscription would put the clock forward to its end.
        kinesis.set_options(|options| options.subscriptions_sleep = false);
        let log = Arc::new(MemoryStore::new());
        let scene = Self { clock, kinesis, log, seen: 0 };
        scene.stream().ensure(Capacity::Shards(2)).await.expect("it can be made");
        scene
    }

    fn stream(&self) -> DataStream {
        let options = DataStream::builder(STREAM).clock(self.clock.clone());
        options.with_client(self.kinesis.client()).expect("a valid name")
    }

    /// What was needed since the last call.
    fn take_needed(&mut self) -> Actions {
        let requests = self.kinesis.requests();
        let needed = requests[self.seen..].iter().map(needed).collect();
        self.seen = requests.len();
        needed
    }

    async fn publish(&self) {
        let accounts = Repository::<Account>::new(self.log.clone());
        for id in ["a-1", "a-2", "a-3"] {
            accounts.execute(id, AccountCommand::Credit(5)).await.expect("it is credited");
        }
        let publishing = Publishing::to(&self.stream(), Source::new("/tests").expect("a source"));
        let publisher = publishing.on(self.log.clone()).expect("a valid publisher");
        publisher.catch_up().await.expect("all is published");
    }

    /// What reading needs, also behind a shard that ends.
    async fn consume(&mut self, feed: impl Fn(KinesisFeed) -> KinesisFeed) -> Actions {
        self.publish().await;
        let of_stream = KinesisFeed::of(&self.stream(), self.log.clone(), Begin::Horizon);
        let (views, log) = (Arc::new(MemoryStore::new()), self.log.clone());
        let statements = Projection::new(Statements, Arc::new(feed(of_stream)), log, views);
        let statements = statements.expect("a valid name");
        let mut needed = Actions::new();
        for _ in 0..2 {
            let open = self.kinesis.open_shards(STREAM);
            self.kinesis.split(STREAM, &open[0]);
            self.publish().await;
            self.take_needed();
            let seen = statements.catch_up().await.expect("all is read").applied;
            assert!(seen > 0, "nothing was read");
            needed.extend(self.take_needed());
        }
        needed
    }

    /// Registers a consumer, as the template does.
    async fn register(&self, consumer: &str) {
        let summary = self.kinesis.plain_client().describe_stream_summary().stream_name(STREAM);
        let summary = summary.send().await.expect("it is there").stream_description_summary;
        let register = self.kinesis.plain_client().register_stream_consumer();
        let register = register.stream_arn(summary.expect("a summary").stream_arn);
        register.consumer_name(consumer).send().await.expect("it is registered");
    }
}

#[tokio::test]
async fn publishing_needs_what_its_role_allows() {
    let mut scene = Scene::new().await;
    scene.take_needed();
    scene.publish().await;
    assert_eq!(scene.take_needed(), allowed(&[Role::Publish]));
}

#[tokio::test]
async fn consuming_needs_what_its_role_allows() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.consume(|feed| feed).await, allowed(&[Role::Consume]));
}

#[tokio::test]
async fn fan_out_needs_what_its_role_allows() {
    let mut scene = Scene::new().await;
    scene.register("statements").await;
    let needed = scene.consume(|feed| feed.fan_out("statements")).await;
    assert_eq!(needed, allowed(&[Role::FanOut]));
}

#[tokio::test]
async fn setting_up_is_no_ones_role() {
    let mut scene = Scene::new().await;
    let of_ensure = scene.take_needed();
    let allowed = allowed(&Role::ALL);
    for action in ["CreateStream", "StartStreamEncryption"] {
        let action = (action.to_owned(), format!("stream/{STREAM}"));
        assert!(of_ensure.contains(&action) && !allowed.contains(&action), "{action:?}");
    }
}

#[test]
fn a_stream_that_cannot_be_is_refused() {
    for name in ["", "pharmacy/*", "*", "pharmacy:events"] {
        let refused = iam_policy(name, &Role::ALL);
        assert!(matches!(refused, Err(Error::InvalidId { .. })), "{name}: {refused:?}");
    }
}

/// Writes the file where `ES_ACCEPT_SCHEMA` is 1.
#[test]
fn the_policy_in_the_repository_is_the_one_that_is_rendered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("iam/application.json");
    let policy = iam_policy(STREAM, &Role::ALL).expect("a valid name");
    if std::env::var_os("ES_ACCEPT_SCHEMA").is_some_and(|accept| accept == "1") {
        std::fs::write(&path, &policy).expect("the file can be written");
    }
    let file = std::fs::read_to_string(&path).expect("the file is in the repository");
    assert_eq!(file.replace("\r\n", "\n"), policy, "write it with ES_ACCEPT_SCHEMA=1");
}
