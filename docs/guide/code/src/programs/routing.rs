//! Events of the library, routed by what is in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use es_core::cloud_events::{CloudEvent, Source};
use es_core::{
    BoxError, DeadLetterQueue, DeadMessageFilter, Incoming, MessageError,
    MessageHandler, MessageQueue, QueueConsumer, QueueName, QueueOptions,
    ReceiveOptions,
};
use es_routing::{
    BusEvent, Delivery, Destination, EventBus, LocalBus, NewBusEvent, Rules,
    Target,
};
use es_sqlite::SqliteStore;
use serde_json::json;

// ANCHOR: printer
/// Prints labels, as long as it has paper.
#[derive(Debug, Default)]
struct LabelPrinter {
    paper: AtomicBool,
}

#[async_trait]
impl Target for LabelPrinter {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), MessageError> {
        if !self.paper.load(Ordering::Relaxed) {
            return Err(MessageError::transient("there is no paper"));
        }
        println!("printed a label for {}", delivery.event.detail["reader"]);
        Ok(())
    }
}
// ANCHOR_END: printer

// ANCHOR: again
/// Puts what could not be delivered on the bus again.
struct PutAgain {
    bus: Arc<LocalBus>,
}

#[async_trait]
impl MessageHandler for PutAgain {
    async fn handle(&self, letter: &Incoming) -> Result<(), MessageError> {
        let event = letter.as_cloud_event();
        let event = event.ok_or(MessageError::permanent("it is no event"))?;
        let event = NewBusEvent::from_cloud_event(event)
            .map_err(MessageError::permanent)?;
        match self.bus.put_event(&event).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_transient() => {
                Err(MessageError::transient(error))
            }
            Err(error) => Err(MessageError::permanent(error)),
        }
    }
}
// ANCHOR_END: again

/// Counts what comes.
struct Audit;

#[async_trait]
impl MessageHandler for Audit {
    async fn handle(&self, _: &Incoming) -> Result<(), MessageError> {
        Ok(())
    }
}

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);

    // ANCHOR: bus
    let rules: Rules = include_str!("../../rules/library.json").parse()?;
    for queue in rules.queues() {
        store.configure(queue, QueueOptions::default()).await?;
    }
    let printer = Arc::new(LabelPrinter::default());
    // The printer is at hand: it needs no queue before it.
    let labels = Destination::Queue(QueueName::new("labels")?);
    let bus = LocalBus::new(rules, |router| {
        router
            .bus_name("library")
            .queues(store.clone())
            .target(labels, printer.clone())
    })?;
    let bus = Arc::new(bus);
    // ANCHOR_END: bus

    // ANCHOR: put
    let near = json!({ "reader": "ada", "country": "NL", "grams": 700 });
    let far = json!({ "reader": "dora", "country": "AT", "grams": 900 });
    let small = json!({ "reader": "ada", "cents": 150 });
    let large = json!({ "reader": "ben", "cents": 700 });
    for (id, kind, data) in [
        ("p-7.4", "Parcel:Posted", near),
        ("p-8.4", "Parcel:Posted", far),
        ("ada.9", "Account:Charged", small),
        ("ben.7", "Account:Charged", large),
    ] {
        let event = CloudEvent::new(id, Source::new("/library")?, kind)?;
        let event = NewBusEvent::from_cloud_event(&event.with_data(&data)?)?;
        bus.put_event(&event).await?;
    }
    // ANCHOR_END: put

    // ANCHOR: arrived
    for name in ["customs", "desk"] {
        let queue = QueueName::new(name)?;
        let received = store.receive(&queue, ReceiveOptions::up_to(10)).await?;
        for message in received {
            println!("{name}: {}", message.body);
        }
    }
    // ANCHOR_END: arrived

    // ANCHOR: letters
    let dead = QueueName::new("labels-dead")?;
    let letters = DeadLetterQueue::new(store.clone(), dead.clone());
    for letter in letters.list(&DeadMessageFilter::all(), 10).await? {
        let event: BusEvent = letter.body.parse()?;
        println!("no label for {}:", event.detail["reader"]);
        for (name, value) in &letter.attributes {
            println!("  {name} = {value}");
        }
    }
    // ANCHOR_END: letters

    // ANCHOR: redeliver
    let a_month = Duration::from_secs(30 * 24 * 60 * 60);
    let audit = QueueName::new("audit")?;
    let audit = QueueConsumer::new("audit", store.clone(), audit, Audit)?
        .idempotent(store.clone(), a_month);
    println!("audit: {} events", audit.work_off().await?.done);

    printer.paper.store(true, Ordering::Relaxed);
    let again = PutAgain { bus: bus.clone() };
    let again = QueueConsumer::new("put-again", store.clone(), dead, again)?;
    println!("{} put again", again.work_off().await?.done);
    let worked = audit.work_off().await?;
    println!("audit: {} new, {} known", worked.done, worked.duplicates);
    // ANCHOR_END: redeliver
    store.close().await?;
    Ok(())
}
