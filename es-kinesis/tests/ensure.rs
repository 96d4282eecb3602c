//! Making the data stream.

mod support;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::types::{EncryptionType, StreamDescriptionSummary, StreamMode};
use es_core::Error;
use es_core::testing::VirtualClock;
use es_kinesis::{Capacity, DataStream, DataStreamOptions};
use support::fake_kinesis::FakeKinesis;
use support::faults::Fault;

const STREAM: &str = "pharmacy-events";

/// A Kinesis where it takes a while to make and to change a stream.
struct Scene {
    clock: Arc<VirtualClock>,
    kinesis: FakeKinesis,
}

impl Scene {
    fn new() -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        let kinesis = FakeKinesis::new(clock.clone(), 0);
        kinesis.set_options(|options| options.transition = Duration::from_secs(20));
        Self { clock, kinesis }
    }

    fn stream(&self) -> DataStream {
        self.stream_with(|options| options)
    }

    fn stream_with(
        &self,
        change: impl FnOnce(DataStreamOptions) -> DataStreamOptions,
    ) -> DataStream {
        let options = change(DataStream::builder(STREAM).clock(self.clock.clone()));
        options.with_client(self.kinesis.client()).expect("a valid name")
    }

    async fn described(&self) -> StreamDescriptionSummary {
        let described = self.kinesis.plain_client().describe_stream_summary().stream_name(STREAM);
        let described = described.send().await.expect("the stream is there");
        described.stream_description_summary.expect("a description")
    }

    fn asked(&self) -> [u64; 3] {
        CHANGES.map(|operation| self.kinesis.count(operation))
    }
}

const CHANGES: [&str; 3] =
    ["CreateStream", "StartStreamEncryption", "IncreaseStreamRetentionPeriod"];

#[tokio::test]
async fn a_stream_is_made_as_it_is_asked_for() {
    for (capacity, mode, shards) in [
        (Capacity::OnDemand, StreamMode::OnDemand, 4),
        (Capacity::Shards(3), StreamMode::Provisioned, 3),
        (Capacity::Shards(0), StreamMode::Provisioned, 1),
    ] {
        let scene = Scene::new();
        scene.stream().ensure(capacity).await.expect("it can be made");
        let made = scene.described().await;
        assert_eq!(made.stream_status.as_str(), "ACTIVE", "it can be used");
        assert_eq!(made.stream_mode_details.expect("a mode").stream_mode, mode);
        assert_eq!((made.open_shard_count, made.retention_period_hours), (shards, 24));
        assert_eq!(made.encryption_type, Some(EncryptionType::Kms));
        assert_eq!(made.key_id.as_deref(), Some("alias/aws/kinesis"));
        assert_eq!(scene.asked(), [1, 1, 0]);
    }
}

#[tokio::test]
async fn a_key_and_a_retention_of_ones_own_are_set() {
    let scene = Scene::new();
    let stream = scene.stream_with(|it| it.encryption_key("alias/pharmacy").retention_hours(168));
    stream.ensure(Capacity::OnDemand).await.expect("it can be made");
    let made = scene.described().await;
    assert_eq!(made.key_id.as_deref(), Some("alias/pharmacy"));
    assert_eq!(made.retention_period_hours, 168);
}

#[tokio::test]
async fn a_stream_that_is_there_is_changed_where_it_keeps_less_than_is_asked_for() {
    let scene = Scene::new();
    scene.kinesis.create_stream(STREAM, 2);
    let stream = scene.stream_with(|it| it.retention_hours(48));
    stream.ensure(Capacity::Shards(5)).await.expect("it is there");
    let found = scene.described().await;
    assert_eq!(found.encryption_type, Some(EncryptionType::Kms));
    assert_eq!((found.open_shard_count, found.retention_period_hours), (2, 48));
    assert_eq!(scene.asked(), [0, 1, 1]);

    let other = scene.stream_with(|it| it.encryption_key("alias/other").retention_hours(24));
    other.ensure(Capacity::OnDemand).await.expect("it is there");
    let found = scene.described().await;
    assert_eq!(found.key_id.as_deref(), Some("alias/aws/kinesis"), "it keeps its key");
    assert_eq!(found.retention_period_hours, 48, "and what it keeps longer");
    assert_eq!(scene.asked(), [0, 1, 1], "nothing more is asked for");
}

#[tokio::test]
async fn a_stream_whose_shards_are_changing_can_be_used() {
    let scene = Scene::new();
    let stream = scene.stream();
    stream.ensure(Capacity::Shards(1)).await.expect("it can be made");
    let slept = scene.clock.slept().len();
    let target = scene.kinesis.plain_client().update_shard_count().stream_name(STREAM);
    let target = target.target_shard_count(2).scaling_type("UNIFORM_SCALING".into());
    target.send().await.expect("it can be scaled");
    stream.ensure(Capacity::Shards(1)).await.expect("it is there");
    assert_eq!(scene.described().await.stream_status.as_str(), "UPDATING");
    assert_eq!(scene.clock.slept().len(), slept, "nobody waits");
}

