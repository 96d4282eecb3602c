//! A store on a server, and what the tests write and read.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{
    Advance, Checkpoint, CheckpointStore, ConsumerId, PartitionId, Progress, Replaces, Result,
    ViewChange, ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore,
};
use es_dynamodb::{DynamoOptions, DynamoStore};

use crate::support::Server;
use crate::support::faults::Faults;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// A store, another one on the same tables, as of another program, and a client of its own.
pub(crate) struct Scene {
    pub(crate) store: DynamoStore,
    pub(crate) other: DynamoStore,
    /// What the requests of `store` meet.
    pub(crate) faults: Faults,
    pub(crate) client: Client,
    pub(crate) prefix: String,
    pub(crate) server: Server,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|options| options).await
    }

    pub(crate) async fn with(options: impl Fn(DynamoOptions) -> DynamoOptions) -> Self {
        let server = Server::start().await;
        let (prefix, faults) = (Server::prefix(), Faults::none());
        let options = || options(server.options(&prefix));
        let store = server.store_with_behind(options(), &faults).await;
        let other = server.store_with(options()).await;
        Self { store, other, faults, client: server.dynamodb(), prefix, server }
    }

    /// The name of the table of a view.
    pub(crate) fn table(&self, view: &str) -> String {
        format!("{}view_{view}", self.prefix)
    }

    /// The pointer of a view, as another program reads it.
    pub(crate) async fn pointer(&self, view: &str) -> Option<Item> {
        let key = [("pk", format!("view#{view}")), ("sk", "pointer".to_owned())];
        let key = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value)));
        let table = format!("{}state", self.prefix);
        let found = self.client.get_item().table_name(table).set_key(Some(key.into()));
        found.send().await.expect("the state table can be read").item
    }

    /// The generation that a view shows.
    pub(crate) async fn generation(&self, view: &str) -> String {
        let pointer = self.pointer(view).await.expect("the view was prepared");
        pointer["generation"].as_s().expect("a string").clone()
    }

    /// All items of the table of a view.
    pub(crate) async fn items(&self, view: &str) -> Vec<Item> {
        let all = self.client.scan().table_name(self.table(view)).send().await;
        all.expect("the view's table can be read").items.unwrap_or_default()
    }
}

pub(crate) fn view(name: &str) -> ViewName {
    ViewName::new(name).expect("a valid name")
}

pub(crate) fn consumer() -> ConsumerId {
    ConsumerId::new("orders_v1").expect("a valid name")
}

pub(crate) async fn prepare(store: &DynamoStore, name: &str, fields: &'static [&'static str]) {
    let schema = ViewSchema { name: view(name), indexed_fields: fields, expires_by: None };
    store.prepare(&schema).await.expect("the view can be prepared");
}

pub(crate) fn put(name: &str, key: &str, document: &str) -> ViewChange {
    let (view, key, document) = (view(name), key.to_owned(), Some(document.to_owned()));
    ViewChange { view, key, replaces: Replaces::Anything, document }
}

/// A step beside the feed: nothing but its documents fences it.
pub(crate) fn beside_the_feed() -> Progress {
    Progress::new(consumer(), None)
}

/// The next step of the consumer in partition `log`.
pub(crate) async fn next_step(store: &DynamoStore) -> Progress {
    let partition = PartitionId::new("log").expect("a valid name");
    let loaded = store.load(&consumer(), &partition).await.expect("the position can be loaded");
    let checkpoint = Checkpoint::from_position(loaded.revision.get() + 1);
    Progress::new(consumer(), Some(Advance { partition, based_on: loaded.revision, checkpoint }))
}

/// Writes documents in steps of 50.
pub(crate) async fn write(store: &DynamoStore, changes: Vec<ViewChange>) {
    for some in changes.chunks(50) {
        try_write(store, some.to_vec()).await.expect("the documents can be written");
    }
}

pub(crate) async fn try_write(store: &DynamoStore, changes: Vec<ViewChange>) -> Result<()> {
    store.write(changes, beside_the_feed()).await
}

pub(crate) async fn get(store: &DynamoStore, name: &str, keys: &[&str]) -> Vec<Option<String>> {
    store.get(&view(name), keys).await.expect("the documents can be read")
}

/// The documents by key.
pub(crate) async fn list(
    store: &DynamoStore,
    name: &str,
    query: &ViewQuery,
) -> Vec<(String, String)> {
    let listed = store.list(&view(name), query).await.expect("the view can be listed");
    listed.into_iter().map(|ViewDocument { key, document }| (key, document)).collect()
}

pub(crate) async fn list_all(store: &DynamoStore, name: &str) -> Vec<(String, String)> {
    list(store, name, &ViewQuery::default().limit(10_000)).await
}

pub(crate) async fn keys_by(
    store: &DynamoStore,
    name: &str,
    field: &str,
    value: &str,
) -> Vec<String> {
    let query = ViewQuery::default().equals(field, value).limit(10_000);
    list(store, name, &query).await.into_iter().map(|(key, _)| key).collect()
}
