//! Queues and topics in the file: what the suites cannot ask through the traits.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use es_core::testing::VirtualClock;
use es_core::{
    Clock, Error, InvalidMessage, MessageQueue as _, NewMessage, QueueCounts, QueueName,
    QueueOptions, ReceiveOptions, ReceivedMessage, Redrive, Timestamp, Topic as _, TopicName,
};
use es_sqlite::{SqliteStore, Synchronous};
use support::{Place, StandingClock};

const SECOND: Duration = Duration::from_secs(1);

fn queue(name: &str) -> QueueName {
    QueueName::new(name).unwrap()
}

async fn configure(store: &SqliteStore, name: &str) -> QueueName {
    store.configure(&queue(name), QueueOptions::default()).await.unwrap();
    queue(name)
}

fn virtual_clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"))
}

async fn open(place: &Place, clock: Arc<dyn Clock>) -> SqliteStore {
    SqliteStore::builder(place.db()).clock(clock).open().await.unwrap()
}

/// Starts to receive one message, and returns when the receiver waits.
async fn receiver(store: &SqliteStore, clock: &StandingClock, from: &QueueName) -> Receiver {
    let (receiving, from) = (store.clone(), from.clone());
    let long_poll = ReceiveOptions::up_to(1).wait(20 * SECOND);
    let waiting = tokio::spawn(async move { receiving.receive(&from, long_poll).await });
    clock.asleep().await;
    waiting
}

type Receiver = tokio::task::JoinHandle<es_core::Result<Vec<ReceivedMessage>>>;

/// What a receiver answers. On a clock that stands still only a wake-up ends its wait; how long one is
/// waited for says how long the test takes when there is none.
async fn answer(receiver: Receiver) -> es_core::Result<Vec<ReceivedMessage>> {
    let woken = tokio::time::timeout(60 * SECOND, receiver).await;
    woken.expect("a receiver is woken").unwrap()
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let place = Place::new();
    let clock = virtual_clock();
    let store = open(&place, clock.clone()).await;
    let dead = configure(&store, "dead.fifo").await;
    let orders = queue("orders.fifo");
    let options = QueueOptions::default().dead_letters(dead.clone(), 1);
    store.configure(&orders, options.clone()).await.unwrap();
    let topic = TopicName::new("t.fifo").unwrap();
    store.create_topic(&topic).await.unwrap();
    let filter = r#"{"kind":["placed"]}"#;
    store.subscribe(&topic, &orders, filter.parse().unwrap()).await.unwrap();
    let message =
        || NewMessage::new("one").attribute("kind", "placed").group("g").deduplication_id("d");
    store.publish(&topic, message()).await.unwrap();
    let held = store.receive(&orders, ReceiveOptions::default()).await.unwrap().remove(0);
    store.close().await.unwrap();

    let store = open(&place, clock.clone()).await;
    assert_eq!(store.options(&orders).await.unwrap(), options);
    assert_eq!(store.subscriptions(&topic).await.unwrap()[0].filter.to_string(), filter);
    let again = store.send(&orders, message()).await.unwrap();
    assert_eq!(again, held.id, "the deduplication id is remembered");
    assert_eq!(store.receive(&orders, ReceiveOptions::default()).await.unwrap(), []);
    store.extend(&orders, &held.receipt, 60 * SECOND).await.unwrap();
    store.release(&orders, &held.receipt, Duration::ZERO).await.unwrap();
    assert_eq!(store.receive(&orders, ReceiveOptions::default()).await.unwrap(), []);
    let given_up = store.receive(&dead, ReceiveOptions::default()).await.unwrap().remove(0);
    assert_eq!((given_up.id, given_up.dead_letter_source), (held.id, Some(orders)));
}

