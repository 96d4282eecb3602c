//! The suites find what they are for: every store here is broken in one way, as stores in the field
//! are or have been, and the rule that names the fault fails.

use std::fmt::Debug;
use std::future::ready;
use std::time::Duration;

use es_core::testing::conformance::{Fixture, Suite};
use tokio::sync::Notify;
use tokio::time::timeout;

mod archives;
mod checkpoint_stores;
mod deadline_stores;
mod ending_feeds;
mod event_stores;
mod feeds;
mod idempotency_stores;
mod lease_stores;
mod message_queues;
mod read_side;
mod snapshot_stores;
mod topics;
mod view_stores;

/// Panics unless each of the rules fails on the store, with a message that has this text in it.
async fn assert_breaks<T: 'static, S>(
    suite: &Suite<T>,
    make: impl Fn() -> S,
    rules: &[(&str, &str)],
) where
    S: Into<Fixture<T>> + Debug,
{
    for (rule, expected) in rules {
        match suite.rule(rule).check(|| ready(make())).await {
            Ok(()) => panic!("{:?} keeps {rule}", make()),
            Err(failure) => {
                assert_eq!(failure.rule, *rule);
                assert!(
                    failure.message.contains(expected),
                    "{rule} fails with {:?}, not with {expected:?}",
                    failure.message
                );
            }
        }
    }
}

/// Panics unless the store keeps these rules: the fault is where it was put, and only there.
async fn assert_keeps<T: 'static, S>(suite: &Suite<T>, make: impl Fn() -> S, rules: &[&str])
where
    S: Into<Fixture<T>> + Debug,
{
    for rule in rules {
        if let Err(failure) = suite.rule(rule).check(|| ready(make())).await {
            panic!("{:?} breaks {failure}", make());
        }
    }
}

/// The moment between two steps that should be one. Who is in it stays until somebody else passes by,
/// so that rules about races meet the fault; alone, it stays a moment only.
#[derive(Debug, Default)]
struct Window(Notify);

impl Window {
    async fn stay(&self) {
        let _ = timeout(Duration::from_millis(20), self.0.notified()).await;
    }

    fn pass(&self) {
        self.0.notify_waiters();
    }
}
