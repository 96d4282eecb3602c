//! The metrics that are documented are the metrics that are there.

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use es_core::cloud_events::{CloudEvent, Source};
use es_core::memory::{MemoryIdempotency, MemoryQueues, MemoryStore};
use es_core::testing::faults::{Faults, FaultyEventStore};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    ConsumerId, Deadline, DeadlineHandler, DeadlineId, DeadlineStore as _, DeadlineSweeper,
    ExecuteOptions, Incoming, MessageError, MessageHandler, MessageQueue as _, NewMessage,
    Projection, QueueConsumer, QueueName, QueueOptions, ReceiveOptions, Repository, SnapshotPolicy,
    telemetry,
};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use support::{Account, AccountCommand, Rivals, Statements, credited};

/// Adds up counters by name and labels.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, Arc<Count>>>);

#[derive(Default)]
struct Count(AtomicU64);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::SeqCst);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::SeqCst);
    }
}

impl Counts {
    fn get(&self, name: &str, labels: &str) -> u64 {
        let counts = self.0.lock().unwrap();
        counts.get(&format!("{name} {labels}")).map_or(0, |count| count.0.load(Ordering::SeqCst))
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<String> =
            key.labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
        let name = format!("{} {}", key.name(), labels.join(","));
        Counter::from_arc(self.0.lock().unwrap().entry(name).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn commands_and_consumers_are_counted_under_their_documented_names() {
    let counts = Counts::default();
    metrics::with_local_recorder(&counts, || {
        // On this thread only: that is where the recorder is.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(work());
    });
    let outcome = |outcome: &str| {
        counts.get(telemetry::COMMANDS, &format!("category=account,outcome={outcome}"))
    };
    assert_eq!(outcome("appended"), 4);
    assert_eq!(outcome("replayed"), 1);
    assert_eq!(outcome("rejected"), 1);
    assert_eq!(outcome("unchanged"), 1);
    assert_eq!(counts.get(telemetry::CONFLICTS, "category=account"), 1);
    assert_eq!(counts.get(telemetry::CACHE_HITS, "category=account"), 6);
    assert_eq!(counts.get(telemetry::SNAPSHOTS, "category=account,outcome=missing"), 1);
    assert_eq!(counts.get(telemetry::SNAPSHOTS, "category=account,outcome=used"), 1);
    assert_eq!(counts.get(telemetry::COMMITS_CONSUMED, "consumer=statements_v1"), 5);
}

#[test]
fn messages_are_counted_under_their_documented_names() {
    let counts = Counts::default();
    metrics::with_local_recorder(&counts, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(consume());
    });
    let outcome = |outcome: &str| {
        counts.get(telemetry::MESSAGES, &format!("consumer=clerk,outcome={outcome}"))
    };
    assert_eq!(counts.get(telemetry::MESSAGES_RECEIVED, "consumer=clerk"), 4);
    assert_eq!((outcome("done"), outcome("duplicate")), (1, 1));
    assert_eq!((outcome("retried"), outcome("dead_lettered")), (1, 1));
}

#[test]
fn deadlines_are_counted_under_their_documented_names() {
    let counts = Counts::default();
    metrics::with_local_recorder(&counts, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(sweep());
    });
    let outcome = |outcome: &str| {
        counts.get(telemetry::DEADLINES, &format!("consumer=checkout,outcome={outcome}"))
    };
    assert_eq!((outcome("fired"), outcome("failed")), (2, 1));
}

/// Has no paper for order-18.
struct Reminders;

#[async_trait]
impl DeadlineHandler for Reminders {
    async fn fire(&self, deadline: &Deadline) -> es_core::Result<()> {
        match deadline.instance() {
            "order-18" => Err(es_core::Error::Misuse("no paper".to_owned())),
            _ => Ok(()),
        }
    }
}

async fn sweep() {
    let (store, process) = (Arc::new(MemoryStore::new()), ConsumerId::new("checkout").unwrap());
    for order in ["order-17", "order-18", "order-19"] {
        let (id, due) = (DeadlineId::from_bytes([7; 16]), es_core::Timestamp::UNIX_EPOCH);
        store.set(&[Deadline::new(process.clone(), order, id, due).unwrap()]).await.unwrap();
    }
    DeadlineSweeper::new(process, store, Arc::new(Reminders)).sweep().await.unwrap();
}

/// Prints the word "good", has no paper for "later", and knows no other word.
struct Printer;

#[async_trait]
impl MessageHandler for Printer {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        match message.kind() {
            Some("good") => Ok(()),
            Some("later") => Err(MessageError::transient("no paper")),
            _ => Err(MessageError::permanent("no such word")),
        }
    }
}

