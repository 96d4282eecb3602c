//! Consumers of queues in a file: what they have done, and how often they have tried, outlives them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_core::testing::VirtualClock;
use es_core::{
    Backoff, DeadLetterQueue, DeadLetterReason, DeadMessageFilter, DeadMessageRedrive, Error,
    Incoming, MessageError, MessageHandler, MessageQueue as _, NewMessage, QueueConsumer,
    QueueCounts, QueueName, QueueOptions,
};
use es_sqlite::{SqliteOptions, SqliteStore};
use support::Place;
use tokio::sync::{Barrier, OnceCell};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Notes what it handles, and refuses what it is told to.
#[derive(Default)]
struct Ledger {
    entries: Mutex<Vec<String>>,
    refuses: Mutex<Option<String>>,
}

impl Ledger {
    fn refusing(body: &str) -> Arc<Self> {
        Arc::new(Self { refuses: Mutex::new(Some(body.to_owned())), ..Self::default() })
    }

    fn entries(&self) -> Vec<String> {
        let mut entries = self.entries.lock().unwrap().clone();
        entries.sort();
        entries
    }
}

#[async_trait]
impl MessageHandler for Ledger {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        if self.refuses.lock().unwrap().as_deref() == Some(message.body()) {
            return Err(MessageError::transient("not today"));
        }
        self.entries.lock().unwrap().push(message.body().to_owned());
        Ok(())
    }
}

struct Office {
    place: Place,
    clock: Arc<VirtualClock>,
    orders: QueueName,
    dead: QueueName,
}

impl Office {
    async fn with_orders(count: usize) -> Self {
        let office = Self {
            place: Place::new(),
            clock: Arc::new(VirtualClock::at("2026-03-01T12:00:00Z")),
            orders: QueueName::new("orders").unwrap(),
            dead: QueueName::new("orders-dead").unwrap(),
        };
        let store = office.open().await;
        for queue in [&office.orders, &office.dead] {
            store.configure(queue, QueueOptions::default()).await.unwrap();
        }
        for number in 0..count {
            let order = NewMessage::new(number.to_string());
            store.send(&office.orders, order).await.unwrap();
        }
        office
    }

    /// As a process that starts does.
    async fn open(&self) -> Arc<SqliteStore> {
        let options = SqliteStore::builder(self.place.db()).clock(self.clock.clone());
        Arc::new(options.open().await.unwrap())
    }

    fn consumer(&self, store: &Arc<SqliteStore>, ledger: &Arc<Ledger>) -> QueueConsumer {
        self.consumer_with(store, ledger.clone())
    }

    fn consumer_with(
        &self,
        store: &Arc<SqliteStore>,
        handler: impl MessageHandler,
    ) -> QueueConsumer {
        QueueConsumer::new("office", store.clone(), self.orders.clone(), handler)
            .unwrap()
            .dead_letters_to(self.dead.clone())
            .idempotent(store.clone(), 24 * HOUR)
            .with_clock(self.clock.clone())
    }
}

#[tokio::test]
async fn attempts_dead_letters_and_redriven_messages_outlive_the_process() {
    let office = Office::with_orders(3).await;
    let ledger = Ledger::refusing("1");
    for _ in 0..3 {
        let store = office.open().await;
        office.consumer(&store, &ledger).work_off().await.unwrap();
        office.clock.advance(HOUR);
    }
    assert_eq!(ledger.entries(), ["0", "2"]);

    let store = office.open().await;
    let dead = DeadLetterQueue::new(store, office.dead.clone()).with_clock(office.clock.clone());
    let found = dead.list(&DeadMessageFilter::all(), 10).await.unwrap().remove(0);
    let failure = found.failure.unwrap();
    assert_eq!((failure.reason, failure.attempts), (DeadLetterReason::AttemptsUsedUp, 3));
    assert_eq!(dead.redrive(&DeadMessageRedrive::all()).await.unwrap().moved, 1);

    *ledger.refuses.lock().unwrap() = None;
    let store = office.open().await;
    office.consumer(&store, &ledger).work_off().await.unwrap();
    assert_eq!(ledger.entries(), ["0", "1", "2"]);
    for queue in [&office.orders, &office.dead] {
        assert_eq!(store.counts(queue).await.unwrap(), QueueCounts::default());
    }
}

#[tokio::test]
async fn what_was_handled_before_the_process_died_is_not_handled_again() {
    let office = Office::with_orders(20).await;
    let ledger = Arc::<Ledger>::default();
    // It dies at some request, again and again: what it was waiting for is dropped.
    for polls in 1..40 {
        let store = office.open().await;
        let consumer = office.consumer(&store, &ledger);
        let died = es_core::testing::faults::crash_at(polls, consumer.work_off()).await;
        drop(died);
        // Claims and holds run out.
        office.clock.advance(HOUR);
    }
    let store = office.open().await;
    office.consumer(&store, &ledger).work_off().await.unwrap();

    let mut once = ledger.entries();
    let handled = once.len();
    once.dedup();
    assert_eq!(once.len(), 20, "every one");
    // The window between effect and record is there, and it is small: one claim is completed at a time.
    assert!(handled <= 20 + 39 * 10, "{handled} times");
    assert_eq!(store.counts(&office.orders).await.unwrap(), QueueCounts::default());
    assert_eq!(store.counts(&office.dead).await.unwrap(), QueueCounts::default());
}

