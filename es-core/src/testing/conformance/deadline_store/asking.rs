//! What is due, and what is next.

use std::slice::from_ref;
use std::time::Duration;

use super::{
    MICROSECOND, Store, after_noon, all, deadline, due, next, noon, page, process, remove, set,
    sorted, time,
};
use crate::clock::Timestamp;
use crate::deadline_store::{Deadline, DuePage, DueQuery};

pub(super) async fn a_deadline_is_due_from_its_time_on(store: Store) {
    let pay = deadline("order-17", 7, noon());
    set(&store, from_ref(&pay)).await;
    for early in [after_noon(-1), time("2026-02-28T12:00:00Z"), Timestamp::MIN] {
        assert_eq!(due(&store, &process(), early).await, [], "before its time, at {early}");
    }
    for late in [noon(), after_noon(1), time("2027-01-01T00:00:00Z"), Timestamp::MAX] {
        assert_eq!(due(&store, &process(), late).await, from_ref(&pay), "at {late}");
    }
}

pub(super) async fn times_from_the_far_past_to_the_far_future_work(store: Store) {
    let times = [
        Timestamp::MIN,
        time("-009999-12-31T00:00:00Z"),
        time("-000001-06-15T12:00:00Z"),
        time("0000-01-01T00:00:00Z"),
        time("1969-12-31T23:59:59.999999Z"),
        Timestamp::UNIX_EPOCH,
        time("1970-01-01T00:00:00.000001Z"),
        time("2001-09-09T01:46:39.999999Z"),
        time("2001-09-09T01:46:40Z"),
        noon(),
        time("2286-11-20T17:46:40Z"),
        time("9999-12-30T22:00:00.999998Z"),
        Timestamp::MAX,
    ];
    let deadlines: Vec<Deadline> =
        times.into_iter().map(|due| deadline("i", 7, due)).rev().collect();
    set(&store, &deadlines).await;
    let deadlines = sorted(deadlines);
    assert_eq!(all(&store).await, deadlines);
    for (n, deadline) in deadlines.iter().enumerate() {
        let found = due(&store, &process(), deadline.due()).await;
        assert_eq!(found, deadlines[..=n], "until {}", deadline.due());
    }
    for deadline in &deadlines {
        assert_eq!(next(&store, &process()).await, Some(deadline.due()));
        remove(&store, from_ref(deadline)).await;
    }
    assert_eq!(all(&store).await, []);
}

pub(super) async fn a_deadline_that_never_comes_is_kept_and_hides_no_other_one(store: Store) {
    // What is asked for is no time: the last one that there is stands for it.
    let never = noon().saturating_add(Duration::MAX).unwrap_or(Timestamp::MAX);
    let (never, soon) = (deadline("a", 0, never), deadline("z", 9, after_noon(1)));
    assert!(never.due() > time("9999-12-30T00:00:00Z"), "{never:?}");
    set(&store, from_ref(&never)).await;
    assert_eq!(next(&store, &process()).await, Some(never.due()));
    set(&store, from_ref(&soon)).await;
    assert_eq!(next(&store, &process()).await, Some(soon.due()));
    assert_eq!(due(&store, &process(), after_noon(1)).await, from_ref(&soon));
    assert_eq!(all(&store).await, [soon.clone(), never.clone()]);
    // The page behind the first one.
    let behind = DueQuery::new(process(), Timestamp::MAX).after(soon.clone()).limit(1);
    assert_eq!(page(&store, &behind).await.deadlines, from_ref(&never));
    let behind = behind.after(never.clone());
    assert_eq!(page(&store, &behind).await, DuePage::new(Vec::new(), false));
    remove(&store, &[never, soon]).await;
    assert_eq!(all(&store).await, []);
}

pub(super) async fn times_are_kept_to_the_microsecond(store: Store) {
    let fine = time("2026-03-01T12:00:00.000001999Z");
    let pay = deadline("order-17", 7, fine);
    set(&store, from_ref(&pay)).await;
    let kept = noon().saturating_add(MICROSECOND).expect("in the range of times");
    assert_eq!(next(&store, &process()).await, Some(kept), "the time that was kept");
    assert_eq!(due(&store, &process(), kept).await, from_ref(&pay));
    let early = time("2026-03-01T12:00:00.000000999Z");
    assert_eq!(due(&store, &process(), early).await, [], "the microsecond before");
    // The same to the microsecond is the same deadline.
    remove(&store, &[deadline("order-17", 7, kept)]).await;
    assert_eq!(all(&store).await, []);
}

pub(super) async fn the_next_is_the_earliest(store: Store) {
    assert_eq!(next(&store, &process()).await, None, "a fresh store");
    let mut earliest = i64::MAX;
    let offsets = [50, 70, 40, 40, 60, -3, 0, -4_000_000_000_000, 5];
    let mut deadlines = Vec::new();
    for (n, offset) in (0..).zip(offsets) {
        let deadline = deadline(&format!("order-{n}"), n, after_noon(offset));
        set(&store, from_ref(&deadline)).await;
        deadlines.push(deadline);
        earliest = earliest.min(offset);
        assert_eq!(next(&store, &process()).await, Some(after_noon(earliest)));
    }
    for deadline in sorted(deadlines) {
        assert_eq!(next(&store, &process()).await, Some(deadline.due()));
        remove(&store, &[deadline]).await;
    }
    assert_eq!(next(&store, &process()).await, None, "when all are removed");
}