#[tokio::test]
async fn a_redriven_message_keeps_its_id() {
    let place = Place::new();
    let store = place.open().await;
    let dead = configure(&store, "dead").await;
    let orders = queue("orders");
    let options = QueueOptions::default().dead_letters(dead.clone(), 1);
    store.configure(&orders, options).await.unwrap();
    let id = store.send(&orders, NewMessage::new("x")).await.unwrap();
    let held = store.receive(&orders, ReceiveOptions::default()).await.unwrap().remove(0);
    store.release(&orders, &held.receipt, Duration::ZERO).await.unwrap();
    assert_eq!(store.receive(&orders, ReceiveOptions::default()).await.unwrap(), []);
    store.redrive(&dead, Redrive::all().only([id.clone()])).await.unwrap();
    let again = store.receive(&orders, ReceiveOptions::default()).await.unwrap().remove(0);
    assert_eq!((again.id, again.receive_count), (id, 1));
}

/// More than are moved in one transaction.
#[tokio::test]
async fn a_redrive_of_many_moves_all() {
    let place = Place::new();
    let store = place.open().await;
    let dead = configure(&store, "dead").await;
    configure(&store, "orders").await;
    place
        .raw()
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234) \
             INSERT INTO messages (queue, message_id, body, attributes, sent_at, enqueued_at, \
             visible_at, dead_letter_source) \
             SELECT (SELECT id FROM queues WHERE name = 'dead'), 'm-' || i, 'x', '{}', now, now, \
             now, (SELECT id FROM queues WHERE name = 'orders') \
             FROM n, (SELECT unixepoch() * 1000000 AS now)",
        )
        .unwrap();
    assert_eq!(store.redrive(&dead, Redrive::all().up_to(700)).await.unwrap(), 700);
    assert_eq!(store.counts(&dead).await.unwrap().visible, 534);
    assert_eq!(store.redrive(&dead, Redrive::all()).await.unwrap(), 534);
    assert_eq!(store.counts(&queue("orders")).await.unwrap().visible, 1234);
}

#[tokio::test]
async fn a_message_that_one_queue_refuses_is_published_to_none() {
    let place = Place::new();
    let store = place.open().await;
    let topic = TopicName::new("t").unwrap();
    store.create_topic(&topic).await.unwrap();
    let (large, small) = (configure(&store, "a-large").await, queue("b-small"));
    let options = QueueOptions::default().max_message_size(1024);
    store.configure(&small, options).await.unwrap();
    for queue in [&large, &small] {
        store.subscribe(&topic, queue, "{}".parse().unwrap()).await.unwrap();
    }
    let refused = store.publish(&topic, NewMessage::new("x".repeat(1025))).await;
    let Err(Error::InvalidMessage { destination, source }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(destination, "queue b-small");
    assert_eq!(source, InvalidMessage::TooLarge { actual: 1025, limit: 1024 });
    assert_eq!(store.counts(&large).await.unwrap(), QueueCounts::default());
    store.publish(&topic, NewMessage::new("x".repeat(1024))).await.unwrap();
    assert_eq!(store.counts(&large).await.unwrap().visible, 1);
}

#[tokio::test]
async fn waiting_ends_when_this_process_sends() {
    let place = Place::new();
    let clock = Arc::new(StandingClock::default());
    let store = open(&place, clock.clone()).await;
    let orders = configure(&store, "orders").await;
    configure(&store, "others").await;
    for _ in 0..20 {
        let waiting = receiver(&store, &clock, &orders).await;
        store.send(&queue("others"), NewMessage::new("for others")).await.unwrap();
        store.send(&orders, NewMessage::new("x")).await.unwrap();
        // No time passes on this clock: only the send can have woken it.
        let received = answer(waiting).await.unwrap().remove(0);
        store.acknowledge(&orders, &received.receipt).await.unwrap();
    }
}

/// The send comes before, while and after the receiver looks and begins to wait: no order may lose it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_send_is_missed_by_a_receiver_that_begins_to_wait() {
    let place = Place::new();
    let clock = Arc::new(StandingClock::default());
    let options = SqliteStore::builder(place.db()).synchronous(Synchronous::Normal);
    let store = options.clock(clock).open().await.unwrap();
    let orders = configure(&store, "orders").await;
    for round in 0..400 {
        let (receiving, from) = (store.clone(), orders.clone());
        let long_poll = ReceiveOptions::up_to(1).wait(20 * SECOND);
        let waiting = tokio::spawn(async move { receiving.receive(&from, long_poll).await });
        for _ in 0..round % 20 {
            tokio::task::yield_now().await;
        }
        store.send(&orders, NewMessage::new("x")).await.unwrap();
        let received = answer(waiting).await.unwrap().remove(0);
        store.acknowledge(&orders, &received.receipt).await.unwrap();
    }
}

