//! Notices to readers about their fees, by way of a topic and a queue.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_core::announcer::Announcing;
use es_core::cloud_events::Source;
use es_core::{
    BoxError, DeadLetterQueue, DeadMessageFilter, DeadMessageRedrive, Incoming,
    MessageError, MessageHandler, QueueConsumer, QueueName, QueueOptions,
    RewindTo, TopicName, Topology,
};
use es_sqlite::SqliteStore;

use crate::release_3::account::AccountEvent;

// ANCHOR: handler
/// Writes to readers whose address is known.
#[derive(Clone)]
struct Notices {
    addresses: Arc<Mutex<BTreeSet<&'static str>>>,
}

#[async_trait]
impl MessageHandler for Notices {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let event = message.as_cloud_event();
        let event = event.ok_or(MessageError::permanent("it is no event"))?;
        let stream = event.stream();
        let stream = stream.ok_or(MessageError::permanent("of no stream"))?;
        let reader = stream.id();
        let known = self.addresses.lock().unwrap().contains(reader);
        if !known {
            let reason = format!("{reader} has no address");
            return Err(MessageError::permanent(reason));
        }
        match event.event().map_err(MessageError::permanent)? {
            AccountEvent::Charged { cents, copy } => {
                println!("to {reader}: {cents} cents for {copy}");
            }
            AccountEvent::Paid { .. } | AccountEvent::Closed => {}
        }
        Ok(())
    }
}
// ANCHOR_END: handler

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);

    // ANCHOR: topology
    let accounts = TopicName::new("accounts")?;
    let notices = QueueName::new("notices")?;
    let statistics = QueueName::new("statistics")?;
    let dead = QueueName::new("notices-dead")?;
    let topology = Topology::builder()
        .topic(&accounts)
        .queue(&notices, QueueOptions::default())
        .queue(&statistics, QueueOptions::default())
        .dead_letter_queue(&dead, QueueOptions::for_dead_letters())
        .subscription(
            &accounts,
            &notices,
            r#"{"type":["Account:Charged"]}"#.parse()?,
        )
        .subscription(&accounts, &statistics, "{}".parse()?)
        .build()?;
    topology.ensure(&*store, &*store).await?;
    // ANCHOR_END: topology

    // ANCHOR: announce
    let source = Source::new("/library")?;
    let announcer = Announcing::to_topic(store.clone(), accounts, source)
        .categories(["account"])
        .with_data_of::<AccountEvent>()
        .on(store.clone())?;
    announcer.catch_up().await?;
    // ANCHOR_END: announce

    // ANCHOR: consume
    let handler = Notices {
        addresses: Arc::new(Mutex::new(BTreeSet::from(["ada", "ben"]))),
    };
    let a_month = Duration::from_secs(30 * 24 * 60 * 60);
    let queue = notices.clone();
    let consumer =
        QueueConsumer::new("notices", store.clone(), queue, handler.clone())?
            .max_attempts(5)
            .dead_letters_to(dead.clone())
            .idempotent(store.clone(), a_month);
    let worked = consumer.work_off().await?;
    println!("{} done, {} given up", worked.done, worked.dead_lettered);
    // ANCHOR_END: consume

    // ANCHOR: look
    let letters = DeadLetterQueue::new(store.clone(), dead);
    for letter in letters.list(&DeadMessageFilter::all(), 10).await? {
        let failure = letter.failure.ok_or("nobody said why")?;
        println!("{} after {}", failure.error, failure.attempts);
    }
    // ANCHOR_END: look

    // ANCHOR: redrive
    handler.addresses.lock().unwrap().insert("dora");
    let redriven = letters.redrive(&DeadMessageRedrive::all()).await?;
    let worked = consumer.work_off().await?;
    println!("{} sent back, {} done", redriven.moved, worked.done);
    // ANCHOR_END: redrive

    // ANCHOR: again
    announcer.rewind(RewindTo::Start, |_| {}).await?;
    announcer.catch_up().await?;
    let worked = consumer.work_off().await?;
    println!("{} done, {} known", worked.done, worked.duplicates);
    // ANCHOR_END: again
    store.close().await?;
    Ok(())
}
