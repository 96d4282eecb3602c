//! Writers that are in each other's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use es_core::testing::VirtualClock;
use es_core::{Backoff, Error, Repository};
use notes::Notes;

use super::*;

#[tokio::test]
async fn of_100_concurrent_writers_each_command_is_applied_once() {
    let scene = scene().await;
    let store = Arc::new(scene.store.clone());
    let writers = (1..=100).map(|bytes| {
        let notes = Repository::<Notes>::new(store.clone()).with_attempts(1000, Backoff::default());
        tokio::spawn(async move {
            let receipt = notes.execute("n-1", Note { texts: 1, bytes: 100 + bytes }).await;
            receipt.expect("a receipt").version()
        })
    });
    let mut versions = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        versions.push(writer.await.expect("no panic").get());
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=100).collect::<Vec<_>>());
    let mut lengths: Vec<usize> = scene
        .read_all()
        .await
        .expect("a read")
        .iter()
        .map(|commit| commit.events().payloads().len())
        .collect();
    lengths.sort_unstable();
    assert_eq!(lengths, (101..=200).collect::<Vec<_>>());
}

/// Turns the answers to so many writes into refusals for a transaction in the way. What the server did,
/// it has done all the same, so that the same write meets itself when it comes again.
#[derive(Debug)]
struct TransactionsInTheWay(AtomicU32);

#[dyn_dispatch_hint]
impl Intercept for TransactionsInTheWay {
    fn name(&self) -> &'static str {
        "TransactionsInTheWay"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let refusal = match cfg.load::<Metadata>().map(Metadata::name) {
            Some("PutItem") => r#"{"__type":"TransactionConflictException","message":""}"#,
            Some("TransactWriteItems") => {
                r#"{"__type":"TransactionCanceledException","CancellationReasons":
                [{"Code":"None"},{"Code":"TransactionConflict","Message":""}]}"#
            }
            _ => return Ok(()),
        };
        let is_left = |left: u32| left.checked_sub(1);
        if self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_left).is_ok() {
            let status = StatusCode::try_from(400)?;
            *context.response_mut() = HttpResponse::new(status, SdkBody::from(refusal));
        }
        Ok(())
    }
}

/// A store on the same tables, whose first writes have transactions in their way.
fn with_transactions_in_the_way(scene: &Scene, refusals: u32) -> (DynamoStore, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
    let prefix = scene.table.strip_suffix("events").expect("the table of the log");
    let options = scene.server.options(prefix).clock(clock.clone());
    let client = scene.server.dynamodb();
    let interceptor = TransactionsInTheWay(AtomicU32::new(refusals));
    let config = client.config().to_builder().interceptor(interceptor).build();
    let client = aws_sdk_dynamodb::Client::from_conf(config);
    (options.with_clients(client, scene.server.streams()).expect("valid options"), clock)
}

#[tokio::test]
async fn a_write_waits_for_the_transactions_in_its_way() {
    for id in [generated(1), derived("key")] {
        let scene = scene().await;
        let (store, clock) = with_transactions_in_the_way(&scene, 3);
        let new = large(id, 100);
        let appended = store.append(&stream(), Expected::NoStream, new).await.expect("an append");
        assert_eq!(scene.read_all().await.expect("a read"), [appended.commit]);
        assert_eq!(clock.slept().len(), 3, "with a pause after each refusal");
    }
}

#[tokio::test]
async fn a_write_does_not_wait_for_ever() {
    for id in [generated(1), derived("key")] {
        let scene = scene().await;
        let (store, clock) = with_transactions_in_the_way(&scene, u32::MAX);
        let outcome = store.append(&stream(), Expected::NoStream, large(id, 100)).await;
        assert!(matches!(outcome, Err(Error::Unavailable { .. })), "{outcome:?}");
        assert_eq!(clock.slept().len(), 7);
    }
}