#[tokio::test]
async fn waiting_ends_when_a_topic_publishes() {
    let place = Place::new();
    let clock = Arc::new(StandingClock::default());
    let store = open(&place, clock.clone()).await;
    let orders = configure(&store, "orders").await;
    let topic = TopicName::new("t").unwrap();
    store.create_topic(&topic).await.unwrap();
    store.subscribe(&topic, &orders, "{}".parse().unwrap()).await.unwrap();
    let waiting = receiver(&store, &clock, &orders).await;
    store.publish(&topic, NewMessage::new("x")).await.unwrap();
    assert_eq!(answer(waiting).await.unwrap().len(), 1);
}

#[tokio::test]
async fn waiting_ends_when_dead_letters_come_or_go() {
    let place = Place::new();
    let clock = Arc::new(StandingClock::default());
    let store = open(&place, clock.clone()).await;
    let dead = configure(&store, "dead").await;
    let orders = queue("orders");
    let options = QueueOptions::default().dead_letters(dead.clone(), 1);
    store.configure(&orders, options).await.unwrap();
    store.send(&orders, NewMessage::new("poison")).await.unwrap();
    let held = store.receive(&orders, ReceiveOptions::default()).await.unwrap().remove(0);
    store.release(&orders, &held.receipt, Duration::ZERO).await.unwrap();

    let waiting = receiver(&store, &clock, &dead).await;
    assert_eq!(store.receive(&orders, ReceiveOptions::default()).await.unwrap(), []);
    let given_up = answer(waiting).await.unwrap().remove(0);
    store.release(&dead, &given_up.receipt, Duration::ZERO).await.unwrap();

    let waiting = receiver(&store, &clock, &orders).await;
    assert_eq!(store.redrive(&dead, Redrive::all()).await.unwrap(), 1);
    assert_eq!(answer(waiting).await.unwrap()[0].body, "poison");
}

#[tokio::test]
async fn waiting_ends_when_a_message_is_released_or_its_group_is_free() {
    let place = Place::new();
    let clock = Arc::new(StandingClock::default());
    let store = open(&place, clock.clone()).await;
    let orders = configure(&store, "orders.fifo").await;
    for body in ["one", "two"] {
        store.send(&orders, NewMessage::new(body).group("g")).await.unwrap();
    }
    let held = store.receive(&orders, ReceiveOptions::up_to(1)).await.unwrap().remove(0);
    let waiting = receiver(&store, &clock, &orders).await;
    store.release(&orders, &held.receipt, Duration::ZERO).await.unwrap();
    let held = answer(waiting).await.unwrap().remove(0);
    assert_eq!((&*held.body, held.receive_count), ("one", 2));

    let waiting = receiver(&store, &clock, &orders).await;
    store.acknowledge(&orders, &held.receipt).await.unwrap();
    assert_eq!(answer(waiting).await.unwrap()[0].body, "two");
}

#[tokio::test]
async fn waiting_ends_at_the_time_at_which_a_message_becomes_visible() {
    let place = Place::new();
    let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
    let options = SqliteStore::builder(place.db()).clock(clock.clone());
    let store = options.poll_interval(3600 * SECOND).open().await.unwrap();
    let orders = configure(&store, "orders").await;
    store.send(&orders, NewMessage::new("x").delay(5 * SECOND)).await.unwrap();
    let started = clock.now();
    let long_poll = ReceiveOptions::up_to(1).wait(20 * SECOND);
    assert_eq!(store.receive(&orders, long_poll).await.unwrap().len(), 1);
    assert_eq!(clock.now().duration_since(started).unsigned_abs(), 5 * SECOND);
}

