//! Several processes on one queue, and receivers and senders that are killed.
//!
//! A test here starts its own binary again: the functions `child_…` do nothing in a normal run, and
//! are a process's work when it is started as [`Other`].
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use es_core::testing::VirtualClock;
use es_core::{
    MAX_BATCH, MessageQueue as _, NewMessage, QueueCounts, QueueName, QueueOptions, ReceiveOptions,
    ReceivedMessage,
};
use es_sqlite::SqliteStore;
use support::Place;
use support::other_process::{Other, child_database, runtime, say};

/// Long enough that no message comes back while a test runs, however slow the machine is.
const TIMEOUT: Duration = QueueOptions::MAX_VISIBILITY_TIMEOUT;

fn queue(name: &str) -> QueueName {
    QueueName::new(name).unwrap()
}

/// SQLite's lock goes to whoever asks at the right moment: on a busy machine one of several processes
/// that write without a pause may be left waiting for longer than the default.
async fn open_patiently(path: PathBuf) -> SqliteStore {
    SqliteStore::builder(path).busy_timeout(Duration::from_secs(120)).open().await.unwrap()
}

async fn configured(place: &Place, name: &str) -> SqliteStore {
    let store = place.open().await;
    let options = QueueOptions::default().visibility_timeout(TIMEOUT);
    store.configure(&queue(name), options).await.unwrap();
    store
}

/// A store that lives after all timeouts of now are over.
async fn later(place: &Place) -> SqliteStore {
    let now = es_core::Timestamp::now() + TIMEOUT + Duration::from_secs(60);
    let clock = Arc::new(VirtualClock::at(&now.to_string()));
    SqliteStore::builder(place.db()).clock(clock).open().await.unwrap()
}

async fn send(store: &SqliteStore, name: &str, bodies: impl Iterator<Item = String>) {
    let messages: Vec<NewMessage> = bodies
        .map(|body| match name.ends_with(".fifo") {
            true => NewMessage::new(&body).group(&body[..1]),
            false => NewMessage::new(body),
        })
        .collect();
    for batch in messages.chunks(MAX_BATCH) {
        for sent in store.send_batch(&queue(name), batch.to_vec()).await.unwrap() {
            sent.unwrap();
        }
    }
}

async fn receive(store: &SqliteStore, name: &str, max: usize) -> Vec<ReceivedMessage> {
    store.receive(&queue(name), ReceiveOptions::up_to(max)).await.unwrap()
}

/// Everything that can be received.
async fn receive_all(store: &SqliteStore, name: &str) -> Vec<ReceivedMessage> {
    let mut all = Vec::new();
    loop {
        let received = receive(store, name, MAX_BATCH).await;
        if received.is_empty() {
            return all;
        }
        all.extend(received);
    }
}

/// Sends for ever from four threads, alone and in batches, and says what was acknowledged.
#[test]
fn child_sends_until_it_is_killed() {
    let Some(path) = child_database() else { return };
    runtime().block_on(async {
        let store = open_patiently(path).await;
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in sender.. {
                        let batch = vec![NewMessage::new("x"); 1 + n % 3];
                        for id in store.send_batch(&queue("q"), batch).await.unwrap() {
                            say(id.unwrap().as_str());
                        }
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.await.unwrap();
        }
    });
}

#[test]
fn a_send_that_was_acknowledged_survives_being_killed() {
    let place = Place::new();
    runtime().block_on(async { configured(&place, "q").await.close().await.unwrap() });
    let mut acknowledged = BTreeSet::new();
    for round in 0..8 {
        let mut child = Other::start("child_sends_until_it_is_killed", &place);
        for _ in 0..(1 + round * 37 % 100) {
            acknowledged.insert(child.next().expect("it goes on for ever"));
        }
        acknowledged.extend(child.kill());
    }
    runtime().block_on(async {
        let received = receive_all(&place.open().await, "q").await;
        let there: BTreeSet<String> =
            received.iter().map(|message| message.id.to_string()).collect();
        assert_eq!(there.len(), received.len(), "each is there once");
        let lost: Vec<_> = acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    });
}

/// Receives while there is something, says what, and acknowledges every other message.
#[test]
fn child_receives_until_it_is_killed() {
    let Some(path) = child_database() else { return };
    runtime().block_on(async {
        let store = open_patiently(path).await;
        for n in 0.. {
            let received = receive(&store, "q", 1 + n % 4).await;
            if received.is_empty() {
                return;
            }
            for message in received {
                if message.body.parse::<u32>().unwrap() % 2 == 0 {
                    store.acknowledge(&queue("q"), &message.receipt).await.unwrap();
                    say(&format!("acknowledged {}", message.body));
                } else {
                    say(&format!("received {}", message.body));
                }
            }
        }
    });
}

