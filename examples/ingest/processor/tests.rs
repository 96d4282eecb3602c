use std::time::Duration;

use es_core::cloud_events::Source;
use es_core::memory::{MemoryQueues, MemoryStore};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Backoff, DeadLetterQueue, DeadLetterReason, DeadMessageFilter, DeadMessageRedrive,
    MessageQueue, NewMessage, QueueConsumer, QueueName, QueueOptions,
};
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use serde_json::json;
use serde_json::value::to_raw_value;

use super::*;
use crate::ingest::documents::Bucket;
use crate::ingest::domain::Status;
use crate::ingest::figures::Totals;
use crate::ingest::stations::{KnownStations, Outage, Unreliable};

/// The longest wait between two attempts.
const AN_HOUR: Duration = Duration::from_secs(60 * 60);

/// A processor behind a queue.
struct Scene {
    clock: Arc<VirtualClock>,
    /// What is in the bucket `inbox`.
    objects: Arc<InMemory>,
    queues: Arc<MemoryQueues>,
    intakes: Repository<Intake>,
    register: Arc<Unreliable<KnownStations>>,
    figures: Arc<Figures>,
    consumer: QueueConsumer,
}

fn submissions() -> QueueName {
    QueueName::new("submissions").unwrap()
}

fn dead_letters() -> QueueName {
    QueueName::new("dead-letters").unwrap()
}

impl Scene {
    async fn with_outages(outages: &[&str]) -> Self {
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let entropy = Arc::new(SeededEntropy::new(3));
        let queues = Arc::new(MemoryQueues::new(clock.clone(), entropy.clone()));
        for queue in [submissions(), dead_letters()] {
            queues.configure(&queue, QueueOptions::default()).await.unwrap();
        }
        let outages: Vec<Outage> = outages.iter().map(|outage| outage.parse().unwrap()).collect();
        let register = Arc::new(Unreliable::new(KnownStations, outages));
        let intakes = Repository::<Intake>::new(Arc::new(MemoryStore::new()));
        let figures = Arc::new(Figures::new(clock.clone()));
        let objects = Arc::new(InMemory::new());
        let processor = Processor {
            intakes: intakes.clone(),
            documents: Arc::new(Bucket::new("inbox", objects.clone())),
            register: register.clone(),
            figures: figures.clone(),
        };
        let consumer =
            QueueConsumer::new("processor", queues.clone(), submissions(), processor).unwrap();
        let consumer = consumer
            .max_attempts(Processor::ATTEMPTS)
            .backoff(Backoff { base: AN_HOUR, max: AN_HOUR })
            .dead_letters_to(dead_letters())
            .with_clock(clock.clone())
            .with_entropy(entropy);
        Self { clock, objects, queues, intakes, register, figures, consumer }
    }

    async fn submit(&self, document: &serde_json::Value) -> EventId {
        let text = to_raw_value(document).unwrap();
        let id = Document::read(text.get().as_bytes()).id;
        let source = Source::new("/test").unwrap();
        let event = Submission::of_document(&id, &text, source).unwrap();
        self.queues.send(&submissions(), event.message().unwrap()).await.unwrap();
        id
    }

    /// Handles what is there, and what comes of it.
    async fn work_off(&self) {
        while self.queues.counts(&submissions()).await.unwrap() != Default::default() {
            self.consumer.work_off().await.unwrap();
            self.clock.advance(AN_HOUR);
        }
    }

    /// What the bucket tells of an object.
    async fn notify(&self, key: &str) {
        let notification = json!({ "Records": [{
            "eventName": "ObjectCreated:Put", "eventTime": "2026-03-01T12:00:00Z",
            "s3": { "bucket": { "name": "inbox" }, "object": { "key": key, "sequencer": "1" } },
        }]});
        let message = NewMessage::new(notification.to_string());
        self.queues.send(&submissions(), message).await.unwrap();
    }

    async fn status(&self, id: &EventId) -> Option<Status> {
        self.intakes.load(id.as_str()).await.unwrap().status
    }

    fn dead(&self) -> DeadLetterQueue {
        DeadLetterQueue::new(self.queues.clone(), dead_letters())
    }

    /// Why messages are dead letters.
    async fn reasons(&self) -> Vec<(DeadLetterReason, String, u32)> {
        let found = self.dead().list(&DeadMessageFilter::all(), 100).await.unwrap();
        let failures = found.into_iter().map(|letter| letter.failure.unwrap());
        failures.map(|it| (it.reason, it.error, it.attempts)).collect()
    }
}

