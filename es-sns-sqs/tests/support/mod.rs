//! SNS and SQS for tests: the ones in memory, or those of the server that the environment names.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test file uses a part")]

pub(crate) mod fake_messaging;
#[path = "../../../es-aws/tests/support/fault_plan.rs"]
pub(crate) mod fault_plan;
pub(crate) mod scene;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use es_core::SystemClock;
use fake_messaging::FakeMessaging;

/// The variable that names a server, as `http://127.0.0.1:4566`; `aws` is the region's own, with the
/// credentials and the region of the environment. Tests leave their queues and topics, `t<number>-…`, there.
const ENDPOINT: &str = "ES_TEST_ENDPOINT_SNS_SQS";
/// What it says for the service itself.
const AWS: &str = "aws";

/// A server for tests that use it by its API alone: others take a [`FakeMessaging`], whatever the
/// environment names.
#[derive(Debug, Clone)]
pub(crate) enum Server {
    Fake(FakeMessaging),
    Named(String),
}

impl Server {
    /// The one that the environment names, or one in memory, on the machine's clock.
    pub(crate) fn start() -> Self {
        let in_memory = || Self::Fake(FakeMessaging::new(Arc::new(SystemClock), 0));
        Self::named().unwrap_or_else(in_memory)
    }

    /// The one that the environment names.
    pub(crate) fn named() -> Option<Self> {
        variable(ENDPOINT).map(Self::Named)
    }

    /// A client that asks as often as the SDK does by itself.
    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        let endpoint = match self {
            Self::Fake(messaging) => return messaging.sqs_with_attempts(3),
            Self::Named(endpoint) => endpoint,
        };
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region())
            .credentials_provider(credentials());
        let config = if endpoint == AWS { config } else { config.endpoint_url(endpoint) };
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// A client that asks as often as the SDK does by itself.
    pub(crate) fn sns(&self) -> aws_sdk_sns::Client {
        let endpoint = match self {
            Self::Fake(messaging) => return messaging.sns_with_attempts(3),
            Self::Named(endpoint) => endpoint,
        };
        let config = aws_sdk_sns::Config::builder()
            .behavior_version(aws_sdk_sns::config::BehaviorVersion::latest())
            .region(region())
            .credentials_provider(credentials());
        let config = if endpoint == AWS { config } else { config.endpoint_url(endpoint) };
        aws_sdk_sns::Client::from_conf(config.build())
    }

    /// What no other test of this run begins its names with: a server may be shared.
    pub(crate) fn name_prefix() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("t{}-{next}-", std::process::id())
    }
}

fn region() -> Region {
    Region::new(variable("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()))
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
