//! What a user reads when something is not set up: one line that says what was tried, where, why it
//! failed and what helps.

mod support;

use std::time::Duration;

use aws_credential_types::provider::{error::CredentialsError, future};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, ProvideCredentials, Region};
use es_core::{Error, EventStore as _, StreamId};
use es_dynamodb::{DynamoOptions, DynamoStore};
use support::Server;
use support::canned::Canned;
use support::faults::{Fault, Faults};

fn options(prefix: &str) -> DynamoOptions {
    DynamoStore::builder(prefix)
}

/// What reading the end of a stream ends with.
async fn error_of(store: &DynamoStore) -> Error {
    let stream = StreamId::new("order", "1").expect("a valid id");
    store.head(&stream).await.expect_err("there is nothing to read")
}

/// A store on a server that refuses.
async fn refused(code: &str, message: &str) -> (Canned, Error) {
    let server = Canned::refusing(code, message).await;
    let store = options("pharmacy-").local_endpoint(&server.endpoint).connect().await;
    let error = error_of(&store.expect("a valid prefix")).await;
    (server, error)
}

#[tokio::test]
async fn an_endpoint_that_nobody_is_at_is_named_in_bounded_time() {
    let faults = Faults::none();
    let server = Server::nowhere();
    let store = options("pharmacy-")
        .with_clients(faults.dynamodb(&server), faults.streams(&server))
        .expect("a valid prefix");
    let error = error_of(&store).await;
    assert!(error.is_transient(), "somebody may start it");
    let text = error.with_causes();
    let expected = "reading order:1 at http://127.0.0.1:1 is not available: ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    assert!(!text.contains('\n'), "{text}");
    assert_eq!(faults.requests("Query"), 5);
    assert!(faults.slept() < Duration::from_secs(60), "{:?}", faults.slept());
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_named() {
    let server = Server::start().await;
    let faults = Faults::none();
    let store = server.store_behind(&faults).await;
    faults.always("Query", Fault::Timeout);
    let error = error_of(&store).await;
    assert!(error.is_transient());
    let text = error.with_causes();
    assert!(text.starts_with(&format!("reading order:1 at {} is not", server.endpoint)), "{text}");
    assert!(text.contains("timeout"), "{text}");
}

#[tokio::test]
async fn a_missing_table_is_named_with_what_makes_it() {
    let server = Server::start().await;
    let store = options("nobodys-").with_clients(server.dynamodb(), server.streams());
    let error = error_of(&store.expect("a valid prefix")).await;
    assert!(!error.is_transient());
    let text = error.with_causes();
    let expected = format!(
        "reading order:1 (there is no table nobodys-events at {}: DynamoStore::ensure_tables makes it, \
         or the CloudFormation template; check prefix, region and endpoint, too) failed: \
         ResourceNotFoundException: ",
        server.endpoint
    );
    assert!(text.starts_with(&expected), "{text}");
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let (code, message) = (
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/a is not authorized to perform: dynamodb:Query on \
         resource: arn:aws:dynamodb:eu-central-1:123456789012:table/pharmacy-events",
    );
    let (server, error) = refused(code, message).await;
    assert!(!error.is_transient());
    assert_eq!(
        error.with_causes(),
        format!(
            "reading order:1 (not allowed at {}: check credentials, region and permissions) failed: \
             {code}: {message} (request R1)",
            server.endpoint
        )
    );
}

#[tokio::test]
async fn any_other_refusal_is_told_as_it_is() {
    let (server, error) = refused("ValidationException", "The table has no such index").await;
    assert_eq!(
        error.with_causes(),
        format!(
            "reading order:1 at {} failed: ValidationException: The table has no such index \
             (request R1)",
            server.endpoint
        )
    );
}

#[tokio::test]
async fn what_is_not_dynamodb_is_told_with_its_http_status() {
    let server = Canned::answering("404 Not Found", "<h1>there is no such page</h1>").await;
    let store = options("pharmacy-").local_endpoint(&server.endpoint).connect().await;
    let text = error_of(&store.expect("a valid prefix")).await.with_causes();
    assert!(text.contains("an error without a code, HTTP status 404"), "{text}");
}

/// A provider that has none.
#[derive(Debug)]
struct NoCredentials;

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let none = CredentialsError::not_loaded("no profile, no role");
        future::ProvideCredentials::ready(Err(none))
    }
}

#[tokio::test]
async fn who_has_no_credentials_is_told_so_without_a_request() {
    let faults = Faults::none();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .http_client(faults.http_client())
        .retry_config(RetryConfig::disabled());
    let unsigned = "no request to DynamoDB in eu-central-1 could be made) failed: ";
    let none = "no AWS credentials were found for DynamoDB in eu-central-1; the profile \"nosuch\" has \
                none, or does not exist) failed: ";
    let without = config.clone();
    let empty = config.credentials_provider(NoCredentials);
    for (config, expected) in [(without, unsigned), (empty, none)] {
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(config.build());
        let options = options("pharmacy-").profile("nosuch");
        let store = options.with_clients(dynamodb, Server::nowhere().streams());
        let error = error_of(&store.expect("a valid prefix")).await;
        assert!(!error.is_transient());
        let text = error.with_causes();
        assert!(text.starts_with(&format!("reading order:1 ({expected}")), "{text}");
        assert!(text.contains("credentials"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
    assert_eq!(faults.all_requests(), 0);
}

#[tokio::test]
async fn who_has_no_region_is_told_so_without_a_request() {
    let faults = Faults::none();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::for_tests())
        .http_client(faults.http_client())
        .retry_config(RetryConfig::disabled());
    let dynamodb = aws_sdk_dynamodb::Client::from_conf(config.build());
    let store = options("pharmacy-").with_clients(dynamodb, Server::nowhere().streams());
    let error = error_of(&store.expect("a valid prefix")).await;
    assert!(!error.is_transient());
    let text = error.with_causes();
    assert!(text.contains("no region is configured"), "{text}");
    assert_eq!(faults.all_requests(), 0);
}

#[tokio::test]
async fn a_prefix_that_no_table_can_have_is_refused() {
    for (prefix, reason) in [
        ("pharmacy/", "it may have ASCII letters, digits, '_', '-' and '.' only"),
        ("ä", "it may have ASCII letters, digits, '_', '-' and '.' only"),
        (&*"p".repeat(129), "it is longer than 128 characters"),
    ] {
        let refused = options(prefix).local_endpoint("http://127.0.0.1:1").connect().await;
        let Err(error @ Error::InvalidId { .. }) = refused else { panic!("{refused:?}") };
        assert!(error.to_string().contains("table prefix"), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_refused() {
    let refused = options("pharmacy-").local_endpoint("localhost:8000").connect().await;
    let Err(Error::Misuse(text)) = refused else { panic!("{refused:?}") };
    assert!(text.starts_with("\"localhost:8000\" is not where DynamoDB can be: "), "{text}");
}

#[tokio::test]
async fn a_configuration_without_a_region_is_refused_before_any_request() {
    let config = aws_config::SdkConfig::builder().behavior_version(BehaviorVersion::latest());
    let refused = options("pharmacy-").with_config(&config.build());
    let Err(Error::Misuse(text)) = refused else { panic!("{refused:?}") };
    assert!(text.starts_with("no AWS region is configured: set AWS_REGION"), "{text}");
}
