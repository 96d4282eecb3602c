//! What a million commands cost, as the templates deploy a system: an HTTP API, a function that executes commands, the
//! table of the log, and a function behind its stream that keeps a view.

use std::sync::Arc;
use std::time::Duration;

use comfy_table::{Cell, Table};
use es_core::{
    BoxError, Commit, Cost, EventStore as _, NoFeed, Projection, Projector, ReadStream, Recorded,
    Repository,
};
use es_dynamodb::{DynamoStore, TableCreation};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use crate::order::{Order, OrderCommand, OrderEvent};
use crate::prices::{self, MEMORY, SECONDS_PER_BATCH, SECONDS_PER_COMMAND};
use crate::{AnyError, right, table};

/// How many records are in a batch: all that Lambda puts into one by the templates, some, and one, as when there is little
/// to do.
const BATCHES: [usize; 3] = [100, 10, 1];

/// Counts the notes of an order.
struct Notes;

#[derive(Default, Serialize, Deserialize)]
struct Counted {
    notes: u32,
}

impl Projector for Notes {
    const NAME: &'static str = "notes";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["order"];
    type Event = OrderEvent;
    type View = Counted;

    fn project(
        &self,
        _: &str,
        view: &mut Option<Counted>,
        _: &Recorded<'_, OrderEvent>,
    ) -> Result<(), BoxError> {
        view.get_or_insert_default().notes += 1;
        Ok(())
    }
}

pub async fn table_of_prices(url: &str) -> Result<Table, AnyError> {
    let store = DynamoStore::builder("Deployment-")
        .local_endpoint(url)
        .table_creation(TableCreation::IfMissing)
        .connect()
        .await?;
    store.ensure_tables().await?;
    let store = Arc::new(store);
    let orders = Repository::<Order>::new(store.clone());
    let notes = Projection::new(Notes, Arc::new(NoFeed), store.clone(), store.clone())?;
    notes.prepare().await?;

    let mut rows = table(["part", "counted per command", "USD per million commands"]);
    let mut add = |part: &str, counted: &str, dollars: f64| {
        rows.add_row([Cell::new(part), right(counted), right(&format!("{dollars:.2}"))]);
    };
    add("HTTP API", "1 request", prices::MILLION_API_REQUESTS);
    add("function for it", "1 invocation", invocations(1.0, SECONDS_PER_COMMAND));
    let command = orders.execute("command-0", OrderCommand::Note(1)).await?.cost();
    add("first command on an aggregate", &units(command, 1.0), dynamodb(command, 1.0));
    let command = orders.execute("command-0", OrderCommand::Note(1)).await?.cost();
    add("second one, not cached", &units(command, 1.0), dynamodb(command, 1.0));
    for batch in BATCHES {
        let commits = commits(&orders, &store, batch).await?;
        let (pushed, cost) = Cost::of(notes.push(commits, Duration::from_secs(60))).await;
        if let Some(error) = pushed.error {
            return Err(error.into());
        }
        let share = batch as f64;
        add(
            &format!("view, {batch} commits per invocation"),
            &units(cost, share),
            dynamodb(cost, share),
        );
        add(
            "function for it",
            &format!("1/{batch} invocation"),
            invocations(share, SECONDS_PER_BATCH),
        );
    }
    Ok(rows)
}

/// One commit each of so many new aggregates.
async fn commits(
    orders: &Repository<Order>,
    store: &DynamoStore,
    how_many: usize,
) -> Result<Vec<Commit>, AnyError> {
    let mut commits = Vec::new();
    for n in 0..how_many {
        let id = format!("batch-{how_many}-{n}");
        orders.execute(&id, OrderCommand::Note(1)).await?;
        let stream = format!("order:{id}").parse()?;
        let pages: Vec<_> = store.read(ReadStream::new(stream)).try_collect().await?;
        commits.extend(pages.into_iter().flatten());
    }
    Ok(commits)
}

fn units(cost: Cost, commands: f64) -> String {
    format!("{:.2} WCU, {:.2} RCU", cost.write_units / commands, cost.read_units / commands)
}

fn dynamodb(cost: Cost, commands: f64) -> f64 {
    (cost.write_units * prices::MILLION_WRITE_UNITS + cost.read_units * prices::MILLION_READ_UNITS)
        / commands
}

fn invocations(commands: f64, seconds: f64) -> f64 {
    let time = seconds * MEMORY * prices::GIGABYTE_SECOND * 1_000_000.0;
    (prices::MILLION_INVOCATIONS + time) / commands
}
