//! A store, what can disturb it, and its state table as it is.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    CheckpointStore as _, DeadLetter, DeadLetterChange, DeadLetterQuery, DeadLetterState, Progress,
    Result, Version,
};
use es_dynamodb::{DynamoOptions, DynamoStore};

use crate::samples::{beside, consumer, partition, stream};
use crate::support::Server;
use crate::support::faults::Faults;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Two stores, as in two processes, on the same tables; the requests of the first meet faults.
pub(crate) struct Scene {
    pub(crate) store: DynamoStore,
    pub(crate) other: DynamoStore,
    pub(crate) faults: Faults,
    pub(crate) plain: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
    _server: Server,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let server = Server::start().await;
        let prefix = Server::prefix();
        let faults = Faults::none();
        let options = |seed| -> DynamoOptions {
            let clock = VirtualClock::auto_advancing("2026-03-01T12:00:00Z");
            let entropy = SeededEntropy::new(seed);
            server.options(&prefix).clock(Arc::new(clock)).entropy(Arc::new(entropy))
        };
        Self {
            store: server.store_with_behind(options(1), &faults).await,
            other: server.store_with(options(2)).await,
            faults,
            plain: server.dynamodb(),
            table: format!("{prefix}state"),
            _server: server,
        }
    }

    /// All items of the state table.
    pub(crate) async fn items(&self) -> Vec<Item> {
        let scan = self.plain.scan().table_name(&self.table).consistent_read(true);
        let items: Result<Vec<Item>, _> = scan.into_paginator().items().send().collect().await;
        items.unwrap()
    }

    /// Changes the item whose partition key begins so, as a person with a console could.
    pub(crate) async fn tamper(&self, partition: &str, change: impl FnOnce(&mut Item)) {
        let items = self.items().await;
        let mut found = items.into_iter().filter(|item| key(item).0.starts_with(partition));
        let mut item = found.next().unwrap_or_else(|| panic!("nothing begins with {partition}"));
        assert!(found.next().is_none(), "several items begin with {partition}");
        let old: Item = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone())).into();
        self.plain.delete_item().table_name(&self.table).set_key(Some(old)).send().await.unwrap();
        change(&mut item);
        self.plain.put_item().table_name(&self.table).set_item(Some(item)).send().await.unwrap();
    }
}

/// The keys of an item.
pub(crate) fn key(item: &Item) -> (String, String) {
    let text = |name: &str| item[name].as_s().unwrap().clone();
    (text("pk"), text("sk"))
}

pub(crate) async fn save(store: &DynamoStore, progress: Progress) {
    store.save(progress).await.unwrap();
}

pub(crate) async fn change(store: &DynamoStore, dead_letters: Vec<DeadLetterChange>) -> Result<()> {
    store.save(Progress { dead_letters, ..beside() }).await
}

pub(crate) async fn parked(store: &DynamoStore) -> Result<Vec<DeadLetter>> {
    store.dead_letters(&consumer("c"), &DeadLetterQuery::default()).await
}

pub(crate) async fn dropped(store: &DynamoStore) -> Result<Vec<DeadLetter>> {
    let query = DeadLetterQuery::default().state(DeadLetterState::Dropped);
    store.dead_letters(&consumer("c"), &query).await
}

/// Where consumer `c` is in partition `p`.
pub(crate) async fn place(store: &DynamoStore) -> String {
    let position = store.load(&consumer("c"), &partition("p")).await.unwrap();
    position.checkpoint.as_str().to_owned()
}

/// How far consumer `c` is with a stream.
pub(crate) async fn version(store: &DynamoStore, id: &str) -> Version {
    let progress = store.stream_progress(&consumer("c"), &[stream(id)]).await.unwrap();
    progress[0].version
}
