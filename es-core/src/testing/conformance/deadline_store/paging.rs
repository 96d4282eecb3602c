//! What is due comes in pages, the earliest first.

use std::collections::BTreeMap;

use super::{Store, after_noon, all, deadline, noon, page, process, remove, set, sorted};
use crate::clock::Timestamp;
use crate::deadline_store::{Deadline, DuePage, DueQuery};
use crate::testing::conformance::sample::{Seed, hostile_ids};

/// So many deadlines, of which several have the same time, and several the same id; in random order.
fn many(count: u128, rng: &mut fastrand::Rng) -> Vec<Deadline> {
    let mut deadlines: Vec<Deadline> = (0..count)
        .map(|n| {
            let due = after_noon(rng.i64(0..20) * 1_000_000);
            deadline(&format!("order-{n}"), rng.u128(..40), due)
        })
        .collect();
    rng.shuffle(&mut deadlines);
    deadlines
}

pub(super) async fn the_earliest_come_first(store: Store) {
    let mut deadlines = many(200, &mut Seed::new(1).rng());
    // Of the same time and id, the instances decide.
    deadlines.extend(hostile_ids().iter().map(|instance| deadline(instance, 7, noon())));
    for some in deadlines.chunks(50) {
        set(&store, some).await;
    }
    assert_eq!(all(&store).await, sorted(deadlines));
}

pub(super) async fn pages_follow_each_other(store: Store) {
    let deadlines = many(210, &mut Seed::new(2).rng());
    set(&store, &deadlines).await;
    let until = after_noon(12_000_000);
    let mut due = sorted(deadlines);
    due.retain(|deadline| deadline.due() <= until);
    let halves = [due.len() / 2, due.len().div_ceil(2)];
    for limit in [10, 33, halves[0], halves[1], due.len() - 1, due.len(), due.len() + 1] {
        let mut query = DueQuery::new(process(), until).limit(limit);
        for (n, expected) in due.chunks(limit).enumerate() {
            let DuePage { deadlines, more } = page(&store, &query).await;
            let case = format!("page {n} of {limit} each");
            assert_eq!(deadlines, expected, "{case}");
            let is_last = (n + 1) * limit >= due.len();
            assert_eq!(more, !is_last, "{case}: whether there are more");
            query = query.after(expected[expected.len() - 1].clone());
        }
        let behind = page(&store, &query).await;
        assert_eq!(behind, DuePage { deadlines: Vec::new(), more: false }, "behind the last");
    }
}

pub(super) async fn a_page_goes_on_behind_a_deadline_that_is_gone(store: Store) {
    let deadlines = many(60, &mut Seed::new(3).rng());
    set(&store, &deadlines).await;
    let mut left = sorted(deadlines);
    let mut query = DueQuery::new(process(), Timestamp::MAX).limit(7);
    while !left.is_empty() {
        let expected: Vec<_> = left.drain(..left.len().min(7)).collect();
        let DuePage { deadlines, more } = page(&store, &query).await;
        assert_eq!((&deadlines, more), (&expected, !left.is_empty()));
        remove(&store, &deadlines).await;
        query = query.after(expected[expected.len() - 1].clone());
    }
    // What never was is a place like any other.
    let [first, second] = [deadline("i", 1, noon()), deadline("i", 3, noon())];
    set(&store, &[first, second.clone()]).await;
    let query = DueQuery::new(process(), Timestamp::MAX).after(deadline("i", 2, noon()));
    assert_eq!(page(&store, &query).await.deadlines, [second]);
}

pub(super) async fn what_is_set_throughout_is_in_one_of_the_pages(store: Store) {
    let mut rng = Seed::new(4).rng();
    let (stays, comes_and_goes) = (many(120, &mut rng), many(240, &mut rng));
    let stays: Vec<_> = (1_000..)
        .zip(stays)
        .map(|(n, other)| deadline(&format!("stays-{n}"), 7, other.due()))
        .collect();
    set(&store, &stays).await;
    set(&store, &comes_and_goes[..120]).await;
    let mut seen: BTreeMap<Deadline, usize> = BTreeMap::new();
    let mut query = DueQuery::new(process(), Timestamp::MAX).limit(9);
    loop {
        let DuePage { deadlines, more } = page(&store, &query).await;
        for deadline in &deadlines {
            *seen.entry(deadline.clone()).or_default() += 1;
        }
        let Some(last) = deadlines.last().filter(|_| more) else { break };
        query = query.after(last.clone());
        let any = rng.usize(..230);
        set(&store, &comes_and_goes[any..any + 10]).await;
        let any = rng.usize(..230);
        remove(&store, &comes_and_goes[any..any + 10]).await;
    }
    for deadline in &stays {
        assert_eq!(seen.get(deadline), Some(&1), "how often {deadline:?} was in a page");
    }
    let twice = seen.iter().find(|(_, times)| **times > 1);
    assert_eq!(twice, None, "a deadline in more than one page");
}