#[test]
fn what_a_killed_receiver_held_comes_back_and_what_it_acknowledged_never_does() {
    let place = Place::new();
    runtime().block_on(async {
        let store = configured(&place, "q").await;
        send(&store, "q", (0..2_000).map(|n| n.to_string())).await;
        store.close().await.unwrap();
    });
    let mut said = Vec::new();
    for round in 0..8 {
        let mut child = Other::start("child_receives_until_it_is_killed", &place);
        let patience = 1 + round * 37 % 100;
        said.extend(std::iter::from_fn(|| child.next()).take(patience));
        said.extend(child.kill());
    }
    let with = |outcome: &str| -> BTreeSet<String> {
        said.iter().filter_map(|said| said.strip_prefix(outcome)).map(str::to_owned).collect()
    };
    let (acknowledged, held) = (with("acknowledged "), with("received "));
    assert_eq!(acknowledged.len() + held.len(), said.len(), "nobody received twice");
    assert!(!acknowledged.is_empty() && !held.is_empty());

    runtime().block_on(async {
        let store = place.open().await;
        let visible: BTreeSet<String> =
            receive_all(&store, "q").await.into_iter().map(|message| message.body).collect();
        let early: Vec<_> = visible.intersection(&held).collect();
        assert!(early.is_empty(), "held by the dead, and received before the timeout: {early:?}");

        let later = later(&place).await;
        let mut back = BTreeMap::new();
        for message in receive_all(&later, "q").await {
            back.insert(message.body, message.receive_count);
        }
        for body in &held {
            assert_eq!(back.get(body), Some(&2), "message {body}, which a killed receiver held");
        }
        for body in &acknowledged {
            assert_eq!(back.get(body), None, "message {body}, which was acknowledged");
        }
        // A receiver is killed between an acknowledgement and saying so at most once per life.
        let gone = 2_000 - back.len() - acknowledged.len();
        assert!(gone <= 8, "{gone} messages are gone without an acknowledgement");
    });
}

/// Receives and acknowledges until the queues are empty, and says what it had in its hands.
#[test]
fn child_works_until_the_queue_is_empty() {
    let Some(path) = child_database() else { return };
    runtime().block_on(async {
        let store = open_patiently(path).await;
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let store = store.clone();
                tokio::spawn(async move {
                    for name in ["q", "q.fifo"] {
                        // Nothing to receive may mean that others hold something of every group.
                        while store.counts(&queue(name)).await.unwrap() != QueueCounts::default() {
                            for message in receive(&store, name, 1 + worker).await {
                                say(&format!("{name} {}", message.body));
                                store.acknowledge(&queue(name), &message.receipt).await.unwrap();
                            }
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        store.close().await.unwrap();
    });
}

#[test]
fn no_message_is_in_the_hands_of_two_processes() {
    let place = Place::new();
    runtime().block_on(async {
        let store = configured(&place, "q").await;
        configured(&place, "q.fifo").await;
        let bodies = || (0..300).map(|n| format!("{}{n:03}", ["a", "b", "c"][n % 3]));
        send(&store, "q", bodies()).await;
        send(&store, "q.fifo", bodies()).await;
        store.close().await.unwrap();
    });
    let children: Vec<_> =
        (0..3).map(|_| Other::start("child_works_until_the_queue_is_empty", &place)).collect();
    let said: Vec<Vec<String>> = children.into_iter().map(Other::wait).collect();
    let different: BTreeSet<&String> = said.iter().flatten().collect();
    assert_eq!(said.iter().map(Vec::len).sum::<usize>(), 600, "received in all");
    assert_eq!(different.len(), 600, "different messages");
}

/// Receives one message of a FIFO group and keeps it until it is killed.
#[test]
fn child_holds_a_message() {
    let Some(path) = child_database() else { return };
    runtime().block_on(async {
        let store = open_patiently(path).await;
        say(&receive(&store, "q.fifo", 1).await.remove(0).body);
        std::future::pending::<()>().await;
    });
}

#[test]
fn a_group_waits_for_the_message_of_a_killed_receiver() {
    let place = Place::new();
    let runtime = runtime();
    let store = runtime.block_on(async {
        let store = configured(&place, "q.fifo").await;
        send(&store, "q.fifo", ["a1", "a2", "b1"].map(str::to_owned).into_iter()).await;
        store
    });
    let mut child = Other::start("child_holds_a_message", &place);
    assert_eq!(child.next().as_deref(), Some("a1"));
    child.kill();
    runtime.block_on(async {
        let bodies = |messages: Vec<ReceivedMessage>| -> Vec<String> {
            messages.into_iter().map(|message| message.body).collect()
        };
        assert_eq!(bodies(receive_all(&store, "q.fifo").await), ["b1"]);
        let again = bodies(receive(&later(&place).await, "q.fifo", 10).await);
        assert_eq!(again, ["a1", "a2", "b1"]);
    });
}
