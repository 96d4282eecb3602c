//! The first steps with functions, as the guide shows them.
#![cfg(all(feature = "dynamodb", feature = "http", feature = "sqs"))]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use es_core::memory::MemoryQueues;
use es_core::{
    BoxError, Consumers, Event, Incoming, MessageError, MessageHandler, MessageQueue, Policy,
    Projection, Projector, QueueConsumer, QueueName, Reaction, ReactionError, Reactor, Recorded,
};
use es_dynamodb::{DynamoStore, TableCreation};
use es_lambda::{HandlerError, HandlerName};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::json;
use serde_json::value::to_raw_value;

#[derive(Debug, Event)]
#[event(prefix = "Parcel")]
enum ParcelEvent {
    Packed,
}

/// How many parcels were packed.
struct Parcels;

impl Projector for Parcels {
    const NAME: &'static str = "parcels";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["parcel"];
    type Event = ParcelEvent;
    type View = u32;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<u32>,
        _event: &Recorded<'_, ParcelEvent>,
    ) -> Result<(), BoxError> {
        *view.get_or_insert_default() += 1;
        Ok(())
    }
}

/// Tells the carrier.
struct Carrier;

#[async_trait]
impl Policy for Carrier {
    const NAME: &'static str = "carrier";
    const CATEGORIES: &'static [&'static str] = &["parcel"];
    type Event = ParcelEvent;

    async fn react(
        &self,
        event: &Recorded<'_, ParcelEvent>,
        _: &Reaction,
    ) -> Result<(), ReactionError> {
        let ParcelEvent::Packed = event.event;
        Ok(())
    }
}

/// Prints labels with numbers.
struct Labels;

#[async_trait]
impl MessageHandler for Labels {
    async fn handle(&self, label: &Incoming) -> Result<(), MessageError> {
        let number: u32 = label.json().map_err(MessageError::permanent)?;
        println!("label {number}");
        Ok(())
    }
}

/// The parts of the system, whichever function this process is.
struct Shop {
    log: Arc<DynamoStore>,
    queues: Arc<dyn MessageQueue>,
    parcels: Arc<Projection<Parcels>>,
    carrier: Arc<Reactor<Carrier>>,
    printing: Arc<QueueConsumer>,
}

impl Shop {
    async fn connect() -> Result<Self, BoxError> {
        let queues = Arc::new(MemoryQueues::default());
        // ANCHOR: connect
        let log = DynamoStore::builder("shop-")
            .table_creation(TableCreation::Never)
            // ANCHOR_END: connect
            .region("eu-central-1")
            .local_endpoint("http://127.0.0.1:1")
            // ANCHOR: parts
            .connect()
            .await?;
        let log = Arc::new(log);
        let parcels = Projection::on(Parcels, log.clone())?;
        let carrier = Reactor::on(Carrier, log.clone())?;
        // ANCHOR_END: parts
        let printing = printing(queues.clone())?;
        Ok(Self { log, queues, parcels: parcels.into(), carrier: carrier.into(), printing })
    }

    fn router(&self) -> Router {
        let view = self.parcels.view();
        let parcels = get(|| async move {
            view.get("all").await.map_or(0, Option::unwrap_or_default).to_string()
        });
        Router::new().route("/parcels", parcels)
    }

    // ANCHOR: functions
    async fn run(self, handler: &HandlerName) -> Result<(), lambda_runtime::Error> {
        match handler.as_str() {
            "api" => es_lambda::http(self.router()).run().await,
            "followers" => {
                let followers = Consumers::new().with(self.parcels).with(self.carrier);
                let dead_records = QueueName::new("dead-records")?;
                es_lambda::dynamodb(followers, (*self.log).clone())
                    .dead_records_to(self.queues, dead_records)
                    .run()
                    .await
            }
            "printer" => es_lambda::sqs(self.printing).run().await,
            _ => Err(handler.unknown().into()),
        }
    }
    // ANCHOR_END: functions
}

fn printing(queues: Arc<MemoryQueues>) -> es_core::Result<Arc<QueueConsumer>> {
    // ANCHOR: printing
    let printing = QueueConsumer::new("printing", queues, QueueName::new("labels")?, Labels)?
        .dead_letters_to(QueueName::new("labels-dead")?)
        .handler_timeout(Duration::from_secs(20));
    // ANCHOR_END: printing
    Ok(Arc::new(printing))
}

// ANCHOR: main
async fn function() -> Result<(), lambda_runtime::Error> {
    let handler = es_lambda::handler()?;
    Shop::connect().await?.run(&handler).await
}
// ANCHOR_END: main

#[tokio::test]
async fn a_program_that_no_function_was_asked_of_ends_with_an_error() {
    let error = function().await.unwrap_err();
    assert_eq!(*error.downcast::<HandlerError>().unwrap(), HandlerError::Unset);
}

#[tokio::test]
async fn the_parts_are_put_together_without_a_service() {
    // Nobody listens at the endpoint: a request would be an error.
    let shop = Shop::connect().await.unwrap();
    assert_eq!(shop.parcels.id().as_str(), "parcels_v1");
}

#[tokio::test]
async fn an_event_in_is_an_answer_out() {
    let queues = Arc::new(MemoryQueues::default());
    let dead = QueueName::new("labels-dead").unwrap();
    queues.configure(&dead, Default::default()).await.unwrap();
    let printing = printing(queues).unwrap();
    let mut context = Context::default();
    context.deadline = u64::MAX;
    // ANCHOR: answer
    let event = json!({ "Records": [
        { "eventSource": "aws:sqs", "messageId": "1", "body": "17" },
        { "eventSource": "aws:sqs", "messageId": "2", "body": null },
        { "eventSource": "aws:sqs", "messageId": "3", "body": "seventeen" },
    ] });
    let event = LambdaEvent::new(to_raw_value(&event).unwrap(), context);
    let answer = es_lambda::sqs(printing).invoke(event).await.unwrap();
    // The first is printed and the last is a dead letter.
    let failures = json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] });
    assert_eq!(serde_json::to_value(&answer).unwrap(), failures);
    // ANCHOR_END: answer
}
