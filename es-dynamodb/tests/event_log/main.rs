//! The log in DynamoDB: what the conformance suite cannot ask for.

#[path = "../support/notes.rs"]
mod notes;
#[path = "../support/mod.rs"]
mod support;

mod contention;
mod damage;
mod large_commits;
mod limits;
mod reading;
mod repetitions;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::testing::SeededEntropy;
use es_core::{
    Appended, Commit, CommitId, EventStore, Expected, NewCommit, ReadStream, Result, StreamId,
    Timestamp, Version,
};
use es_dynamodb::{DynamoOptions, DynamoStore};
use futures::TryStreamExt as _;
use notes::{Note, new_commit, stream};
use support::Server;

/// A store, and the tables behind its back.
struct Scene {
    server: Server,
    store: DynamoStore,
    table: String,
}

type Item = HashMap<String, AttributeValue>;

async fn scene() -> Scene {
    scene_with(|options| options).await
}

async fn scene_with(set_up: impl FnOnce(DynamoOptions) -> DynamoOptions) -> Scene {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let store = server.store_with(set_up(server.options(&prefix))).await;
    Scene { server, store, table: format!("{prefix}events") }
}

impl Scene {
    /// Appends behind `before` and returns what was appended.
    async fn append(&self, before: Option<&Commit>, commit: &NewCommit) -> Commit {
        let expected = Expected::end(before.map(Commit::head));
        let appended = self.append_as(expected, commit).await.expect("the append succeeds");
        assert!(!appended.duplicate);
        appended.commit
    }

    async fn append_as(&self, expected: Expected, commit: &NewCommit) -> Result<Appended> {
        self.store.append(&stream(), expected, commit.clone()).await
    }

    /// Appends so many small commits, of one to three events.
    async fn history(&self, commits: u64) -> Vec<Commit> {
        let mut history: Vec<Commit> = Vec::new();
        for n in 1..=commits {
            let small = Note { texts: 1 + (n % 3) as usize, bytes: 100 };
            let new = NewCommit { id: generated(n), ..new_commit(small) };
            history.push(self.append(history.last(), &new).await);
        }
        history
    }

    async fn read(&self, query: ReadStream) -> Result<Vec<Commit>> {
        Ok(self.store.read(query).try_concat().await?.into_vec())
    }

    async fn read_all(&self) -> Result<Vec<Commit>> {
        self.read(ReadStream::new(stream())).await
    }

    /// The item with this key, behind the store's back.
    async fn item(&self, partition: &str, sort: impl ToString) -> Option<Item> {
        let key = AttributeValue::N(sort.to_string());
        let request = self.server.dynamodb().get_item().table_name(&self.table);
        let request = request.key("pk", AttributeValue::S(partition.to_owned())).key("sk", key);
        request.consistent_read(true).send().await.expect("an answer").item
    }

    async fn commit_item(&self, version: u64) -> Item {
        self.item(stream().as_str(), version).await.expect("a commit begins there")
    }

    /// All items of the table.
    async fn items(&self) -> Vec<Item> {
        let pages = self.server.dynamodb().scan().table_name(&self.table).consistent_read(true);
        pages.into_paginator().items().send().try_collect().await.expect("an answer")
    }

    async fn put(&self, item: Item) {
        let request = self.server.dynamodb().put_item().table_name(&self.table);
        request.set_item(Some(item)).send().await.expect("the item is taken");
    }

    async fn delete(&self, item: &Item) {
        let request = self.server.dynamodb().delete_item().table_name(&self.table);
        let request = request.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
        request.send().await.expect("the item is deleted");
    }
}

/// A generated id; they are in the order of the numbers.
fn generated(n: u64) -> CommitId {
    let time = Timestamp::from_millisecond(1_700_000_000_000 + n as i64).expect("a time in range");
    CommitId::generate(time, &SeededEntropy::new(n))
}

fn derived(key: &str) -> CommitId {
    CommitId::derive(&stream(), key)
}

fn number(n: impl ToString) -> AttributeValue {
    AttributeValue::N(n.to_string())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn version(n: u64) -> Version {
    Version::new(n)
}

/// A commit of one event that has about so many bytes.
fn large(id: CommitId, bytes: usize) -> NewCommit {
    // The same bytes have the same checksum in every run.
    let recorded_at = Timestamp::from_second(1_700_000_000).expect("a time in range");
    NewCommit { id, recorded_at, ..new_commit(Note { texts: 1, bytes }) }
}

/// The stream with the longest name.
fn longest_stream() -> StreamId {
    let category = "c".repeat(StreamId::MAX_CATEGORY_LEN);
    StreamId::new(&category, &"\u{1f980}".repeat(StreamId::MAX_ID_LEN / 4)).expect("a valid id")
}
