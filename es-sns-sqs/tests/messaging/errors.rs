//! What a user reads when something is not set up: one line that says what was tried, where, why it
//! failed and what helps.

use std::time::Duration;

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use es_core::testing::CapturedLog;
use es_core::{Error, MessageQueue as _, NewMessage, Result, Topic as _};
use es_sns_sqs::{SnsTopics, SqsOptions, SqsQueues};

use crate::canned::Canned;
use crate::support::fake_messaging::{Fault, Faults, Sleepless};
use crate::support::scene::{Scene, queue, topic};

fn options() -> SqsOptions {
    SqsQueues::builder().name_prefix("p-")
}

/// What sending ends with.
async fn error_of(queues: Result<SqsQueues>) -> Error {
    let queues = queues.expect("valid options");
    let sent = queues.send(&queue("orders"), NewMessage::new("secret")).await;
    in_one_line(sent.expect_err("nothing can be sent"))
}

/// What publishing ends with.
async fn publishing_error_of(topics: Result<SnsTopics>) -> Error {
    let topics = topics.expect("valid options");
    let published = topics.publish(&topic("orders"), NewMessage::new("secret")).await;
    in_one_line(published.expect_err("nothing can be published"))
}

fn in_one_line(error: Error) -> Error {
    let text = error.with_causes();
    assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
    error
}

/// A client that gets to `endpoint` over the network, and never sleeps between its tries.
fn sqs(endpoint: &str, faults: &Faults) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .sleep_impl(Sleepless(faults.clone()))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_sqs::Client::from_conf(config.build())
}

fn sns(endpoint: &str, faults: &Faults) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::Config::builder()
        .behavior_version(aws_sdk_sns::config::BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .sleep_impl(Sleepless(faults.clone()))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_sns::Client::from_conf(config.build())
}

/// Queues and topics that are looked for at `endpoint`.
fn at(endpoint: &str, faults: &Faults) -> (Result<SqsQueues>, Result<SnsTopics>) {
    let queues = || options().with_client(sqs(endpoint, faults));
    let topics = SnsTopics::builder(&queues().expect("valid options"));
    (queues(), topics.with_client(sns(endpoint, faults)))
}

#[tokio::test]
async fn an_endpoint_that_nobody_is_at_is_named_in_bounded_time() {
    let faults = Faults::seeded(0);
    let (queues, topics) = at("http://127.0.0.1:1", &faults);
    for (error, doing) in [
        (error_of(queues).await, "looking for queue p-orders"),
        (publishing_error_of(topics).await, "looking for topic p-orders"),
    ] {
        assert!(error.is_transient(), "somebody may start it");
        let text = error.with_causes();
        let expected = format!("{doing} at http://127.0.0.1:1 is not available: ");
        assert!(text.starts_with(&expected), "{text}");
        assert!(text.contains("Connection refused"), "{text}");
    }
    let slept = faults.slept();
    assert!(!slept.is_zero() && slept < Duration::from_secs(120), "{slept:?}");
}

