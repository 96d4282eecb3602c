//! Everything at once.

use super::*;
use crate::testing::queue_storm::{Calm, QueueStorm};

async fn storm(s: &QueuesRecordsAndClock, seed: u64, more: impl Fn(QueueStorm) -> QueueStorm) {
    let storm = QueueStorm::new(seed, s.queues.clone(), s.records.clone());
    // The records are those of the storm before: another name for each message would do, and so does a
    // clock by which they have expired.
    s.clock.advance(60 * A_DAY);
    let Calm { handled, dead_letters, faults, .. } =
        more(storm.in_virtual_time(s.clock.clone())).run().await;
    assert_eq!((handled, dead_letters), (QueueStorm::GOOD, QueueStorm::BAD), "seed {seed}");
    assert!(faults > 0, "there was no storm with seed {seed}");
}

pub(super) async fn when_the_faults_stop_all_is_handled_in_bounded_time(s: QueuesRecordsAndClock) {
    storm(&s, 1, |storm| storm).await;
    storm(&s, 2, |storm| storm.kills(8).clock_jumps()).await;
}

pub(super) async fn when_the_faults_stop_all_groups_are_handled_in_order_in_bounded_time(
    s: QueuesRecordsAndClock,
) {
    storm(&s, 3, |storm| storm.fifo()).await;
    storm(&s, 4, |storm| storm.fifo().kills(8)).await;
}
