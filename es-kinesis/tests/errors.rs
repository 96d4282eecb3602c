//! What a user reads when something is not set up: one line that says what was tried, where, why it
//! failed and what helps.

#[path = "../../es-aws/tests/support/canned.rs"]
mod canned;
mod support;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use canned::Canned;
use es_core::cloud_events::Source;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{Error, Feed as _, PartitionId, Result};
use es_kinesis::{Begin, Capacity, DataStream, DataStreamOptions, KinesisFeed, Publishing};
use support::fake_kinesis::FakeKinesis;
use support::faults::{Fault, Faults, Sleepless};

const STREAM: &str = "pharmacy-events";

fn options() -> DataStreamOptions {
    DataStream::builder(STREAM)
}

/// What publishing ends with.
async fn error_of(stream: Result<DataStream>) -> Error {
    let source = Source::new("/pharmacy").expect("a source");
    let publishing = Publishing::to(&stream.expect("valid options"), source);
    let publisher = publishing.on(Arc::new(MemoryStore::new())).expect("a valid publisher");
    let error = publisher.catch_up().await.expect_err("nothing can be published");
    assert!(!error.with_causes().contains('\n'), "it is one line: {}", error.with_causes());
    error
}

/// What reading ends with.
async fn reading_error_of(stream: Result<DataStream>) -> Error {
    let log = Arc::new(MemoryStore::new());
    let feed = KinesisFeed::of(&stream.expect("valid options"), log, Begin::Horizon);
    let error = feed.partitions().await.expect_err("there is nothing to read");
    assert!(!error.with_causes().contains('\n'), "it is one line: {}", error.with_causes());
    error
}

/// A client that gets to `endpoint` over the network, and never sleeps between its tries.
fn client(endpoint: &str, faults: &Faults) -> aws_sdk_kinesis::Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .sleep_impl(Sleepless(faults.clone()))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_kinesis::Client::from_conf(config.build())
}