fn at_station(station: &str) -> serde_json::Value {
    json!({
        "id": format!("{station}-1"), "station": station, "quantity": "temperature", "value": 4.5,
        "unit": "C", "measured_at": "2026-03-01T06:00:00Z",
    })
}

#[tokio::test]
async fn what_comes_twice_is_processed_once() {
    let scene = Scene::with_outages(&[]).await;
    let id = scene.submit(&at_station("potsdam")).await;
    scene.submit(&at_station("potsdam")).await;
    let text = serde_json::to_string_pretty(&at_station("potsdam")).unwrap();
    scene.objects.put(&"again.json".into(), text.into()).await.unwrap();
    scene.notify("again.json").await;
    scene.work_off().await;
    assert_eq!(scene.status(&id).await, Some(Status::Processed));
    let totals = Totals { processed: 1, duplicates: 2, ..Totals::default() };
    assert_eq!(scene.figures.totals(), totals);
    assert_eq!(scene.intakes.load(id.as_str()).await.unwrap().version().get(), 2);
}

#[tokio::test]
async fn an_outage_that_ends_in_time_costs_attempts_only() {
    let scene = Scene::with_outages(&["zugspitze=2"]).await;
    let id = scene.submit(&at_station("zugspitze")).await;
    scene.work_off().await;
    assert_eq!(scene.status(&id).await, Some(Status::Processed));
    let totals = Totals { processed: 1, retries: 2, errors: 2, ..Totals::default() };
    assert_eq!(scene.figures.totals(), totals);
    assert_eq!(scene.reasons().await, []);
}

#[tokio::test]
async fn after_three_attempts_an_event_is_given_up_and_a_redrive_brings_it_back() {
    let scene = Scene::with_outages(&["brocken"]).await;
    let id = scene.submit(&at_station("brocken")).await;
    scene.consumer.work_off().await.unwrap();
    assert_eq!(scene.status(&id).await, Some(Status::Retrying), "between attempts it is known");
    scene.work_off().await;
    assert_eq!(scene.status(&id).await, Some(Status::Failed));
    let why = "the station register does not answer".to_owned();
    assert_eq!(scene.reasons().await, [(DeadLetterReason::AttemptsUsedUp, why, 3)]);
    let totals = Totals { retries: 2, errors: 3, ..Totals::default() };
    assert_eq!(scene.figures.totals(), totals);

    scene.register.repair();
    assert_eq!(scene.dead().redrive(&DeadMessageRedrive::all()).await.unwrap().moved, 1);
    scene.work_off().await;
    assert_eq!(scene.status(&id).await, Some(Status::Processed));
}

#[tokio::test]
async fn what_is_not_valid_is_a_dead_letter_at_once_with_the_reason() {
    let scene = Scene::with_outages(&[]).await;
    let mut hot = at_station("potsdam");
    hot["value"] = json!(451);
    let hot = scene.submit(&hot).await;
    let unknown = scene.submit(&at_station("atlantis")).await;
    scene.work_off().await;
    for id in [hot, unknown] {
        assert_eq!(scene.status(&id).await, Some(Status::Failed), "{id}");
    }
    let mut reasons = scene.reasons().await;
    reasons.sort();
    let permanent = |why: &str| (DeadLetterReason::Permanent, why.to_owned(), 1);
    assert_eq!(
        reasons,
        [
            permanent("no temperature is outside of -100 to 70 C"),
            permanent("the station is not registered"),
        ]
    );
}

#[tokio::test]
async fn two_readings_under_one_id_are_not_mixed_up() {
    let scene = Scene::with_outages(&[]).await;
    let id = scene.submit(&at_station("potsdam")).await;
    scene.work_off().await;
    let mut other = at_station("potsdam");
    other["value"] = json!(5.5);
    assert_eq!(scene.submit(&other).await, id);
    scene.work_off().await;
    let why = "the id belongs to another reading".to_owned();
    assert_eq!(scene.reasons().await, [(DeadLetterReason::Permanent, why, 1)]);
    let kept = scene.intakes.load(id.as_str()).await.unwrap().reading.clone().unwrap();
    assert_eq!(kept.value, 4.5);
}

#[tokio::test]
async fn messages_that_are_no_submissions_are_dead_letters_too() {
    let scene = Scene::with_outages(&[]).await;
    scene.queues.send(&submissions(), NewMessage::new("hello")).await.unwrap();
    scene.notify("missing.json").await;
    scene.work_off().await;
    let mut reasons: Vec<String> =
        scene.reasons().await.into_iter().map(|(_, error, _)| error).collect();
    reasons.sort();
    assert_eq!(reasons, ["the file \"missing.json\" is not there", "the message is no CloudEvent"]);
}
