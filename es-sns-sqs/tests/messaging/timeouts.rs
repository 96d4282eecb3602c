//! A long poll takes longer than other requests may.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{AsyncSleep, Sleep};
use es_core::{MessageQueue as _, ReceiveOptions};
use es_sns_sqs::SqsQueues;

use crate::support::scene::{SECOND, Scene, queue};

/// What the SDK gives requests for their time; it never runs out.
#[derive(Debug, Clone, Default)]
struct Endless(Arc<Mutex<BTreeSet<Duration>>>);

impl AsyncSleep for Endless {
    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.lock().expect("a lock").insert(duration);
        Sleep::new(std::future::pending())
    }
}

impl Endless {
    /// Without the short naps that the SDK takes for its own purposes.
    fn take(&self) -> Vec<Duration> {
        let given = std::mem::take(&mut *self.0.lock().expect("a lock"));
        given.into_iter().filter(|duration| *duration >= SECOND).collect()
    }
}

#[tokio::test]
async fn a_receive_has_the_time_that_it_waits_on_top() {
    let scene = Scene::of_the_shop().await;
    let (given, billing) = (Endless::default(), queue("billing"));
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(10 * SECOND)
        .operation_timeout(30 * SECOND)
        .build();
    let config = scene.messaging.sqs().config().to_builder();
    let config = config.timeout_config(timeouts).sleep_impl(given.clone());
    let client = aws_sdk_sqs::Client::from_conf(config.build());
    let queues = SqsQueues::builder().name_prefix("p-").clock(scene.clock.clone());
    let queues = queues.with_client(client).expect("a valid prefix");
    queues.counts(&billing).await.expect("counts");
    assert_eq!(given.take(), [10 * SECOND, 30 * SECOND]);
    let long_poll = ReceiveOptions::up_to(1).wait(20 * SECOND);
    queues.receive(&billing, long_poll).await.expect("a queue that is there");
    assert_eq!(given.take(), [30 * SECOND, 50 * SECOND]);
    queues.receive(&billing, ReceiveOptions::up_to(1)).await.expect("a queue that is there");
    assert_eq!(given.take(), [10 * SECOND, 30 * SECOND]);
}