/// Does what the ledger does, once the other one has something to do, too.
struct Meeting {
    ledger: Arc<Ledger>,
    both: Arc<Barrier>,
    met: OnceCell<()>,
}

#[async_trait]
impl MessageHandler for Meeting {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let meet = async || {
            self.both.wait().await;
        };
        self.met.get_or_init(meet).await;
        self.ledger.handle(message).await
    }
}

#[tokio::test]
async fn two_consumers_on_one_file_share_the_work() {
    let office = Office::with_orders(100).await;
    let ledger = Arc::<Ledger>::default();
    let (store, other) = (office.open().await, office.open().await);
    // Nobody goes on before both have something in hand, so that no one can take it all.
    let both = Arc::new(Barrier::new(2));
    let meeting = || Meeting { ledger: ledger.clone(), both: both.clone(), met: OnceCell::new() };
    let one = office.consumer_with(&store, meeting());
    let two = office.consumer_with(&other, meeting());
    let (one, two) = futures::join!(one.work_off(), two.work_off());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.done + two.done, ledger.entries().len()), (100, 100));
    assert!(one.done > 0 && two.done > 0, "{one:?}, {two:?}");
}

/// An office on the machine's clock.
async fn office_in_real_time(options: SqliteOptions) -> (Arc<SqliteStore>, QueueName, QueueName) {
    let store = Arc::new(options.open().await.unwrap());
    let (orders, dead) = (QueueName::new("orders").unwrap(), QueueName::new("dead").unwrap());
    for queue in [&orders, &dead] {
        store.configure(queue, QueueOptions::default()).await.unwrap();
    }
    (store, orders, dead)
}

fn clerk(
    store: &Arc<SqliteStore>,
    (orders, dead): (&QueueName, &QueueName),
    ledger: &Arc<Ledger>,
) -> QueueConsumer {
    QueueConsumer::new("office", store.clone(), orders.clone(), ledger.clone())
        .unwrap()
        .dead_letters_to(dead.clone())
        .max_attempts(1)
        .backoff(Backoff { base: Duration::ZERO, max: Duration::ZERO })
        .idempotent(store.clone(), 24 * HOUR)
}

#[tokio::test]
async fn on_a_full_disk_nothing_that_was_acknowledged_is_lost_and_with_room_it_goes_on() {
    let place = Place::new();
    let full = SqliteStore::builder(place.db()).max_file_size(512 * 1024);
    let (store, orders, dead) = office_in_real_time(full).await;
    let body = |n: usize| format!("{n:03}{}", "x".repeat(5_000));
    let mut sent = Vec::new();
    let error = loop {
        match store.send(&orders, NewMessage::new(body(sent.len()))).await {
            Ok(_) => sent.push(body(sent.len())),
            Err(error) => break error,
        }
        assert!(sent.len() < 1_000, "the limit is never reached");
    };
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let rest = "x".repeat(1_000);
    while store.send(&dead, NewMessage::new(&rest)).await.is_ok() {}

    // There is no room for a dead letter, so what fails stays, and nobody goes on.
    let ledger = Ledger::refusing(&sent[0]);
    let consumer = clerk(&store, (&orders, &dead), &ledger).concurrency(1);
    let refused = consumer.work_off().await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
    let QueueCounts { visible, in_flight, delayed } = store.counts(&orders).await.unwrap();
    assert_eq!(visible + in_flight + delayed, sent.len() as u64);
    assert!(ledger.entries().is_empty(), "nobody goes on");
    store.close().await.unwrap();

    let (store, orders, dead) = office_in_real_time(SqliteStore::builder(place.db())).await;
    store.purge(&dead).await.unwrap();
    let consumer = clerk(&store, (&orders, &dead), &ledger);
    // What failed is hidden until its wait is over.
    while store.counts(&orders).await.unwrap() != QueueCounts::default() {
        consumer.work_off().await.unwrap();
    }
    assert_eq!(ledger.entries(), sent[1..]);
    assert_eq!(store.counts(&dead).await.unwrap().visible, 1);
}

#[tokio::test]
async fn while_another_program_has_the_file_nothing_is_lost_and_afterwards_it_goes_on() {
    let place = Place::new();
    let options = SqliteStore::builder(place.db()).busy_timeout(Duration::from_millis(5));
    let (store, orders, dead) = office_in_real_time(options).await;
    for number in 0..25 {
        store.send(&orders, NewMessage::new(number.to_string())).await.unwrap();
    }
    let ledger = Arc::new(Ledger::default());
    let consumer = clerk(&store, (&orders, &dead), &ledger);
    let lock = place.raw();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = consumer.work_off().await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
    let refused = store.send(&orders, NewMessage::new("25")).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
    lock.execute_batch("COMMIT").unwrap();

    assert_eq!(consumer.work_off().await.unwrap().done, 25);
    assert_eq!(store.counts(&orders).await.unwrap(), QueueCounts::default());
    let mut expected: Vec<_> = (0..25).map(|number| number.to_string()).collect();
    expected.sort();
    assert_eq!(ledger.entries(), expected);
}
