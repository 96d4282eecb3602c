//! Deadlines come into being.

use std::slice::from_ref;
use std::sync::Arc;

use super::{Store, after_noon, all, deadline, due, noon, of, remove, set, sorted};
use crate::checkpoint_store::ConsumerId;
use crate::clock::Timestamp;
use crate::deadline_store::Deadline;
use crate::error::Error;
use crate::testing::conformance::checkpoint_store::consumer;
use crate::testing::conformance::concurrently::concurrently;
use crate::testing::conformance::sample::hostile_ids;

pub(super) async fn a_deadline_comes_back_as_it_was_set(store: Store) {
    assert_eq!(all(&store).await, [], "a fresh store");
    let ids = [0, 1, u128::MAX, u128::MAX / 2, 1 << 127, 0x0123_4567_89ab_cdef];
    let mut expected = Vec::new();
    for (instance, n) in hostile_ids().iter().zip(ids.into_iter().cycle()) {
        let deadline = deadline(instance, n, after_noon(n as i64 % 1_000_000));
        set(&store, from_ref(&deadline)).await;
        expected.push(deadline);
    }
    assert_eq!(all(&store).await, sorted(expected));
}

pub(super) async fn setting_again_changes_nothing(store: Store) {
    let pay = deadline("order-17", 7, noon());
    for _ in 0..3 {
        set(&store, from_ref(&pay)).await;
        assert_eq!(all(&store).await, from_ref(&pay));
    }
    set(&store, &[pay.clone(), pay.clone()]).await;
    assert_eq!(all(&store).await, [pay], "one that is there twice in one call");
}

pub(super) async fn another_time_is_another_deadline(store: Store) {
    let (first, second) = (deadline("i", 7, noon()), deadline("i", 7, after_noon(1)));
    set(&store, from_ref(&second)).await;
    set(&store, from_ref(&first)).await;
    assert_eq!(all(&store).await, [first.clone(), second.clone()]);
    assert_eq!(due(&store, first.process(), noon()).await, [first], "what is due at the first");
}

pub(super) async fn many_are_set_at_once(store: Store) {
    set(&store, &[]).await;
    assert_eq!(all(&store).await, [], "none");
    let deadline =
        |n: u128| deadline(&format!("order-{n}"), n * 7919, after_noon((n * 31 % 97) as i64));
    let mut many: Vec<_> = (0..300).map(deadline).collect();
    // One that is set, one that comes twice, and one of another process.
    set(&store, &many[..1]).await;
    many.push(many[40].clone());
    many.push(of("q", "order-1", 1, noon()));
    set(&store, &many).await;
    many.truncate(300);
    assert_eq!(all(&store).await, sorted(many));
    assert_eq!(due(&store, &consumer("q"), noon()).await.len(), 1, "that of the other process");
}

pub(super) async fn deadlines_of_processes_are_kept_apart(store: Store) {
    let names: Vec<_> = hostile_ids().into_iter().filter(|id| id.len() <= 100).collect();
    for (n, name) in names.iter().enumerate() {
        let micros = i64::try_from(names.len() - n).expect("there are not so many");
        set(&store, &[of(name, "i", n as u128, after_noon(micros))]).await;
    }
    for (n, name) in names.iter().enumerate() {
        let found = due(&store, &consumer(name), Timestamp::MAX).await;
        let micros = i64::try_from(names.len() - n).expect("there are not so many");
        assert_eq!(found, [of(name, "i", n as u128, after_noon(micros))], "those of {name:?}");
        let next = super::next(&store, &consumer(name)).await;
        assert_eq!(next, Some(after_noon(micros)), "the next of {name:?}");
    }
}

pub(super) async fn deadlines_of_instances_are_kept_apart(store: Store) {
    // The same id at the same time: only the instances differ.
    let one = |instance: &String| deadline(instance, 7, noon());
    let deadlines: Vec<_> = hostile_ids().iter().map(one).collect();
    set(&store, &deadlines).await;
    assert_eq!(all(&store).await, sorted(deadlines));
}

pub(super) async fn any_owner_and_name_comes_back_as_it_was_or_is_refused(store: Store) {
    let mut texts = hostile_ids();
    texts.extend(
        ["deadlines#00#p", "a#b#c", "#", "##", "p#00", "a\u{7f}", "\u{feff}a"].map(str::to_owned),
    );
    let too_much = ["", " ", " a", "a ", "a\nb", "a\0b", "a\u{1}", "a\u{85}b", "\u{ffff}"];
    texts.extend(too_much.map(str::to_owned));
    texts.extend([201, 1_025, 2_049, 100_000].map(|length| "x".repeat(length)));
    let (mut kept, mut refused) = (0, 0);
    for (owner, name) in texts.iter().flat_map(|text| [(text.as_str(), "i"), ("p", text.as_str())])
    {
        let made = ConsumerId::new(owner)
            .and_then(|owner| Deadline::new(owner, name, super::id(7), noon()));
        match made {
            Ok(deadline) => {
                set(&store, from_ref(&deadline)).await;
                let found = due(&store, deadline.process(), noon()).await;
                assert!(found.contains(&deadline), "{owner:?} and {name:?} came back as {found:?}");
                assert_eq!((deadline.process().as_str(), deadline.instance()), (owner, name));
                remove(&store, from_ref(&deadline)).await;
                let left = due(&store, deadline.process(), noon()).await;
                assert_eq!(left, [], "{owner:?} and {name:?} were removed");
                kept += 1;
            }
            Err(Error::InvalidId { .. }) => refused += 1,
            Err(error) => panic!("{owner:?} and {name:?} were refused by another error: {error}"),
        }
    }
    assert!(kept > 100 && refused > 20, "{kept} were kept and {refused} refused");
}

pub(super) async fn deadlines_that_are_set_at_the_same_time_are_all_there(store: Store) {
    let shared = deadline("shared", 0, noon());
    let of_writer = |writer: u128| (0..20).map(move |n| deadline("i", writer * 100 + n, noon()));
    let set = concurrently((0..8).map(|writer| {
        let store = Arc::clone(&store);
        let mut own: Vec<_> = of_writer(writer).collect();
        own.push(shared.clone());
        async move { store.set(&own).await }
    }))
    .await;
    for outcome in set {
        assert!(outcome.is_ok(), "one of eight could not set its deadlines: {outcome:?}");
    }
    let expected = (0..8).flat_map(of_writer).chain([shared]);
    assert_eq!(all(&store).await, sorted(expected));
}
