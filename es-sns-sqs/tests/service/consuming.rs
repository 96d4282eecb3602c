//! Consumers on queues that lose, repeat, shuffle and delay, and that no test can hurry: the rules of
//! consumers and their storms, with records in memory.

use std::sync::Arc;

use es_core::memory::MemoryIdempotency;
use es_core::testing::queue_storm::Time;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{Clock, SystemClock};
use es_sns_sqs::SqsQueues;

use crate::support::Server;
use crate::support::fake_messaging::FakeMessaging;

/// Queues that no other test has, records, and the time by which both go: that of the server that the
/// environment names, or virtual time on the one in memory.
async fn queues_and_records() -> (SqsQueues, MemoryIdempotency, Time) {
    let virtual_clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let in_memory = || Server::Fake(FakeMessaging::new(virtual_clock.clone(), 1));
    let server = Server::named().unwrap_or_else(in_memory);
    let (clock, time): (Arc<dyn Clock>, Time) = match server {
        Server::Fake(_) => (virtual_clock.clone(), virtual_clock.into()),
        Server::Named(_) => (Arc::new(SystemClock), SystemClock.into()),
    };
    let queues = SqsQueues::builder().name_prefix(Server::name_prefix()).clock(clock.clone());
    let queues = queues.with_client(server.sqs()).expect("a valid prefix");
    let records = MemoryIdempotency::new(clock, Arc::new(SeededEntropy::new(1)));
    (queues, records, time)
}

mod queue_consumer {
    es_core::queue_consumer_conformance!(super::queues_and_records);
}
