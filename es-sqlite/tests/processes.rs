//! Several processes on one file, and processes that are killed: the log.
//!
//! A test here starts its own binary again: the functions `child_…` do nothing in a normal run, and
//! are a process's work when it is started as [`Other`].
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::time::Duration;

use es_core::{Commit, Error, EventStore as _, Expected, Head, StreamId};
use es_sqlite::SqliteStore;
use support::other_process::{Other, child_database, runtime, say};
use support::{Place, append, assert_names, commit, read_all, read_feed, stream};

/// What is acknowledged of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Receipt {
    stream: String,
    id: String,
    first: u64,
    last: u64,
}

impl Receipt {
    fn of(commit: &Commit) -> Self {
        Self {
            stream: commit.stream().to_string(),
            id: commit.id().to_string(),
            first: commit.first_version().get(),
            last: commit.last_version().get(),
        }
    }

    fn say(&self) {
        say(&format!("{} {} {} {}", self.id, self.first, self.last, self.stream));
    }

    fn parse(said: &str) -> Self {
        let mut parts = said.splitn(4, ' ');
        let mut part = || parts.next().unwrap();
        let (id, first, last) = (part().to_owned(), part(), part());
        let (first, last) = (first.parse().unwrap(), last.parse().unwrap());
        Self { stream: part().to_owned(), id, first, last }
    }
}

/// Appends to the stream's end, wherever others have moved it meanwhile.
async fn append_somehow(
    store: &SqliteStore,
    target: &StreamId,
    known: &mut HashMap<StreamId, Option<Head>>,
    events: usize,
) -> Commit {
    let texts: Vec<String> = (1..=events).map(|n| format!("{n} of {events}")).collect();
    let new = commit(&texts);
    loop {
        let head = *known.entry(target.clone()).or_default();
        match store.append(target, Expected::end(head), new.clone()).await {
            Ok(appended) => {
                assert!(!appended.duplicate);
                known.insert(target.clone(), Some(appended.commit.head()));
                return appended.commit;
            }
            Err(Error::Conflict(conflict)) => {
                known.insert(target.clone(), conflict.actual);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Appends for ever from four threads to the same five streams, and says what was acknowledged.
#[test]
fn child_appends_until_it_is_killed() {
    let Some(path) = child_database() else { return };
    runtime().block_on(async {
        let store = SqliteStore::open(path).await.unwrap();
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut known = HashMap::new();
                    for n in worker.. {
                        let target = stream(&(n % 5).to_string());
                        let appended = append_somehow(&store, &target, &mut known, 1 + n % 3).await;
                        Receipt::of(&appended).say();
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
    });
}

/// Checks the whole log against itself and against what was acknowledged.
async fn check_log(store: &SqliteStore, streams: usize, acknowledged: &HashSet<Receipt>) -> usize {
    let mut by_stream = Vec::new();
    for n in 0..streams {
        let commits = read_all(store, &stream(&n.to_string())).await;
        let mut next = 1;
        for commit in &commits {
            assert_eq!(commit.first_version().get(), next, "{}", commit.stream());
            next = commit.last_version().get() + 1;
            // Each event says of how many it is.
            let of = format!("of {}\"", commit.events().len());
            let payloads = commit.events().payloads_text().unwrap();
            assert!(payloads.lines().all(|line| line.contains(&of)), "{payloads}");
        }
        by_stream.extend(commits);
    }
    let there: HashSet<Receipt> = by_stream.iter().map(Receipt::of).collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    let mut feed = read_feed(store, 500).await.unwrap();
    assert_eq!(feed.len(), by_stream.len());
    let place = |commit: &Commit| (commit.stream().to_string(), commit.first_version());
    feed.sort_by_key(place);
    by_stream.sort_by_key(place);
    assert!(feed == by_stream, "the feed is the union of the streams");
    by_stream.len()
}

#[test]
fn what_was_acknowledged_survives_being_killed() {
    let place = Place::new();
    let mut acknowledged = HashSet::new();
    let mut before = 0;
    for round in 0..20 {
        let mut child = Other::start("child_appends_until_it_is_killed", &place);
        for _ in 0..(1 + round * 37 % 200) {
            acknowledged.insert(Receipt::parse(&child.next().expect("it goes on for ever")));
        }
        acknowledged.extend(child.kill().iter().map(|said| Receipt::parse(said)));
        let there = runtime().block_on(async {
            let store = place.open().await;
            let there = check_log(&store, 5, &acknowledged).await;
            // Every other time the next process finds the write-ahead log as the dead one left it.
            if round % 2 == 0 {
                store.close().await.unwrap();
            }
            there
        });
        assert!(there > before, "round {round} wrote something");
        assert!(there >= acknowledged.len());
        before = there;
    }
}

/// Appends a hundred commits to the same three streams as others do, and says what was acknowledged.
#[test]
fn child_appends_a_hundred_commits() {
    let Some(path) = child_database() else { return };
    runtime().block_on(async {
        let store = SqliteStore::open(path).await.unwrap();
        let mut known = HashMap::new();
        for n in 0..100 {
            let target = stream(&(n % 3).to_string());
            let appended = append_somehow(&store, &target, &mut known, 1 + n % 4).await;
            Receipt::of(&appended).say();
        }
        store.close().await.unwrap();
    });
}

#[test]
fn processes_that_write_the_same_streams_do_no_harm() {
    let place = Place::new();
    let store = runtime().block_on(async {
        let store = place.open().await;
        append(&store, &stream("0"), &["1 of 1"]).await;
        store
    });
    let stale = runtime().block_on(store.head(&stream("0"))).unwrap();

    let children: Vec<_> =
        (0..3).map(|_| Other::start("child_appends_a_hundred_commits", &place)).collect();
    let said: Vec<String> = children.into_iter().flat_map(Other::wait).collect();
    let acknowledged: HashSet<_> = said.iter().map(|said| Receipt::parse(said)).collect();
    assert_eq!((said.len(), acknowledged.len()), (300, 300), "none was acknowledged twice");

    runtime().block_on(async {
        assert_eq!(check_log(&store, 3, &acknowledged).await, 301);
        // A head from before the others wrote is out of date, and the error says what came behind.
        let late = store.append(&stream("0"), Expected::end(stale), commit(&["late"])).await;
        let Err(Error::Conflict(conflict)) = late else { panic!("{late:?}") };
        let second = read_all(&store, &stream("0")).await.remove(1);
        assert_eq!(conflict.winner, Some(second));
        store.close().await.unwrap();
    });
}

/// Holds the lock on the file until its standard input ends.
#[test]
fn child_holds_the_write_lock() {
    let Some(path) = child_database() else { return };
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    say("locked");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_lock_of_another_process_is_waited_for_in_bounds() {
    let place = Place::new();
    let runtime = runtime();
    let store = runtime.block_on(async {
        let options = SqliteStore::builder(place.db());
        options.busy_timeout(Duration::from_millis(20)).open().await.unwrap()
    });
    let mut child = Other::start("child_holds_the_write_lock", &place);
    assert_eq!(child.next().as_deref(), Some("locked"));

    runtime.block_on(async {
        let new = commit(&["x"]);
        let error = store.append(&stream("a"), Expected::NoStream, new.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }) && error.is_transient(), "{error:?}");
        assert_names(&error, &place.db());
        assert_eq!(store.head(&stream("a")).await.unwrap(), None, "reads go on");

        child.kill();
        let appended = store.append(&stream("a"), Expected::NoStream, new).await.unwrap();
        assert!(!appended.duplicate);
    });
}
