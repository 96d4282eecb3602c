//! A log in a table of the in-process server, whose stream is a server of the test's own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{
    Checkpoint, Commit, CommitId, Feed, FeedPage, PartitionId, Projection, Repository, ViewQuery,
};
use es_dynamodb::{DynamoOptions, DynamoStore};

use crate::support::Server;
use crate::support::stream_server::StreamServer;

include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../es-core/doc/account.rs"));
include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../es-core/doc/statements.rs"));

/// A table, its stream, and a clock that only sleepers move.
pub(crate) struct Scene {
    pub(crate) store: DynamoStore,
    pub(crate) stream: StreamServer,
    pub(crate) clock: Arc<VirtualClock>,
    prefix: String,
    server: Server,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|options| options.scan_segments(2)).await
    }

    pub(crate) async fn with(options: impl FnOnce(DynamoOptions) -> DynamoOptions) -> Self {
        let server = Server::start().await;
        let prefix = Server::prefix();
        let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
        let stream = StreamServer::new();
        let options = options(server.options(&prefix).clock(clock.clone()));
        let store = options.with_clients(server.dynamodb(), stream.client()).unwrap();
        store.ensure_tables().await.unwrap();
        Self { store, stream, clock, prefix, server }
    }

    /// What is kept of lists of shards is too old.
    pub(crate) fn let_lists_grow_old(&self) {
        self.clock.advance(Duration::from_secs(6));
    }

    /// Appends a commit to the log, and nothing to the stream.
    pub(crate) async fn credit_unseen(&self, id: &str, amount: u64) -> Commit {
        let accounts = Repository::<Account>::new(Arc::new(self.store.clone()));
        let receipt = accounts.execute(id, AccountCommand::Credit(amount)).await.unwrap();
        receipt.commit().unwrap().clone()
    }

    /// Appends a commit to the log; its record goes to the last of the open shards.
    pub(crate) async fn credit(&self, id: &str, amount: u64) -> Commit {
        let commit = self.credit_unseen(id, amount).await;
        let item = self.item_of(&commit).await;
        let mut model = self.stream.model();
        let open = *model.open_shards().last().unwrap();
        model.record(open, &item);
        commit
    }

    /// All items of the table with the partition key of a commit's stream, as they are.
    pub(crate) async fn item_of(&self, commit: &Commit) -> HashMap<String, AttributeValue> {
        let answer = self
            .server
            .dynamodb()
            .get_item()
            .table_name(self.events())
            .key("pk", AttributeValue::S(commit.stream().to_string()))
            .key("sk", AttributeValue::N(commit.first_version().to_string()))
            .send()
            .await
            .unwrap();
        answer.item.unwrap()
    }

    /// Every item of the table, in the order of a scan.
    pub(crate) async fn items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let scan = self.dynamodb().scan().table_name(self.events()).into_paginator().items();
        scan.send().collect::<Result<_, _>>().await.unwrap()
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.server.dynamodb()
    }

    pub(crate) fn events(&self) -> String {
        format!("{}events", self.prefix)
    }

    /// The shards that are listed.
    pub(crate) async fn shards(&self) -> Vec<PartitionId> {
        let listed = self.store.partitions().await.unwrap();
        let ids = listed.into_iter().map(|partition| partition.id);
        ids.filter(|id| id.as_str().starts_with("shardId-")).collect()
    }

    pub(crate) async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> es_core::Result<FeedPage> {
        Feed::read(&self.store, partition, after, max_commits).await
    }

    /// The ids of all commits of a partition behind a place, read in pages of this size, and where that
    /// ends.
    pub(crate) async fn read_all(
        &self,
        partition: &PartitionId,
        mut after: Checkpoint,
        page_size: usize,
    ) -> (Vec<CommitId>, FeedPage) {
        let mut ids = Vec::new();
        loop {
            let page = self.read(partition, &after, page_size).await.unwrap();
            assert!(page.commits.len() <= page_size);
            ids.extend(page.commits.iter().map(Commit::id));
            if page.ended || page.commits.is_empty() {
                return (ids, page);
            }
            after = page.checkpoint;
        }
    }

    /// Statements that follow the feed, with documents and progress in memory.
    pub(crate) fn statements(&self, views: &MemoryStore) -> Projection<Statements> {
        let store = Arc::new(self.store.clone());
        Projection::new(Statements, store.clone(), store, Arc::new(views.clone()))
            .unwrap()
            .with_clock(self.clock.clone())
    }
}

pub(crate) fn ids(commits: &[Commit]) -> Vec<CommitId> {
    commits.iter().map(Commit::id).collect()
}

/// The balances that a view shows.
pub(crate) async fn shown(statements: &Projection<Statements>) -> BTreeMap<String, u64> {
    let documents = statements.view().list(&ViewQuery::default().limit(10_000)).await.unwrap();
    documents.into_iter().map(|(key, statement)| (key, statement.balance)).collect()
}