/// The word as the type and the id of an event.
fn event(word: &str) -> NewMessage {
    let event = CloudEvent::new(word, Source::new("/words").unwrap(), word).unwrap();
    event.message().unwrap()
}

async fn consume() {
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let entropy = Arc::new(SeededEntropy::new(1));
    let queues = Arc::new(MemoryQueues::new(clock.clone(), entropy.clone()));
    let names = ["words.fifo", "words-dead.fifo"].map(|name| QueueName::new(name).unwrap());
    let [words, dead] = names;
    for queue in [&words, &dead] {
        queues.configure(queue, QueueOptions::default()).await.unwrap();
    }
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    let week = 7 * day;
    let clerk = QueueConsumer::new("clerk", queues.clone(), words.clone(), Printer)
        .unwrap()
        .dead_letters_to(dead)
        .idempotent(Arc::new(MemoryIdempotency::new(clock.clone(), entropy.clone())), week)
        .with_clock(clock.clone())
        .with_entropy(entropy);
    for (word, group) in [("good", "a"), ("later", "b"), ("bad", "c")] {
        queues.send(&words, event(word).group(group)).await.unwrap();
    }
    clerk.work_off().await.unwrap();
    // What was released waits in other hands.
    clock.advance(day);
    let _ = queues.receive(&words, ReceiveOptions::default()).await.unwrap();
    queues.send(&words, event("good").group("d")).await.unwrap();
    clerk.work_off().await.unwrap();
}

async fn work() {
    let (shared, faults) = (Arc::new(MemoryStore::new()), Faults::none());
    let rivals = Rivals::new(&faults);
    let log = rivals.on(FaultyEventStore::new(shared.clone(), faults));
    let accounts = Repository::<Account>::new(Arc::new(log))
        .with_clock(Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z")))
        .with_entropy(Arc::new(SeededEntropy::new(1)))
        .with_snapshots(shared.clone(), SnapshotPolicy::Every(2))
        .with_cache(8);
    accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    accounts.execute("a", AccountCommand::Debit(9)).await.unwrap_err();
    accounts.execute("a", AccountCommand::Credit(0)).await.unwrap();
    for _ in 0..2 {
        let options = ExecuteOptions::new().idempotency_key("k");
        accounts.execute_with("a", AccountCommand::Credit(1), options).await.unwrap();
    }
    let events = es_core::EncodedEvents::encode(
        &[credited(1)],
        es_core::Codec::Json,
        es_core::Compression::None,
        0,
    );
    let winner = es_core::NewCommit::new(
        es_core::CommitId::from_bytes([1; 16]),
        es_core::Timestamp::UNIX_EPOCH,
        Default::default(),
        events.unwrap(),
    );
    rivals.overtake(1, winner);
    accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    accounts.load("a").await.unwrap();
    let statements = Projection::new(Statements, shared.clone(), shared.clone(), shared).unwrap();
    statements.catch_up().await.unwrap();
}

/// Keeps the fields of the spans of one name.
#[derive(Default)]
struct Spans(Mutex<Vec<String>>);

impl tracing::Subscriber for &'static Spans {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_span() && metadata.name() == "projection.batch"
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        struct Fields(Vec<String>);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push(format!("{}={value:?}", field.name()));
            }
        }
        let mut fields = Fields(Vec::new());
        span.record(&mut fields);
        let mut spans = self.0.lock().unwrap();
        spans.push(fields.0.join(","));
        tracing::span::Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn each_saving_of_a_rebuild_has_the_span_of_a_step() {
    let spans: &Spans = Box::leak(Box::default());
    tracing::subscriber::with_default(spans, || {
        // On this thread only: that is where the subscriber is.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Arc::new(MemoryStore::new());
            let accounts = Repository::<Account>::new(store.clone());
            for amount in 1..=10 {
                accounts.execute("a", AccountCommand::Credit(amount)).await.unwrap();
            }
            let statements = Projection::on(Statements, store).unwrap().with_batch_size(5);
            statements.rebuild(|_| {}).await.unwrap();
            statements.with_rebuild_memory(0).rebuild(|_| {}).await.unwrap();
        });
    });
    let of = |commits: u64| format!("consumer=statements_v1_rebuild,commits={commits}");
    assert_eq!(*spans.0.lock().unwrap(), [of(10), of(5), of(5)]);
}
