//! A DynamoDB for tests: the in-process server, or the one that the environment names.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

#[path = "../../../es-aws/tests/support/canned.rs"]
pub(crate) mod canned;
#[path = "../../../es-aws/tests/support/fault_plan.rs"]
pub(crate) mod fault_plan;
pub(crate) mod faults;
pub(crate) mod in_process;
pub(crate) mod ledger;
pub(crate) mod permissions;
pub(crate) mod stream_server;

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use es_dynamodb::{DynamoOptions, DynamoStore, TableCreation};
use faults::Faults;
use in_process::InProcess;
use stream_server::StreamServer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The variable that names another server, as `http://127.0.0.1:4566`; `aws` is the region's own, with
/// the credentials and the region of the environment. Tests leave their tables, `t<number>-…`, there.
const ENDPOINT: &str = "ES_TEST_ENDPOINT_DYNAMODB";
/// What it says for the service itself.
const AWS: &str = "aws";

/// A server that ends with this value, or one outside of the test.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: String,
    is_aws: bool,
    serving: Option<JoinHandle<()>>,
    /// How requests about tables, and those about streams, get there, unless it is over a network.
    direct: Option<[SharedHttpClient; 2]>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        match std::env::var(ENDPOINT) {
            Ok(named) if named == AWS => {
                let endpoint = format!("https://dynamodb.{}.amazonaws.com", region());
                return Self::at(endpoint).with(|server| server.is_aws = true);
            }
            Ok(endpoint) => return Self::at(endpoint),
            Err(_) => {}
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound port"));
        let database = dynoxide::Database::memory().expect("a database in memory");
        let serving = tokio::spawn(dynoxide::server::serve_on(listener, database));
        Self::at(endpoint).with(|server| server.serving = Some(serving))
    }

    /// No server at all: nobody listens there.
    pub(crate) fn nowhere() -> Self {
        Self::at("http://127.0.0.1:1".to_owned())
    }

    /// The in-process server without a network, whatever the environment names, and with streams that the
    /// test makes.
    pub(crate) fn direct(streams: &StreamServer) -> Self {
        let direct = [InProcess::new().http_client(), streams.http_client()];
        Self::at("http://direct".to_owned()).with(|server| server.direct = Some(direct))
    }

    fn at(endpoint: String) -> Self {
        Self { endpoint, is_aws: false, serving: None, direct: None }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// A prefix that no other test of this run has: a server may be shared.
    pub(crate) fn prefix() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("t{}-{next}-", std::process::id())
    }

    /// The options of a store on this server, with `prefix`.
    pub(crate) fn options(&self, prefix: &str) -> DynamoOptions {
        DynamoStore::builder(prefix).table_creation(TableCreation::IfMissing)
    }

    /// A store with these options, whose tables are there.
    pub(crate) async fn store_with(&self, options: DynamoOptions) -> DynamoStore {
        let store = options.with_clients(self.dynamodb(), self.streams()).expect("valid options");
        store.ensure_tables().await.expect("the tables can be made");
        store
    }

    /// A store with tables of its own.
    pub(crate) async fn store(&self) -> DynamoStore {
        self.store_with(self.options(&Self::prefix())).await
    }

    /// A store with tables of its own, whose requests meet `faults` once the tables are there.
    pub(crate) async fn store_behind(&self, faults: &Faults) -> DynamoStore {
        self.store_with_behind(self.options(&Self::prefix()), faults).await
    }

    /// A store with these options, whose requests meet `faults` once its tables are there.
    pub(crate) async fn store_with_behind(
        &self,
        options: DynamoOptions,
        faults: &Faults,
    ) -> DynamoStore {
        self.store_with(options.clone()).await;
        options.with_clients(faults.dynamodb(self), faults.streams(self)).expect("valid options")
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::from_conf(self.dynamodb_config().build())
    }

    pub(crate) fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        aws_sdk_dynamodbstreams::Client::from_conf(self.streams_config().build())
    }

    fn dynamodb_config(&self) -> aws_sdk_dynamodb::config::Builder {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region()))
            .credentials_provider(credentials())
            .http_client(self.way_to_tables());
        if self.is_aws { config } else { config.endpoint_url(&self.endpoint) }
    }

    fn streams_config(&self) -> aws_sdk_dynamodbstreams::config::Builder {
        let config = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region()))
            .credentials_provider(credentials())
            .http_client(self.way_to_streams());
        if self.is_aws { config } else { config.endpoint_url(&self.endpoint) }
    }

    /// How the SDK's requests about tables get here.
    fn way_to_tables(&self) -> SharedHttpClient {
        self.direct.as_ref().map_or_else(|| self.network(), |[it, _]| it.clone())
    }

    /// How the SDK's requests about streams get here.
    fn way_to_streams(&self) -> SharedHttpClient {
        self.direct.as_ref().map_or_else(|| self.network(), |[_, it]| it.clone())
    }

    fn network(&self) -> SharedHttpClient {
        let builder = Builder::new();
        if self.endpoint.starts_with("https") {
            builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
        } else {
            builder.build_http()
        }
    }
}

fn region() -> String {
    std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned())
}

/// Those of the environment where another server is named; local servers take any.
fn credentials() -> Credentials {
    let variable = |name| std::env::var(name).ok();
    let keys = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
    match keys {
        Some((id, secret)) if variable(ENDPOINT).is_some() => {
            Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "environment")
        }
        _ => Credentials::for_tests(),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}
