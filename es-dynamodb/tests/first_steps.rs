//! The first steps on DynamoDB, as the guide shows them, in a test of an application.

use std::convert::Infallible;
use std::sync::Arc;

use es_core::{
    Aggregate, BoxError, Command, Event, Projection, Projector, Recorded, Repository, Snapshot,
    SnapshotPolicy,
};
use es_dynamodb::{DynamoStore, TableCreation};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Command)]
enum CounterCommand {
    Count,
}

#[derive(Debug, Event)]
#[event(prefix = "Counter")]
enum CounterEvent {
    Counted,
}

// ANCHOR: snapshot
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counter {
    count: u32,
}

impl Snapshot for Counter {
    const SCHEMA_VERSION: u32 = 1;
}
// ANCHOR_END: snapshot

impl Aggregate for Counter {
    const CATEGORY: &'static str = "counter";
    type Command = CounterCommand;
    type Event = CounterEvent;
    type Error = Infallible;

    fn handle(&self, command: CounterCommand) -> Result<Vec<CounterEvent>, Infallible> {
        match command {
            CounterCommand::Count => Ok(vec![CounterEvent::Counted]),
        }
    }

    fn apply(&mut self, event: CounterEvent) {
        match event {
            CounterEvent::Counted => self.count += 1,
        }
    }
}

struct Counts;

impl Projector for Counts {
    const NAME: &'static str = "counts";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["counter"];
    type Event = CounterEvent;
    type View = Counter;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<Counter>,
        _event: &Recorded<'_, CounterEvent>,
    ) -> Result<(), BoxError> {
        view.get_or_insert_default().count += 1;
        Ok(())
    }
}

// ANCHOR: server
/// A DynamoDB-compatible server in this process, with its tables in memory.
/// Returns where it answers. It ends with the runtime.
async fn local_server() -> Result<String, BoxError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let tables = dynoxide::Database::memory()?;
    tokio::spawn(dynoxide::server::serve_on(listener, tables));
    Ok(url)
}
// ANCHOR_END: server

#[tokio::test]
async fn commands_and_views_on_a_server_of_the_test() -> Result<(), BoxError> {
    // ANCHOR: connect
    let store = DynamoStore::builder("counters-")
        // On AWS neither of these: what the AWS configuration says.
        .local_endpoint(local_server().await?)
        .table_creation(TableCreation::IfMissing)
        .connect()
        .await?;
    // For development and tests; in production tables come from a template.
    store.ensure_tables().await?;
    let store = Arc::new(store);
    // ANCHOR_END: connect

    // ANCHOR: use
    let counters = Repository::<Counter>::new(store.clone())
        .with_snapshots(store.clone(), SnapshotPolicy::Every(50));
    counters.execute("visitors", CounterCommand::Count).await?;

    let counts = Projection::on(Counts, store.clone())?;
    counts.catch_up().await?;
    let visitors = counts.view().get("visitors").await?;
    assert_eq!(visitors.map(|counter| counter.count), Some(1));
    // ANCHOR_END: use
    Ok(())
}
