//! A DynamoDB for tests: the in-process server, or the one that the environment names.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use es_dynamodb::{DynamoOptions, DynamoStore, TableCreation};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The variable that names another server: `http://127.0.0.1:4566`.
const ENDPOINT: &str = "ES_TEST_ENDPOINT_DYNAMODB";

/// A server that ends with this value, or one outside of the test.
#[derive(Debug)]
pub struct Server {
    pub endpoint: String,
    serving: Option<JoinHandle<()>>,
}

impl Server {
    pub async fn start() -> Self {
        if let Ok(endpoint) = std::env::var(ENDPOINT) {
            return Self { endpoint, serving: None };
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound port"));
        let database = dynoxide::Database::memory().expect("a database in memory");
        let serving = tokio::spawn(dynoxide::server::serve_on(listener, database));
        Self { endpoint, serving: Some(serving) }
    }

    /// A prefix that no other test of this run has: a server may be shared.
    pub fn prefix() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("t{}-{next}-", std::process::id())
    }

    /// The options of a store on this server, with `prefix`.
    pub fn options(&self, prefix: &str) -> DynamoOptions {
        DynamoStore::builder(prefix).table_creation(TableCreation::IfMissing)
    }

    /// A store with these options, whose tables are there.
    pub async fn store_with(&self, options: DynamoOptions) -> DynamoStore {
        let store = options.with_clients(self.dynamodb(), self.streams()).expect("valid options");
        store.ensure_tables().await.expect("the tables can be made");
        store
    }

    /// A store with tables of its own.
    pub async fn store(&self) -> DynamoStore {
        self.store_with(self.options(&Self::prefix())).await
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(&self.endpoint);
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    pub fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        let config = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(&self.endpoint);
        aws_sdk_dynamodbstreams::Client::from_conf(config.build())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}
