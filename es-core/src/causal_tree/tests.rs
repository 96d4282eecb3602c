use es_derive::Event;

use super::*;
use crate::clock::Timestamp;
use crate::codec::Codec;
use crate::commit::{CommitId, NewCommit};
use crate::encoded_events::EncodedEvents;
use crate::event_store::Expected;
use crate::memory::MemoryStore;
use crate::metadata::Metadata;
use crate::stream_id::StreamId;
use crate::version::Version;

#[derive(Debug, Event)]
#[event(prefix = "Thing")]
enum ThingEvent {
    Happened,
}

fn id(n: u8) -> CommitId {
    CommitId::from_bytes([n; 16])
}

/// The `n`-th commit, in a stream of its own, `second` seconds after the beginning.
fn commit(n: u8, cause: Option<u8>, correlation: Option<&str>, second: i64) -> NewCommit {
    let mut metadata = Metadata::new();
    metadata.causation_id = cause.map(|cause| id(cause).to_string());
    metadata.correlation_id = correlation.map(str::to_owned);
    let at = Timestamp::from_second(second).unwrap();
    let events =
        EncodedEvents::encode(&[ThingEvent::Happened], Codec::Json, Default::default(), 0).unwrap();
    NewCommit::new(id(n), at, metadata.encode().unwrap(), events)
}

fn stream(n: u8) -> StreamId {
    StreamId::new("thing", &format!("t-{n}")).unwrap()
}

/// The tree of commits, each said by its number, cause and time: numbers and depths.
fn tree(commits: &[(u8, Option<u8>, i64)]) -> Vec<(u8, usize)> {
    let placed = commits.iter().map(|&(n, cause, second)| {
        commit(n, cause, None, second).place(stream(n), Version::new(1))
    });
    shape(&CausalTree::of(placed).unwrap())
}

fn shape(tree: &CausalTree) -> Vec<(u8, usize)> {
    tree.nodes().iter().map(|node| (node.commit.id().as_bytes()[0], node.depth)).collect()
}

#[test]
fn effects_stand_behind_their_causes_in_the_order_of_their_times() {
    let commits =
        [(1, None, 1), (2, Some(1), 2), (3, Some(1), 3), (4, Some(2), 4), (5, Some(3), 5)];
    let expected = [(1, 0), (2, 1), (4, 2), (3, 1), (5, 2)];
    assert_eq!(tree(&commits), expected);
    let mut backwards = commits;
    backwards.reverse();
    assert_eq!(tree(&backwards), expected, "in whatever order they come");
    assert_eq!(tree(&[commits, backwards].concat()), expected, "however often");
}

#[test]
fn a_clock_that_is_behind_puts_no_effect_before_its_cause() {
    assert_eq!(tree(&[(1, None, 9), (2, Some(1), 5), (3, Some(2), 1)]), [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn what_was_caused_by_something_else_begins_a_tree_of_its_own() {
    assert_eq!(tree(&[(1, Some(9), 1), (2, None, 2), (3, Some(1), 3)]), [(1, 0), (3, 1), (2, 0)]);
}

#[test]
fn nothing_is_left_out_whatever_is_said_about_causes() {
    assert_eq!(tree(&[]), []);
    assert_eq!(tree(&[(1, Some(1), 1), (2, Some(1), 2)]), [(1, 0), (2, 1)]);
    assert_eq!(tree(&[(1, Some(2), 1), (2, Some(1), 2), (3, None, 3)]), [(3, 0), (1, 0), (2, 1)]);
}

#[tokio::test]
async fn the_commits_of_one_correlation_are_found_with_the_one_that_it_is_named_after() {
    let store = MemoryStore::new();
    let first = id(1).to_string();
    for (n, cause, correlation) in [
        (1, None, None),
        (2, Some(1), Some(&*first)),
        (3, None, Some("another")),
        (4, Some(2), Some(&*first)),
    ] {
        let commit = commit(n, cause, correlation, i64::from(n));
        store.append(&stream(n), Expected::NoStream, commit).await.unwrap();
    }
    let found = async |correlation| shape(&CausalTree::read(&store, correlation).await.unwrap());
    assert_eq!(found(&*first).await, [(1, 0), (2, 1), (4, 2)]);
    assert_eq!(found("another").await, [(3, 0)]);
    assert_eq!(found("anoth").await, []);
}

#[tokio::test]
async fn the_streams_that_are_named_are_read_and_no_others() {
    let store = MemoryStore::new();
    for (n, cause, correlation) in
        [(1, None, "wanted"), (2, Some(1), "wanted"), (3, Some(2), "wanted"), (4, None, "another")]
    {
        let commit = commit(n, cause, Some(correlation), i64::from(n));
        store.append(&stream(n), Expected::NoStream, commit).await.unwrap();
    }
    let found = async |streams: &[u8]| {
        let streams = streams.iter().copied().map(stream);
        shape(&CausalTree::of_streams(&store, streams, "wanted").await.unwrap())
    };
    assert_eq!(found(&[3, 2, 1]).await, [(1, 0), (2, 1), (3, 2)]);
    assert_eq!(found(&[1, 4, 3]).await, [(1, 0), (3, 0)], "what caused the third is not there");
    assert_eq!(found(&[9]).await, []);
}
