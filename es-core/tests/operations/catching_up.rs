//! Progress reports.

use std::sync::Arc;
use std::time::Duration;

use es_core::CatchUp;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;

use crate::moody::{Mood, append_to, credit, projection};
use crate::support::credited;

#[test]
fn a_report_has_a_rate_and_an_estimate() {
    let report = |passed, remaining, seconds| CatchUp {
        applied: 7,
        parked: 1,
        passed,
        remaining,
        elapsed: Duration::from_secs(seconds),
    };
    assert_eq!(report(100, Some(300), 2).rate(), Some(50.0));
    assert_eq!(report(100, Some(300), 2).time_left(), Some(Duration::from_secs(6)));
    assert_eq!(report(100, None, 2).time_left(), None, "the feed cannot tell");
    assert_eq!(report(100, Some(300), 0).rate(), None, "no time has passed");
    let stuck =
        CatchUp { remaining: Some(5), elapsed: Duration::from_secs(1), ..CatchUp::default() };
    assert_eq!(stuck.time_left(), None, "nothing was done");
    let endless = CatchUp { remaining: Some(u64::MAX), ..report(10, None, u64::MAX) };
    assert_eq!(endless.time_left(), None, "longer than a duration can be");
}

#[tokio::test]
async fn reports_come_after_each_step_and_add_up() {
    let store = MemoryStore::new();
    for n in 0..10 {
        credit(&store, &format!("a-{}", n % 3), if n == 4 { 13 } else { 1 }).await;
    }
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let moody =
        projection(&store, &Mood::refusing(&[13])).with_batch_size(4).with_clock(clock.clone());
    let mut reports = Vec::new();
    let report = |step: CatchUp| {
        clock.advance(Duration::from_secs(1));
        assert_eq!(step.passed, step.applied + step.parked);
        reports.push((step.applied, step.parked, step.remaining, step.elapsed.as_secs()));
    };
    moody.catch_up_with(report).await.unwrap();
    assert_eq!(reports, [(4, 0, Some(6), 0), (6, 2, Some(2), 1), (8, 2, Some(0), 2)]);
}

#[tokio::test]
async fn the_rate_counts_what_is_passed_as_what_is_left_does() {
    let store = MemoryStore::new();
    for n in 0..9 {
        let stream = es_core::StreamId::new(["other", "account"][n % 2], "a").unwrap();
        append_to(&store, &stream, &[credited(1)]).await;
    }
    let moody = projection(&store, &Mood::refusing(&[])).with_batch_size(4);
    let mut reports = Vec::new();
    let report = |step: CatchUp| reports.push((step.applied, step.passed, step.remaining));
    moody.catch_up_with(report).await.unwrap();
    assert_eq!(reports, [(2, 4, Some(5)), (4, 8, Some(1)), (4, 9, Some(0))]);
}