fn fake() -> FakeKinesis {
    FakeKinesis::new(Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z")), 0)
}

#[tokio::test]
async fn an_endpoint_that_nobody_is_at_is_named_in_bounded_time() {
    let faults = Faults::seeded(0);
    let error = error_of(options().with_client(client("http://127.0.0.1:1", &faults))).await;
    assert!(error.is_transient(), "somebody may start it");
    let text = error.with_causes();
    let expected = "listing the shards of pharmacy-events at http://127.0.0.1:1 is not available: ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    let slept = faults.slept();
    assert!(!slept.is_zero() && slept < Duration::from_secs(60), "{slept:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_named() {
    let kinesis = fake();
    kinesis.faults().always("ListShards", Fault::Timeout);
    let error = error_of(options().with_client(kinesis.client_with_attempts(5))).await;
    assert!(error.is_transient());
    let text = error.with_causes();
    let expected = "listing the shards of pharmacy-events at \
                    https://kinesis.us-east-1.amazonaws.com is not available: ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("timeout"), "{text}");
    assert_eq!(kinesis.count("ListShards"), 5);
}

#[tokio::test]
async fn a_server_that_is_something_else_is_named() {
    for (status, body) in [
        ("200 OK", "<html><body>It works!</body></html>"),
        ("200 OK", "{\"Shards\": \"many\"}"),
        ("404 Not Found", "<h1>there is no such page</h1>"),
        ("502 Bad Gateway", "<html><body>nobody\nthere</body></html>"),
    ] {
        let server = Canned::answering(status, body).await;
        let faults = Faults::seeded(0);
        let stream = options().with_client(client(&server.endpoint, &faults));
        let error = error_of(stream).await;
        assert!(error.is_transient(), "it may be on its way up: {error:?}");
        let text = error.with_causes();
        let expected = format!("listing the shards of pharmacy-events at {} ", server.endpoint);
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[tokio::test]
async fn a_missing_stream_is_named_with_what_makes_it() {
    let kinesis = fake();
    let errors = [
        (error_of(options().with_client(kinesis.client())).await, "listing the shards of"),
        (reading_error_of(options().with_client(kinesis.client())).await, "describing"),
    ];
    for (error, doing) in errors {
        assert!(!error.is_transient());
        let text = error.with_causes();
        let expected = format!(
            "{doing} pharmacy-events (there is no data stream pharmacy-events at \
             https://kinesis.us-east-1.amazonaws.com: DataStream::ensure makes it, or the \
             CloudFormation template; check name, region and endpoint, too) failed: \
             ResourceNotFoundException: "
        );
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[tokio::test]
async fn a_stream_in_another_region_is_looked_for_in_this_one() {
    let kinesis = fake();
    kinesis.create_stream("of-another-region", 1);
    let elsewhere = kinesis.client().config().to_builder().region(Region::new("eu-west-1"));
    let elsewhere = aws_sdk_kinesis::Client::from_conf(elsewhere.build());
    let text = error_of(options().with_client(elsewhere)).await.with_causes();
    assert!(text.contains("pharmacy-events at https://kinesis.eu-west-1.amazonaws.com:"), "{text}");
    assert!(text.contains("check name, region and endpoint"), "{text}");
}

#[tokio::test]
async fn a_shard_that_is_not_there_is_told_as_one() {
    let kinesis = fake();
    kinesis.create_stream(STREAM, 1);
    let stream = options().with_client(kinesis.client()).expect("a valid name");
    let feed = KinesisFeed::of(&stream, Arc::new(MemoryStore::new()), Begin::Horizon);
    let partition = PartitionId::new("shardId-000000000007").expect("a valid name");
    let read = feed.read(&partition, &es_core::Checkpoint::start(), 1).await;
    let text = read.expect_err("there is no such shard").with_causes();
    assert!(text.contains("shardId-000000000007") && !text.contains("ensure"), "{text}");
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let (code, message) = (
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/a is not authorized to perform: kinesis:ListShards on \
         resource: arn:aws:kinesis:eu-central-1:123456789012:stream/pharmacy-events",
    );
    let server = Canned::refusing(code, message).await;
    let error = error_of(options().local_endpoint(&server.endpoint).connect().await).await;
    assert!(!error.is_transient());
    assert_eq!(
        error.with_causes(),
        format!(
            "listing the shards of pharmacy-events (not allowed at {}: check credentials, region and \
             permissions) failed: {code}: {message} (request R1)",
            server.endpoint
        )
    );
    let [signer] = <[String; 1]>::try_from(server.asked_by()).expect("one request");
    assert!(signer.starts_with("local/") && signer.contains("/us-east-1/kinesis/"), "{signer}");
}

#[tokio::test]
async fn who_has_no_credentials_or_no_region_is_told_so_without_a_request() {
    let kinesis = fake();
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(kinesis.http_client())
        .retry_config(RetryConfig::disabled());
    let unsigned = config.clone().region(Region::new("eu-central-1"));
    let nowhere = config.credentials_provider(Credentials::for_tests());
    for (config, expected) in
        [(unsigned, "no request to Kinesis in eu-central-1"), (nowhere, "no region is configured")]
    {
        let client = aws_sdk_kinesis::Client::from_conf(config.build());
        let error = error_of(options().with_client(client)).await;
        assert!(!error.is_transient());
        let text = error.with_causes();
        assert!(text.starts_with("listing the shards of pharmacy-events ("), "{text}");
        assert!(text.contains(expected), "{text}");
    }
    assert!(kinesis.requests().is_empty());
}

#[tokio::test]
async fn a_configuration_without_a_region_is_refused_before_any_request() {
    let config = aws_config::SdkConfig::builder().behavior_version(BehaviorVersion::latest());
    let refused = options().with_config(&config.build());
    let Err(Error::Misuse(text)) = refused else { panic!("{refused:?}") };
    assert!(text.starts_with("no AWS region is configured: set AWS_REGION"), "{text}");
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_refused() {
    let refused = options().local_endpoint("localhost:4566").connect().await;
    let Err(Error::Misuse(text)) = refused else { panic!("{refused:?}") };
    assert!(text.starts_with("\"localhost:4566\" is not where Kinesis can be: "), "{text}");
}

#[tokio::test]
async fn a_name_that_no_stream_can_have_is_refused() {
    for name in ["", "pharmacy/events", "ä", &"p".repeat(129)] {
        let refused =
            DataStream::builder(name).local_endpoint("http://127.0.0.1:1").connect().await;
        let Err(error @ Error::InvalidId { .. }) = refused else { panic!("{refused:?}") };
        assert!(error.to_string().contains("data stream"), "{error}");
        let reason = "it may have 1 to 128 ASCII letters, digits, '_', '.' and '-'";
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_may_not_be_made_is_told() {
    let message = "User: a is not authorized to perform: kinesis:CreateStream";
    let server = Canned::refusing("AccessDeniedException", message).await;
    let stream = options().local_endpoint(&server.endpoint).connect().await;
    let made = stream.expect("valid options").ensure(Capacity::OnDemand).await;
    let text = made.expect_err("it is refused").with_causes();
    assert!(text.starts_with("describing pharmacy-events (not allowed at "), "{text}");
}
