//! Consumers of queues that lose, repeat and shuffle, killed and started again, with the records of what they
//! handled on a server whose network fails as well.

use std::sync::Arc;

use es_core::memory::MemoryQueues;
use es_core::testing::queue_storm::{Calm, QueueStorm};
use es_core::testing::{SeededEntropy, VirtualClock};

use crate::support::Server;
use crate::support::faults::{Fault, Faults};

/// What requests about single items meet.
const PASSING: [Fault; 7] = [
    Fault::LostRequest,
    Fault::LostAnswer,
    Fault::LateRequest,
    Fault::Timeout,
    Fault::Throttled,
    Fault::InternalError,
    Fault::InternalErrorAfterwards,
];

/// A storm over queues in memory, with the records behind `faults`.
async fn storm(seed: u64, faults: &Faults, more: impl Fn(QueueStorm) -> QueueStorm) -> Calm {
    let server = Server::start().await;
    let clock = Arc::new(VirtualClock::at("2126-03-01T12:00:00Z"));
    let options = server.options(&Server::prefix()).clock(clock.clone());
    let records = Arc::new(server.store_with_behind(options, faults).await);
    let queues = MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(seed)));
    let storm = QueueStorm::new(seed, Arc::new(queues), records).in_virtual_time(clock);
    let calm = more(storm).run().await;
    assert_eq!((calm.handled, calm.dead_letters), (QueueStorm::GOOD, QueueStorm::BAD));
    calm
}

#[tokio::test]
async fn killed_consumers_repeat_only_what_they_could_not_record() {
    let mut repeated = 0;
    for seed in 0..2 {
        let calm = storm(seed, &Faults::none(), |storm| storm.kills(20)).await;
        assert_eq!(calm.kills, 20);
        repeated += calm.repeated;
    }
    assert!(repeated > 0, "nobody was killed between an effect and its record");
}

#[tokio::test]
async fn whatever_the_records_meet_every_message_has_its_effect() {
    for seed in 10..12 {
        let faults = Faults::seeded(seed).with_rates(&PASSING, 0.05);
        storm(seed, &faults, |storm| storm.kills(5).lossy_records()).await;
        storm(seed, &faults, |storm| storm.fifo().kills(5).lossy_records()).await;
        for fault in PASSING {
            assert!(faults.injected(fault) > 0, "{fault:?} was not there with seed {seed}");
        }
    }
}
