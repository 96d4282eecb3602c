//! A Kinesis for tests: the one in memory, or the one that the environment names.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test file uses a part")]

pub(crate) mod fake_kinesis;
#[path = "../../../es-aws/tests/support/fault_plan.rs"]
pub(crate) mod fault_plan;
pub(crate) mod faults;
pub(crate) mod published;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use es_core::SystemClock;
use fake_kinesis::FakeKinesis;

/// The variables that name another server, as `http://127.0.0.1:4567`; `aws` is the region's own, with
/// the credentials and the region of the environment. The second one names a local server whose shards
/// split and merge as the service's. Tests leave their streams, `t<number>-…`, there.
const ENDPOINTS: [&str; 2] = ["ES_TEST_ENDPOINT_KINESIS", "ES_TEST_ENDPOINT_KINESIS_RESHARDING"];
/// What it says for the service itself.
const AWS: &str = "aws";

/// A server for tests that use it by its API alone: others take a [`FakeKinesis`], whatever the
/// environment names.
#[derive(Debug, Clone)]
pub(crate) enum Server {
    Fake(FakeKinesis),
    Named(String),
}

impl Server {
    /// The one that the environment names, or one in memory, on the machine's clock.
    pub(crate) fn start() -> Self {
        match ENDPOINTS.iter().find_map(|name| variable(name)) {
            Some(endpoint) => Self::Named(endpoint),
            None => Self::Fake(FakeKinesis::new(Arc::new(SystemClock), 0)),
        }
    }

    /// A client that asks as often as the SDK does by itself.
    pub(crate) fn client(&self) -> Client {
        let endpoint = match self {
            Self::Fake(kinesis) => return kinesis.client_with_attempts(3),
            Self::Named(endpoint) => endpoint,
        };
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(variable("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned())))
            .credentials_provider(credentials());
        let config = if endpoint == AWS { config } else { config.endpoint_url(endpoint) };
        Client::from_conf(config.build())
    }

    /// A name that no other test of this run has: a server may be shared.
    pub(crate) fn stream_name() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("t{}-{next}", std::process::id())
    }
}

/// Those of the environment; local servers take any.
fn credentials() -> Credentials {
    let keys = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
    keys.map_or_else(Credentials::for_tests, |(id, secret)| {
        Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "environment")
    })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
