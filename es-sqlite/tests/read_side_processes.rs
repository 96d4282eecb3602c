//! Several processes on one file, and processes that are killed: progress, dead letters and views.
//!
//! A test here starts its own binary again: see [`support::other_process`].
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::HashSet;

use es_core::{
    Adopted, Adoption, Advance, Checkpoint, CheckpointStore, ConsumerId, DeadLetter,
    DeadLetterCount, DeadLetterQuery, DeadLetterState, Error, Position, Progress, Replaces,
    StreamProgress, Version, ViewChange, ViewName, ViewQuery, ViewSchema, ViewStore,
};
use es_sqlite::SqliteStore;
use support::other_process::{Other, child_database, runtime, say};
use support::{Place, dropping, letter, parking, partition, removing, stream};

fn consumer(name: &str) -> ConsumerId {
    ConsumerId::new(name).unwrap()
}

async fn position(store: &SqliteStore, name: &str) -> Position {
    CheckpointStore::load(store, &consumer(name), &partition()).await.unwrap()
}

/// A step of the feed to place `n`.
async fn step_to(store: &SqliteStore, name: &str, n: u64) -> Progress {
    let based_on = position(store, name).await.revision;
    let checkpoint = Checkpoint::from_stored(n.to_string());
    let advance = Advance { partition: partition(), based_on, checkpoint };
    Progress::new(consumer(name), Some(advance))
}

fn place_of(position: &Position) -> u64 {
    if position.checkpoint.is_start() { 0 } else { position.checkpoint.as_str().parse().unwrap() }
}

async fn prepare(store: &SqliteStore, name: &str) -> ViewName {
    let schema =
        ViewSchema { name: ViewName::new(name).unwrap(), indexed_fields: &["n"], expires_by: None };
    store.prepare(&schema).await.unwrap();
    schema.name
}

fn put(view: &ViewName, key: &str, n: u64) -> ViewChange {
    let (view, key, document) = (view.clone(), key.to_owned(), Some(format!("{{\"n\":\"{n}\"}}")));
    ViewChange { view, key, replaces: Replaces::Anything, document }
}

async fn letters(store: &SqliteStore, name: &str, state: DeadLetterState) -> Vec<DeadLetter> {
    let query = DeadLetterQuery::default().state(state).limit(usize::MAX);
    store.dead_letters(&consumer(name), &query).await.unwrap()
}

/// Goes on for ever with steps that write a document, park one letter, and drop or remove the one
/// before; says how far it came.
#[test]
fn child_parks_and_drops_until_it_is_killed() {
    let Some(path) = child_database() else { return };
    runtime().block_on(async {
        let store = SqliteStore::open(path).await.unwrap();
        let view = prepare(&store, "live").await;
        for n in 1 + place_of(&position(&store, "live").await).. {
            let mut progress = step_to(&store, "live", n).await;
            let mut parked = letters(&store, "live", DeadLetterState::Parked).await;
            if let Some(before) = parked.pop() {
                let is_odd = before.commit.first_version().get() % 2 == 1;
                let gone = if is_odd { dropping(&before, "odd") } else { removing(&before) };
                progress.dead_letters.push(gone);
            }
            progress.dead_letters.push(parking(&letter(stream("s"), n, &["x"])));
            progress.streams.push((stream("s"), Version::new(n - 1)));
            store.write(vec![put(&view, "a", n)], progress).await.unwrap();
            say(&n.to_string());
        }
    });
}

const ROUNDS: usize = 25;

/// Kills the child, each round at another moment of its steps, and gives the last that it said.
fn acknowledged_until_killed(mut child: Other, round: usize) -> u64 {
    let mut said = Vec::new();
    for _ in 0..=round % 4 {
        said.push(child.next().expect("it goes on for ever"));
    }
    for _ in 0..round * 100 {
        std::thread::yield_now();
    }
    said.extend(child.kill());
    said.last().unwrap().parse().unwrap()
}

#[test]
fn a_step_with_letters_survives_being_killed_whole() {
    let place = Place::new();
    let mut before = 0;
    for round in 0..ROUNDS {
        let child = Other::start("child_parks_and_drops_until_it_is_killed", &place);
        let acknowledged = acknowledged_until_killed(child, round);
        before = runtime().block_on(async {
            let store = place.open().await;
            let n = place_of(&position(&store, "live").await);
            assert!(
                n > before && n >= acknowledged,
                "{acknowledged} was acknowledged, {n} is there"
            );
            assert_step(&store, n).await;
            n
        });
    }
}

/// Panics unless everything is as after step `n`, and nothing as after another.
async fn assert_step(store: &SqliteStore, n: u64) {
    let view = ViewName::new("live").unwrap();
    let document = store.get(&view, &["a"]).await.unwrap().remove(0);
    assert_eq!(document, Some(format!("{{\"n\":\"{n}\"}}")));
    let of_stream = store.stream_progress(&consumer("live"), &[stream("s")]).await.unwrap();
    let (version, parked) = (Version::new(n - 1), Version::new(n));
    assert_eq!(of_stream, [StreamProgress { version, parked }]);
    let versions = |letters: Vec<DeadLetter>| -> Vec<u64> {
        letters.iter().map(|letter| letter.commit.first_version().get()).collect()
    };
    assert_eq!(versions(letters(store, "live", DeadLetterState::Parked).await), [n]);
    let odd: Vec<u64> = (1..n).step_by(2).collect();
    assert_eq!(versions(letters(store, "live", DeadLetterState::Dropped).await), odd);
}

