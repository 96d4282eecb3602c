//! Wrapped queues and topics keep the promises of those that they wrap.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;

use es_claim_check::{CheckedQueues, CheckedTopics, ClaimCheck};
use es_core::memory::MemoryQueues;
use es_core::testing::conformance;
use es_core::testing::{SeededEntropy, VirtualClock};
use object_store::memory::InMemory;

type Wrapped = (CheckedQueues, Arc<VirtualClock>);

fn wrapped(larger_than: usize) -> Wrapped {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let queues = MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1)));
    let check = ClaimCheck::new(Arc::new(InMemory::new()), "bodies").larger_than(larger_than);
    (check.queues(Arc::new(queues)), clock)
}

mod small_messages {
    es_core::message_queue_conformance!(|| async { super::wrapped(usize::MAX) });
}

/// What is too large for the queue is what the claim check is for, so it is taken; and a pointer takes
/// the place of an attribute and of a body that XML cannot carry.
const ABOUT_LIMITS: [&str; 2] = [
    "a_message_that_is_not_valid_is_refused_and_not_sent",
    "of_a_batch_each_message_is_sent_or_refused_for_itself",
];

#[tokio::test]
async fn messages_of_which_each_has_a_claim_check_keep_the_rules_that_are_not_about_limits() {
    let suite = &conformance::message_queue::SUITE;
    for rule in suite.rules().iter().filter(|rule| !ABOUT_LIMITS.contains(&rule.name())) {
        rule.hold(|| async { wrapped(0) }).await;
    }
}

fn topics(larger_than: usize) -> (CheckedTopics, CheckedQueues, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let plain = Arc::new(MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1))));
    let check = ClaimCheck::new(Arc::new(InMemory::new()), "bodies").larger_than(larger_than);
    (check.topics(plain.clone()), check.queues(plain), clock)
}

mod topics_of_small_messages {
    es_core::topic_conformance!(|| async { super::topics(usize::MAX) });
}

#[tokio::test]
async fn topics_of_messages_with_claim_checks_keep_the_rules_that_are_not_about_limits() {
    let suite = &conformance::topic::SUITE;
    let about_limits = "of_a_batch_each_message_is_published_or_refused_for_itself";
    assert_eq!(suite.rule(about_limits).name(), about_limits);
    for rule in suite.rules().iter().filter(|rule| rule.name() != about_limits) {
        rule.hold(|| async { topics(0) }).await;
    }
}
