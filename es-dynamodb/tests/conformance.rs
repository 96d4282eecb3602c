//! The DynamoDB backend keeps every contract, with the permissions that an application has.

mod support;

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryQueues;
use es_core::testing::conformance::{Holding, event_store as suite, holding};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_dynamodb::{DynamoOptions, DynamoStore, Heads, Role};
use support::Server;
use support::permissions::Permissions;

/// A store with tables of its own, on a server of its own, and nothing allowed but what the policy says.
async fn store_with(options: impl FnOnce(DynamoOptions) -> DynamoOptions) -> (DynamoStore, Server) {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let options = options(server.options(&prefix));
    server.store_with(options.clone()).await;
    // Views get their tables when they are prepared.
    let permissions = Permissions::new(&prefix, &Role::ALL).with_set_up();
    (permissions.store(&server, options), server)
}

/// One that takes heads as they come.
async fn trusting() -> Holding<DynamoStore, Server> {
    let (store, server) = store_with(|options| options).await;
    holding(store, server)
}

/// A time that is to come: what expires by it is not removed by a server that looks at the time of day.
const NOON: &str = "2126-03-01T12:00:00Z";

/// One on a clock that stands still.
async fn on_a_clock() -> Holding<(DynamoStore, Arc<VirtualClock>), Server> {
    let clock = Arc::new(VirtualClock::at(NOON));
    let (store, server) = store_with(|options| options.clock(clock.clone())).await;
    holding((store, clock), server)
}

/// Records of what was done with messages of queues in memory.
async fn beside_queues() -> Holding<(MemoryQueues, DynamoStore, Arc<VirtualClock>), Server> {
    let clock = Arc::new(VirtualClock::at(NOON));
    let (store, server) = store_with(|options| options.clock(clock.clone())).await;
    let queues = MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1)));
    holding((queues, store, clock), server)
}

/// One that looks at every head.
async fn checking() -> Holding<DynamoStore, Server> {
    let (store, server) = store_with(|options| options.heads(Heads::Checked)).await;
    holding(store, server)
}

/// One whose feed asks often, in a history of several segments.
async fn following() -> Holding<DynamoStore, Server> {
    let often = Duration::from_millis(2);
    let (store, server) = store_with(|options| options.poll_interval(often).scan_segments(3)).await;
    holding(store, server)
}

/// Rules that hold for checked heads only, and why a store that trusts heads does not keep them.
const FOR_CHECKED_HEADS: [(&str, &str); 9] = [
    ("a_head_conflicts_when_the_stream_does_not_exist", MADE_UP),
    ("a_head_past_the_end_conflicts", MADE_UP),
    ("a_version_inside_a_commit_is_not_a_head", MADE_UP),
    ("a_head_of_another_stream_conflicts", MADE_UP),
    ("a_conflict_writes_nothing", MADE_UP),
    ("a_conflict_says_where_the_stream_is", "the winner is at hand, where the stream ends is not"),
    ("a_random_history_is_as_in_a_model", "the winner is at hand, where the stream ends is not"),
    ("a_repeated_append_is_recognised_whatever_it_expects", OTHER_HEAD),
    ("a_commit_id_with_other_events_is_refused", OTHER_HEAD),
];
const MADE_UP: &str = "it hands in heads that no read gave";
const OTHER_HEAD: &str = "it appends again under another head than the first time";

#[tokio::test]
async fn a_store_that_trusts_heads_keeps_the_rules_about_heads_that_were_read() {
    for (name, _) in FOR_CHECKED_HEADS {
        suite::SUITE.rule(name);
    }
    let mut failures = Vec::new();
    for rule in suite::SUITE.rules() {
        if !FOR_CHECKED_HEADS.iter().any(|(name, _)| *name == rule.name()) {
            failures.extend(rule.check(trusting).await.err());
        }
    }
    assert_eq!(failures, [], "rules are broken");
}

mod event_store {
    es_core::event_store_conformance!(super::checking);
}

mod checkpoint_store {
    es_core::checkpoint_store_conformance!(super::trusting);
}

mod snapshot_store {
    es_core::snapshot_store_conformance!(super::trusting);
}

mod view_store {
    es_core::view_store_conformance!(super::trusting);
}

mod lease_store {
    es_core::lease_store_conformance!(super::trusting);
}

mod deadline_store {
    es_core::deadline_store_conformance!(super::trusting);
}

mod idempotency_store {
    es_core::idempotency_store_conformance!(super::on_a_clock);
}

mod queue_consumer {
    es_core::queue_consumer_conformance!(super::beside_queues);
}

mod feed {
    es_core::feed_conformance!(super::following);
}

mod archive {
    es_core::archive_conformance!(super::following);
}