/// Goes on for ever with rebuilding a view beside the live one and putting it in its place; says which
/// is there.
#[test]
fn child_swaps_until_it_is_killed() {
    let Some(path) = child_database() else { return };
    runtime().block_on(async {
        let store = SqliteStore::open(path).await.unwrap();
        let live = prepare(&store, "live").await;
        for n in 1 + place_of(&position(&store, "live").await).. {
            let again = ViewName::new("again").unwrap();
            // What a dead process has left is thrown away.
            store.clear(&again, &consumer("again")).await.unwrap();
            let again = prepare(&store, "again").await;
            let progress = step_to(&store, "again", n).await;
            let mut progress = Progress { streams: vec![(stream("s"), n.into())], ..progress };
            progress.dead_letters.push(parking(&letter(stream("t"), n, &["x"])));
            let changes = KEYS.iter().map(|key| put(&again, key, n)).collect();
            store.write(changes, progress).await.unwrap();
            let adoption = Adoption {
                from: consumer("again"),
                to: consumer("live"),
                based_on: vec![(partition(), position(&store, "again").await.revision)],
                backwards: false,
                replaces_dead_letters: true,
            };
            assert_eq!(store.swap(&again, &live, &adoption).await.unwrap(), Adopted::Done);
            say(&n.to_string());
        }
    });
}

const KEYS: [&str; 3] = ["a", "b", "c"];

#[test]
fn a_swap_survives_being_killed_whole() {
    let place = Place::new();
    let mut before = 0;
    for round in 0..ROUNDS {
        let child = Other::start("child_swaps_until_it_is_killed", &place);
        let acknowledged = acknowledged_until_killed(child, round);
        before = runtime().block_on(async {
            let store = place.open().await;
            let n = place_of(&position(&store, "live").await);
            assert!(
                n > before && n >= acknowledged,
                "{acknowledged} was acknowledged, {n} is there"
            );
            assert_swap(&store, n).await;
            n
        });
    }
}

/// Panics unless the live view is the one of swap `n`, and the other is whatever comes next, or is
/// not there.
async fn assert_swap(store: &SqliteStore, n: u64) {
    let live = ViewName::new("live").unwrap();
    let of_n = ViewQuery::default().equals("n", n.to_string());
    for query in [ViewQuery::default(), of_n] {
        let listed = store.list(&live, &query).await.unwrap();
        let keys: Vec<&str> = listed.iter().map(|document| &*document.key).collect();
        assert_eq!(keys, KEYS, "{query:?}");
        assert!(listed.iter().all(|one| one.document == format!("{{\"n\":\"{n}\"}}")));
    }
    let streams = [stream("s"), stream("t")];
    let progress = store.stream_progress(&consumer("live"), &streams).await.unwrap();
    let of_s = StreamProgress { version: Version::new(n), parked: Version::ZERO };
    let of_t = StreamProgress { version: Version::ZERO, parked: Version::new(n) };
    assert_eq!(progress, [of_s, of_t]);
    let next = place_of(&position(store, "again").await);
    assert!(next == 0 || next == n + 1, "{next} beside {n}");
    let again = ViewName::new("again").unwrap();
    match store.list(&again, &ViewQuery::default()).await {
        Ok(listed) => assert_eq!(listed.len(), if next == 0 { 0 } else { KEYS.len() }),
        Err(error) => assert!(matches!(error, Error::Misuse(_)), "{error:?}"),
    }
}

/// Parks fifty letters behind whatever others park in the same stream, says where, and has everybody
/// rest.
#[test]
fn child_parks_fifty_letters() {
    let Some(path) = child_database() else { return };
    runtime().block_on(async {
        let store = SqliteStore::open(path).await.unwrap();
        for _ in 0..50 {
            say(&park_somehow(&store).await.to_string());
        }
        store.set_paused(&consumer("live"), true).await.unwrap();
        store.close().await.unwrap();
    });
}

/// Parks the next version, which it gives.
async fn park_somehow(store: &SqliteStore) -> u64 {
    loop {
        let seen = store.stream_progress(&consumer("live"), &[stream("s")]).await.unwrap()[0];
        let next = seen.parked.next();
        let mut progress = Progress::new(consumer("live"), None);
        progress.seen.push((stream("s"), seen));
        progress.dead_letters.push(parking(&letter(stream("s"), next.get(), &["x"])));
        match CheckpointStore::save(store, progress).await {
            Ok(()) => return next.get(),
            Err(Error::Fenced { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn processes_that_park_in_the_same_stream_fence_each_other() {
    let place = Place::new();
    let store = runtime().block_on(place.open());
    let children: Vec<_> =
        (0..3).map(|_| Other::start("child_parks_fifty_letters", &place)).collect();
    let said: Vec<String> = children.into_iter().flat_map(Other::wait).collect();
    let versions: HashSet<u64> = said.iter().map(|said| said.parse().unwrap()).collect();
    assert_eq!(versions, (1..=150).collect(), "none was parked over another");
    runtime().block_on(async {
        assert_eq!(letters(&store, "live", DeadLetterState::Parked).await.len(), 150);
        let count = store.dead_letter_count(&consumer("live")).await.unwrap();
        assert_eq!(count, DeadLetterCount { streams: 1, letters: 150 });
        assert!(store.is_paused(&consumer("live")).await.unwrap(), "another process said so");
        store.close().await.unwrap();
    });
}
