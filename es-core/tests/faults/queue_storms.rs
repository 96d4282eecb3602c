//! Consumers of queues in memory, under storms.

use std::sync::Arc;

use es_core::memory::{MemoryIdempotency, MemoryQueues};
use es_core::testing::faults::Fault;
use es_core::testing::queue_storm::{Calm, QueueStorm};
use es_core::testing::{SeededEntropy, VirtualClock};

fn storm(seed: u64) -> QueueStorm {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let entropy = Arc::new(SeededEntropy::new(seed));
    let queues = Arc::new(MemoryQueues::new(clock.clone(), entropy.clone()));
    let records = Arc::new(MemoryIdempotency::new(clock.clone(), entropy));
    QueueStorm::new(seed, queues, records).in_virtual_time(clock)
}

/// Runs a storm for each seed, and adds up what they came to.
async fn storms(seeds: std::ops::Range<u64>, storm: impl Fn(u64) -> QueueStorm) -> Vec<Calm> {
    let mut calms = Vec::new();
    for seed in seeds {
        let calm = storm(seed).run().await;
        assert_eq!((calm.handled, calm.dead_letters), (QueueStorm::GOOD, QueueStorm::BAD));
        calms.push(calm);
    }
    assert!(calms.iter().all(|calm| calm.faults > 0), "there was no storm");
    calms
}

#[tokio::test]
async fn whatever_the_queue_loses_repeats_and_shuffles_each_message_has_its_effect_once() {
    let calms = storms(0..8, storm).await;
    assert!(calms.iter().all(|calm| calm.repeated == 0));
}

#[tokio::test]
async fn groups_keep_their_order_under_faults_and_kills() {
    storms(20..26, |seed| storm(seed).fifo().kills(8)).await;
}

#[tokio::test]
async fn killed_consumers_lose_nothing_and_repeat_only_what_they_could_not_record() {
    let calms = storms(40..46, |seed| storm(seed).kills(20)).await;
    assert!(calms.iter().all(|calm| calm.kills == 20));
    let repeated: u64 = calms.iter().map(|calm| calm.repeated).sum();
    assert!(repeated > 0, "nobody was killed between an effect and its record");
}

#[tokio::test]
async fn with_records_that_lose_requests_too_every_message_has_its_effect() {
    storms(60..64, |seed| storm(seed).kills(5).lossy_records()).await;
    storms(64..67, |seed| storm(seed).fifo().lossy_records()).await;
}

#[tokio::test]
async fn wall_clocks_that_jump_decide_nothing() {
    let calms = storms(80..84, |seed| storm(seed).clock_jumps()).await;
    assert!(calms.iter().all(|calm| calm.repeated == 0));
    storms(84..87, |seed| storm(seed).fifo().clock_jumps().kills(8)).await;
}

#[tokio::test]
async fn a_queue_that_mostly_fails_is_worked_off_when_it_recovers() {
    let hard = [Fault::LostRequest, Fault::LostAcknowledgement, Fault::Throttling];
    storms(100..103, |seed| storm(seed).faults(&hard, 0.4).kills(4)).await;
}