#[tokio::test]
async fn two_programs_can_make_the_stream_at_once() {
    for operation in CHANGES {
        let scene = Scene::new();
        let [one, rival] = [(); 2].map(|()| scene.stream_with(|it| it.retention_hours(48)));
        scene.kinesis.faults().before(operation, 1, async move {
            rival.ensure(Capacity::Shards(1)).await.expect("the rival makes it first");
        });
        one.ensure(Capacity::Shards(1)).await.expect("it is there");
        let asked = scene.kinesis.count(operation);
        assert!(asked >= 2, "the rival was not in between: {asked} of {operation}");
        let made = scene.described().await;
        assert_eq!((made.open_shard_count, made.retention_period_hours), (1, 48));
        assert_eq!(made.encryption_type, Some(EncryptionType::Kms));
    }
}

#[tokio::test]
async fn a_stream_that_is_changing_is_changed_when_it_is_done() {
    let scene = Scene::new();
    scene.kinesis.create_stream(STREAM, 1);
    let target = scene.kinesis.plain_client().update_shard_count().stream_name(STREAM);
    let target = target.target_shard_count(2).scaling_type("UNIFORM_SCALING".into());
    target.send().await.expect("it can be scaled");
    scene
        .stream_with(|it| it.retention_hours(48))
        .ensure(Capacity::Shards(1))
        .await
        .expect("it is there");
    let changed = scene.described().await;
    assert_eq!(changed.encryption_type, Some(EncryptionType::Kms));
    assert_eq!(changed.retention_period_hours, 48);
    assert!(scene.asked()[1] > 1, "it was not refused at first");
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_made() {
    for operation in &CHANGES[1..] {
        let scene = Scene::new();
        scene.kinesis.faults().at(operation, 1, Fault::LostAnswer);
        let stream = scene.stream_with(|it| it.retention_hours(48));
        stream.ensure(Capacity::Shards(1)).await.expect("it is made");
        assert_eq!(scene.kinesis.faults().injected(Fault::LostAnswer), 1);
        assert_eq!(scene.kinesis.count(operation), 1, "it is not asked for again");
    }
}

#[tokio::test]
async fn making_a_stream_gets_over_faults_that_pass() {
    for seed in 0..20 {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        let kinesis = FakeKinesis::new(clock.clone(), seed);
        let scene = Scene { clock, kinesis };
        scene.kinesis.faults().set_rates(Fault::PASSING, 0.1);
        let stream = scene.stream_with(|it| it.retention_hours(48));
        while let Err(error) = stream.ensure(Capacity::Shards(1)).await {
            assert!(error.is_transient(), "{error:?}");
        }
        scene.kinesis.faults().stop();
        let made = scene.described().await;
        assert_eq!(made.retention_period_hours, 48);
        assert_eq!(made.encryption_type, Some(EncryptionType::Kms));
    }
}

#[tokio::test]
async fn a_local_server_need_not_know_encryption_and_retention() {
    let scene = Scene::new();
    scene.kinesis.set_options(|options| options.unknown_operations = &CHANGES[1..]);
    let stream = scene.stream_with(|it| it.retention_hours(48));
    stream.ensure(Capacity::Shards(1)).await.expect("it can be made");
    assert_eq!(scene.asked(), [1, 1, 1]);
}

#[tokio::test]
async fn a_change_that_is_refused_is_told() {
    let scene = Scene::new();
    let stream = scene.stream_with(|it| it.retention_hours(10_000));
    let error = stream.ensure(Capacity::Shards(1)).await.expect_err("longer than a year");
    assert!(!error.is_transient());
    let text = error.with_causes();
    let expected = "setting the retention of data stream pharmacy-events at ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("InvalidArgumentException"), "{text}");
}

#[tokio::test]
async fn a_stream_that_is_not_ready_within_a_minute_is_told() {
    let scene = Scene::new();
    scene.kinesis.set_options(|options| options.transition = Duration::from_secs(3_600));
    let error = scene.stream().ensure(Capacity::Shards(1)).await.expect_err("it is being made");
    let Error::DeadlineExceeded { what, waited } = error else { panic!("{error:?}") };
    assert_eq!(what, "making data stream pharmacy-events");
    assert_eq!(waited, Duration::from_secs(60));
    assert!(scene.clock.slept().iter().sum::<Duration>() <= waited);
}
