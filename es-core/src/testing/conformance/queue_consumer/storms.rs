//! Everything at once.

use super::*;
use crate::testing::queue_storm::{Calm, QueueStorm};

/// A seed, and what kind of storm comes of it.
type Seeded = (u64, fn(QueueStorm) -> QueueStorm);

async fn come_through(s: &QueuesRecordsAndClock, storms: [Seeded; 2]) {
    let run = |(seed, more): Seeded| {
        let storm = QueueStorm::new(seed, s.queues.clone(), s.records.clone());
        more(storm.in_time(s.time.clone())).run()
    };
    for Calm { handled, dead_letters, faults, .. } in s.time.all(storms.map(run)).await {
        assert_eq!((handled, dead_letters), (QueueStorm::GOOD, QueueStorm::BAD));
        assert!(faults > 0, "there was no storm");
    }
}

pub(super) async fn when_the_faults_stop_all_is_handled_in_bounded_time(s: QueuesRecordsAndClock) {
    come_through(&s, [(1, |storm| storm), (2, |storm| storm.kills(8).clock_jumps())]).await;
}

pub(super) async fn when_the_faults_stop_all_groups_are_handled_in_order_in_bounded_time(
    s: QueuesRecordsAndClock,
) {
    come_through(&s, [(3, QueueStorm::fifo), (4, |storm| storm.fifo().kills(8))]).await;
}
