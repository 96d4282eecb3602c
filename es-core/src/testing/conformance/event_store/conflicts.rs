//! Heads are made up here with [`Head::from_stored`], as untrusted positions are when they come from
//! an import or an API: the contract holds for them as for those that were read.

use super::{Store, append, assert_stream, build, conflict};
use crate::event_store::Expected;
use crate::testing::conformance::sample::{commit, new_id, stream};
use crate::version::{Head, Version};

pub(super) async fn a_stream_that_exists_is_not_new(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[2]).await;
    for length in [1, 2, 3] {
        let outcome = store.append(&stream, Expected::NoStream, commit(length)).await;
        conflict(outcome, "a second first commit");
    }
    let commits =
        [commits, vec![append(&store, &stream, Expected::Any, &commit(1)).await]].concat();
    let outcome = store.append(&stream, Expected::NoStream, commit(1)).await;
    conflict(outcome, "a first commit of a longer stream");
    assert_stream(&store, &stream, &commits).await;
}

pub(super) async fn a_head_conflicts_when_the_stream_does_not_exist(store: Store) {
    let missing = stream("missing");
    let other = build(&store, &stream("other"), &[1, 2]).await;
    let zero = Head::from_stored(new_id(), Version::ZERO, Version::ZERO);
    for head in [other[0].head(), other[1].head(), zero] {
        let outcome = store.append(&missing, Expected::Head(head), commit(1)).await;
        let conflict = conflict(outcome, "a head of a stream that does not exist");
        assert_eq!(conflict.actual, None, "a stream that does not exist has no end");
    }
    assert_stream(&store, &missing, &[]).await;
}

pub(super) async fn a_head_that_is_behind_conflicts(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[1, 3, 2, 1]).await;
    for stale in &commits[..3] {
        for length in [1, 2, 4] {
            let outcome = store.append(&stream, Expected::Head(stale.head()), commit(length)).await;
            conflict(outcome, &format!("{length} events behind {}", stale.last_version()));
        }
    }
    assert_stream(&store, &stream, &commits).await;
}

pub(super) async fn a_head_past_the_end_conflicts(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[2, 1]).await;
    let heads = [
        (new_id(), 4, 4),
        (new_id(), 5, 9),
        (commits[1].id(), 4, 4),
        (commits[1].id(), 3, 4),
        (commits[1].id(), 3, 1_000_000),
    ];
    for (id, first, last) in heads {
        let head = Head::from_stored(id, Version::new(first), Version::new(last));
        let outcome = store.append(&stream, Expected::Head(head), commit(1)).await;
        let conflict = conflict(outcome, &format!("a head at {last}, past the end at 3"));
        assert_eq!(conflict.actual, Some(commits[1].head()));
    }
    assert_stream(&store, &stream, &commits).await;
}

pub(super) async fn a_version_inside_a_commit_is_not_a_head(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[1, 5]).await;
    for inside in 2..6 {
        for id in [commits[1].id(), commits[0].id(), new_id()] {
            let head = Head::from_stored(id, Version::new(2), Version::new(inside));
            let outcome = store.append(&stream, Expected::Head(head), commit(1)).await;
            conflict(outcome, &format!("a head at {inside}, inside the commit of 2 to 6"));
        }
    }
    assert_stream(&store, &stream, &commits).await;
}

pub(super) async fn a_head_of_another_stream_conflicts(store: Store) {
    let commits = build(&store, &stream("s"), &[2, 2]).await;
    let cases = [
        ("as long", vec![2, 2]),
        ("as long in other commits", vec![1, 3]),
        ("shorter", vec![2]),
        ("longer", vec![2, 2, 1]),
    ];
    for (case, lengths) in cases {
        let other = build(&store, &stream(case), &lengths).await;
        for foreign in other {
            let outcome =
                store.append(&stream("s"), Expected::Head(foreign.head()), commit(1)).await;
            let version = foreign.last_version();
            conflict(outcome, &format!("the head at {version} of another stream that is {case}"));
        }
    }
    assert_stream(&store, &stream("s"), &commits).await;
}

pub(super) async fn a_conflict_says_where_the_stream_is(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[2, 1, 3]).await;
    let made_up = Head::from_stored(new_id(), Version::new(1), Version::new(2));
    let cases = [
        (Expected::NoStream, Some(&commits[0])),
        (Expected::Head(commits[0].head()), Some(&commits[1])),
        (Expected::Head(commits[1].head()), Some(&commits[2])),
        (Expected::Head(made_up), None),
    ];
    for (expected, winner) in cases {
        let outcome = store.append(&stream, expected, commit(1)).await;
        let conflict = conflict(outcome, &format!("{expected:?}"));
        assert_eq!(conflict.stream, stream);
        assert_eq!(conflict.expected, expected);
        assert_eq!(conflict.actual, Some(commits[2].head()), "{expected:?}: the end");
        // A store need not have the winner at hand, but it must not name another.
        if let (Some(named), Some(winner)) = (&conflict.winner, winner) {
            assert_eq!(named, winner, "{expected:?}: the commit that took the place");
        }
    }
}

pub(super) async fn a_conflict_writes_nothing(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[2, 3]).await;
    let past = Head::from_stored(new_id(), Version::new(6), Version::new(6));
    let inside = Head::from_stored(new_id(), Version::new(3), Version::new(4));
    let expectations = [
        Expected::NoStream,
        Expected::Head(commits[0].head()),
        Expected::Head(past),
        Expected::Head(inside),
    ];
    for expected in expectations {
        let refused = commit(2);
        let outcome = store.append(&stream, expected, refused.clone()).await;
        conflict(outcome, &format!("{expected:?}"));
        let found = store.find(&stream, refused.id).await.expect("a commit can be sought");
        assert_eq!(found, None, "{expected:?}: the refused commit is there");
        assert_stream(&store, &stream, &commits).await;
    }
    append(&store, &stream, Expected::Head(commits[1].head()), &commit(1)).await;
}

pub(super) async fn a_refused_commit_can_be_appended_elsewhere_or_later(store: Store) {
    let (here, there) = (stream("here"), stream("there"));
    let commits = build(&store, &here, &[1, 1]).await;
    let refused = commit(2);
    conflict(store.append(&here, Expected::NoStream, refused.clone()).await, "a stale append");
    let elsewhere = append(&store, &there, Expected::NoStream, &refused).await;
    let later = append(&store, &here, Expected::Head(commits[1].head()), &refused).await;
    assert_stream(&store, &there, &[elsewhere]).await;
    assert_stream(&store, &here, &[commits, vec![later]].concat()).await;
}