#[tokio::test]
async fn a_server_that_is_something_else_is_named() {
    for (status, body) in [
        ("200 OK", "<html><body>It works!</body></html>"),
        ("404 Not Found", "<h1>there is no such page</h1>"),
        ("502 Bad Gateway", "<html><body>nobody\nthere</body></html>"),
    ] {
        let server = Canned::answering(status, body).await;
        let (queues, topics) = at(&server.endpoint, &Faults::seeded(0));
        for (error, doing) in [
            (error_of(queues).await, "looking for queue p-orders at"),
            (publishing_error_of(topics).await, "looking for topic p-orders at"),
        ] {
            let text = error.with_causes();
            assert!(text.starts_with(&format!("{doing} {}", server.endpoint)), "{text}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let scene = Scene::new();
    let error = error_of(Ok(scene.queues.clone())).await;
    assert!(matches!(&error, Error::NoSuchQueue { queue } if queue.as_str() == "orders"));
    assert_eq!(error.with_causes(), "there is no queue orders");
    let error = publishing_error_of(Ok(scene.topics.clone())).await;
    assert!(matches!(&error, Error::NoSuchTopic { topic } if topic.as_str() == "orders"));
    let topics = SnsTopics::builder(&scene.queues).account("123456789012");
    let error = publishing_error_of(topics.with_client(scene.messaging.sns())).await;
    assert!(matches!(error, Error::NoSuchTopic { .. }), "{error:?}");
}

#[tokio::test]
async fn the_log_says_where_something_is_missing_and_what_makes_it() {
    let (scene, log) = (Scene::new(), CapturedLog::of("es_sns_sqs"));
    error_of(Ok(scene.queues.clone())).await;
    publishing_error_of(Ok(scene.topics.clone())).await;
    let lines = log.lines();
    let expected = [
        (
            "queue",
            "sqs",
            "MessageQueue::configure makes it, Topology::ensure, or the CloudFormation",
        ),
        ("topic", "sns", "Topic::create_topic makes it, Topology::ensure, or the CloudFormation"),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, (what, service, help)) in lines.iter().zip(expected) {
        assert!(line.starts_with("WARN ") && line.contains(help), "{line}");
        assert!(line.contains(&format!("there is no such {what}: ")), "{line}");
        assert!(
            line.contains(&format!(" {what}=p-orders place=https://{service}.us-east-1.")),
            "{line}"
        );
    }
}

#[test]
fn a_line_that_another_thread_comes_to_first_is_in_the_log() {
    let write = || tracing::warn!(target: "es_sns_sqs", "a line");
    let log = CapturedLog::of("es_sns_sqs");
    std::thread::spawn(write).join().expect("it writes");
    write();
    assert_eq!(log.lines(), ["WARN a line"]);
}

#[tokio::test]
async fn a_queue_that_somebody_has_removed_is_missed() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    scene.messaging.remove_queue("p-billing");
    for _ in 0..2 {
        let sent = scene.queues.send(&billing, NewMessage::new("x")).await;
        assert!(matches!(sent, Err(Error::NoSuchQueue { .. })), "{sent:?}");
    }
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    for code in ["AccessDeniedException", "AccessDenied", "InvalidClientTokenId", "InvalidSecurity"]
    {
        let server = Canned::refusing(code, "User: a is not authorized").await;
        let error = error_of(options().local_endpoint(&server.endpoint).connect().await).await;
        assert!(!error.is_transient());
        assert_eq!(
            error.with_causes(),
            format!(
                "looking for queue p-orders (not allowed at {}: check credentials, region and \
                 permissions) failed: {code}: User: a is not authorized (request R1)",
                server.endpoint
            )
        );
        let [signer] = <[String; 1]>::try_from(server.asked_by()).expect("one request");
        assert!(signer.starts_with("local/") && signer.contains("/us-east-1/sqs/"), "{signer}");
    }
}

#[tokio::test]
async fn who_may_not_publish_is_told_so() {
    let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>User: a \
                   is not authorized</Message></Error><RequestId>R1</RequestId></ErrorResponse>";
    let server = Canned::answering("403 Forbidden", refusal).await;
    let queues = options().local_endpoint(&server.endpoint).connect().await.expect("a connection");
    let topics = SnsTopics::builder(&queues).account("123456789012").connect().await;
    let text = publishing_error_of(topics).await.with_causes();
    let expected = format!("publishing to topic p-orders (not allowed at {}: ", server.endpoint);
    assert!(text.starts_with(&expected), "{text}");
    assert!(server.asked_by()[0].contains("/us-east-1/sns/"), "{:?}", server.asked_by());
}

#[tokio::test]
async fn what_passes_can_be_tried_again() {
    for code in ["RequestThrottled", "ThrottlingException", "OverLimit", "KMS.ThrottlingException"]
    {
        let server = Canned::refusing(code, "Rate exceeded").await;
        let (queues, _) = at(&server.endpoint, &Faults::seeded(0));
        let error = error_of(queues).await;
        assert!(error.is_transient(), "{error:?}");
        assert!(error.with_causes().contains(&format!("{code}: Rate exceeded")), "{error:?}");
    }
    let scene = Scene::of_the_shop().await;
    for fault in [Fault::Throttled, Fault::InternalError, Fault::LostRequest] {
        scene.messaging.faults().always("PublishBatch", fault);
        let error = publishing_error_of(Ok(scene.topics.clone())).await;
        assert!(error.is_transient(), "{error:?}");
        scene.messaging.faults().stop();
    }
}

#[tokio::test]
async fn a_batch_that_the_service_finds_too_long_says_what_helps() {
    let scene = Scene::of_the_shop().await;
    let options = options().max_request_bytes(1024 * 1024);
    let queues = options.with_client(scene.messaging.sqs()).expect("a valid prefix");
    let batch = vec![NewMessage::new("x".repeat(200_000)); 3];
    let refused = queues.send_batch(&queue("audit"), batch).await.expect_err("it is too long");
    assert!(!refused.is_transient());
    let text = refused.with_causes();
    assert!(text.contains("takes smaller requests: lower max_request_bytes"), "{text}");
}

#[tokio::test]
async fn who_has_no_credentials_or_no_region_is_told_so_without_a_request() {
    let scene = Scene::new();
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(scene.messaging.http_client())
        .retry_config(RetryConfig::disabled());
    let unsigned = config.clone().region(Region::new("eu-central-1"));
    let nowhere = config.credentials_provider(Credentials::for_tests());
    for (config, expected) in
        [(unsigned, "no request to SQS in eu-central-1"), (nowhere, "no region is configured")]
    {
        let client = aws_sdk_sqs::Client::from_conf(config.build());
        let error = error_of(options().with_client(client)).await;
        assert!(!error.is_transient());
        let text = error.with_causes();
        assert!(text.starts_with("looking for queue p-orders ("), "{text}");
        assert!(text.contains(expected), "{text}");
    }
    assert!(scene.messaging.requests().is_empty());
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
    assert!(text.starts_with("\"localhost:4566\" is not where SQS can be: "), "{text}");
    let queues = options().local_endpoint("http://127.0.0.1:1").connect().await.expect("a URL");
    let refused = SnsTopics::builder(&queues).endpoint_url("localhost:4566").connect().await;
    let Err(Error::Misuse(text)) = refused else { panic!("{refused:?}") };
    assert!(text.starts_with("\"localhost:4566\" is not where SNS can be: "), "{text}");
}

#[tokio::test]
async fn what_no_queue_or_account_can_be_called_is_refused() {
    for prefix in ["staging.", "ä", "a b", &"p".repeat(80)] {
        let refused = SqsQueues::builder().name_prefix(prefix);
        let refused = refused.local_endpoint("http://127.0.0.1:1").connect().await;
        let Err(error @ Error::InvalidId { .. }) = refused else { panic!("{refused:?}") };
        assert!(error.to_string().contains("prefix of queues"), "{error}");
    }
    let queues = options().local_endpoint("http://127.0.0.1:1").connect().await.expect("a URL");
    for account in ["", "12345678901", "12345678901x", "123456789012:"] {
        let refused = SnsTopics::builder(&queues).account(account).connect().await;
        let Err(Error::Misuse(text)) = refused else { panic!("{refused:?}") };
        assert!(text.starts_with("an AWS account has 12 digits"), "{text}");
    }
}