#[tokio::test]
async fn waiting_ends_when_another_process_sends() {
    let place = Place::new();
    let options = SqliteStore::builder(place.db()).poll_interval(Duration::from_millis(1));
    let receiving = options.open().await.unwrap();
    // Another store on the file knows nothing of this one, like one in another process.
    let other = place.open().await;
    let orders = configure(&other, "orders").await;
    let long_poll = ReceiveOptions::up_to(1).wait(20 * SECOND);
    let waiting = receiving.receive(&orders, long_poll);
    let (received, sent) = tokio::join!(waiting, other.send(&orders, NewMessage::new("x")));
    assert_eq!(received.unwrap()[0].id, sent.unwrap());
}

#[tokio::test]
async fn waiting_on_a_store_that_is_closed_ends_with_an_error() {
    let place = Place::new();
    let clock = Arc::new(StandingClock::default());
    let store = open(&place, clock.clone()).await;
    let orders = configure(&store, "orders").await;
    let waiting = receiver(&store, &clock, &orders).await;
    store.close().await.unwrap();
    let error = answer(waiting).await.unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
}

#[tokio::test]
async fn a_wait_writes_nothing() {
    let place = Place::new();
    let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
    let store = open(&place, clock.clone()).await;
    let orders = configure(&store, "orders").await;
    let before = store.writer_stats();
    let started = clock.now();
    let long_poll = ReceiveOptions::up_to(1).wait(20 * SECOND);
    assert_eq!(store.receive(&orders, long_poll).await.unwrap(), []);
    assert_eq!(clock.now().duration_since(started).unsigned_abs(), 20 * SECOND);
    assert_eq!(store.writer_stats(), before);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_lengthen_a_wait() {
    let place = Place::new();
    let clock = virtual_clock();
    let store = open(&place, clock.clone()).await;
    let orders = configure(&store, "orders").await;
    let long_poll = ReceiveOptions::up_to(1).wait(20 * SECOND);
    let mut waiting = Box::pin(store.receive(&orders, long_poll));
    // Whether it has an answer before it sleeps once more.
    let mut is_answered = async || {
        let sleeps = clock.slept().len();
        while futures::poll!(&mut waiting).is_pending() {
            if clock.slept().len() > sleeps {
                return false;
            }
            tokio::task::yield_now().await;
        }
        true
    };
    assert!(!is_answered().await);
    let set_back = "2020-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
    clock.set(set_back);
    // Wakes it, with nothing for it: it looks at the clock.
    store.send(&orders, NewMessage::new("later").delay(60 * SECOND)).await.unwrap();
    while !is_answered().await {
        clock.advance(clock.slept().pop().unwrap());
        let waited = clock.now().duration_since(set_back).unsigned_abs();
        assert!(waited <= 20 * SECOND, "it waits for the old time");
    }
}

#[tokio::test]
async fn messages_whose_retention_is_over_take_no_room() {
    let place = Place::new();
    let clock = virtual_clock();
    let store = open(&place, clock.clone()).await;
    let orders = configure(&store, "orders").await;
    for _ in 0..3 {
        store.send(&orders, NewMessage::new("x")).await.unwrap();
    }
    clock.advance(QueueOptions::default().retention);
    assert_eq!(store.receive(&orders, ReceiveOptions::default()).await.unwrap(), []);
    let left: i64 =
        place.raw().query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn damaged_attributes_are_told() {
    let place = Place::new();
    let store = place.open().await;
    let orders = configure(&store, "orders").await;
    store.send(&orders, NewMessage::new("x")).await.unwrap();
    place.raw().execute("UPDATE messages SET attributes = '[1]'", []).unwrap();
    let error = store.receive(&orders, ReceiveOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    let counts = store.counts(&orders).await.unwrap();
    assert_eq!(counts.visible, 1, "a message that cannot be read is not taken");
}

#[tokio::test]
async fn people_can_read_what_is_queued() {
    let place = Place::new();
    let store = open(&place, virtual_clock()).await;
    let orders = configure(&store, "orders").await;
    store.send(&orders, NewMessage::new("x").delay(SECOND)).await.unwrap();
    let row: (String, String, String) = place
        .raw()
        .query_row("SELECT queue, body, visible_at FROM queued", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    let expected = ("orders", "x", "2026-03-01T12:00:01.000Z");
    assert_eq!((&*row.0, &*row.1, &*row.2), expected);
}
