//! Consumers on queues that no test can hurry, behind a layer that repeats, shuffles and delays: the rules of
//! consumers, and the storms among them, in which it loses requests and answers as well. Records are in
//! memory.

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryIdempotency;
use es_core::testing::faults::{Fault, Faults, FaultyMessageQueue};
use es_core::testing::queue_storm::Time;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{Clock, SystemClock};
use es_sns_sqs::SqsQueues;

use crate::support::Server;
use crate::support::fake_messaging::FakeMessaging;

/// Queues of the server that the environment names, or of the one in memory, with records; and the time by
/// which both go.
async fn queues_and_records() -> (FaultyMessageQueue, MemoryIdempotency, Time) {
    match Server::named() {
        Some(server) => {
            let clock = Arc::new(SystemClock);
            let (queues, records) = on(&server, clock.clone(), misbehaving(clock));
            (queues, records, SystemClock.into())
        }
        None => {
            let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
            let server = Server::Fake(FakeMessaging::new(clock.clone(), 1));
            let (queues, records) = on(&server, clock.clone(), Faults::none());
            (queues, records, clock.into())
        }
    }
}

/// As standard queues of SQS may be, and local servers are not.
fn misbehaving(clock: Arc<dyn Clock>) -> Faults {
    let faults = [Fault::Duplicates, Fault::Reordering, Fault::Delay];
    let delay = Duration::from_millis(25);
    Faults::seeded(1).with_rates(&faults, 0.2).with_clock(clock).with_delay(delay)
}

fn on(
    server: &Server,
    clock: Arc<dyn Clock>,
    faults: Faults,
) -> (FaultyMessageQueue, MemoryIdempotency) {
    let queues = SqsQueues::builder().name_prefix(Server::name_prefix()).clock(clock.clone());
    let queues = queues.with_client(server.sqs()).expect("a valid prefix");
    let records = MemoryIdempotency::new(clock, Arc::new(SeededEntropy::new(1)));
    (FaultyMessageQueue::new(Arc::new(queues), faults), records)
}

mod queue_consumer {
    es_core::queue_consumer_conformance!(super::queues_and_records);
}
