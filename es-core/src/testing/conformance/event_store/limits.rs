use super::{Store, append, assert_stream, build};
use crate::commit::NewCommit;
use crate::error::Error;
use crate::event_store::Expected;
use crate::testing::conformance::sample::{Fact, commit_of, commit_of_bytes, encode, stream};

/// The highest limit on the events of a commit that the rules try to reach.
pub const MAX_TESTABLE_EVENTS: usize = 100_000;

/// The highest limit on the bytes of a commit that the rules try to reach.
pub const MAX_TESTABLE_BYTES: usize = 64 << 20;

/// A commit with this difference to as many events as the store takes.
fn events_at_limit(store: &Store, more: usize) -> NewCommit {
    let limits = store.limits();
    assert!(limits.max_events <= MAX_TESTABLE_EVENTS, "test a store with a lower limit on events");
    let commit = commit_of(encode(&vec![Fact::Nothing; limits.max_events + more]));
    assert!(
        commit.stored_len() <= limits.max_bytes,
        "test a store that takes {} small events in its {} bytes",
        limits.max_events,
        limits.max_bytes
    );
    commit
}

fn bytes_at_limit(store: &Store, more: usize) -> NewCommit {
    let max_bytes = store.limits().max_bytes;
    assert!(max_bytes <= MAX_TESTABLE_BYTES, "test a store with a lower limit on bytes");
    commit_of_bytes(max_bytes + more)
}

/// Takes the commit as a first one and as a later one.
async fn taken(store: Store, make: fn(&Store, usize) -> NewCommit) {
    let first = append(&store, &stream("s"), Expected::NoStream, &make(&store, 0)).await;
    let second = append(&store, &stream("s"), Expected::Any, &make(&store, 0)).await;
    assert_stream(&store, &stream("s"), &[first, second]).await;
}

/// Refuses the commit everywhere, before anything is written.
async fn refused(store: Store, make: fn(&Store, usize) -> NewCommit, actual: usize, limit: usize) {
    let existing = build(&store, &stream("existing"), &[1]).await;
    let cases = [
        (stream("new"), Expected::NoStream),
        (stream("new"), Expected::Any),
        (stream("existing"), Expected::Any),
        (stream("existing"), Expected::Head(existing[0].head())),
    ];
    for (stream, expected) in cases {
        match store.append(&stream, expected, make(&store, 1)).await {
            Err(Error::LimitExceeded { stream: named, actual: said, limit: bound, .. }) => {
                assert_eq!(named, stream);
                assert_eq!((said, bound), (actual as u64, limit as u64), "actual and limit");
            }
            Err(error) => panic!("a commit over the limit met {error:?}"),
            Ok(_) => panic!("a commit of {actual} over the limit of {limit} was taken"),
        }
    }
    assert_stream(&store, &stream("new"), &[]).await;
    assert_stream(&store, &stream("existing"), &existing).await;
}

pub(super) async fn a_commit_of_as_many_events_as_the_limit_is_taken(store: Store) {
    taken(store, events_at_limit).await;
}

pub(super) async fn a_commit_of_one_event_too_many_is_refused(store: Store) {
    let limit = store.limits().max_events;
    refused(store, events_at_limit, limit + 1, limit).await;
}

pub(super) async fn a_commit_of_as_many_bytes_as_the_limit_is_taken(store: Store) {
    taken(store, bytes_at_limit).await;
}

pub(super) async fn a_commit_of_one_byte_too_many_is_refused(store: Store) {
    let limit = store.limits().max_bytes;
    refused(store, bytes_at_limit, limit + 1, limit).await;
}
