//! The read path of es-dynamodb on recorded responses, beside what the SDK alone takes for the same ones:
//! `cargo bench -p es-benches --features dynamodb --bench dynamodb`.
//!
//! No server and no network take part: an HTTP client in memory answers with what a local server has answered to
//! the same requests before ([`es_benches::recorded`]).
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use es_benches::floor::{self, Payloads};
use es_benches::order::{Order, OrderCommand, event};
use es_benches::race::{Race, Results, Rounds, Timed, table};
use es_benches::recorded::{Recorded, no_streams};
use es_core::{Aggregate as _, Codec, EventStore, Repository};
use es_dynamodb::{DynamoStore, TableCreation};
use tokio::runtime::Runtime;

const STREAM: &str = "o-1";
const PREFIX: &str = "bench-";

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (events, rounds) = if is_test {
        (200, Rounds { rounds: 1, at_least: Duration::ZERO })
    } else {
        (10_000, Rounds { rounds: 9, at_least: Duration::from_millis(100) })
    };
    let runtime = Runtime::new().unwrap();
    let races = [
        race("replay of one stream, commits of one event", &runtime, events, 1, rounds),
        race("replay of one stream, commits of ten events", &runtime, events, 10, rounds),
    ];
    println!("{}", table(&races));
}

fn race(
    title: &str,
    runtime: &Runtime,
    events: usize,
    per_commit: usize,
    rounds: Rounds,
) -> Results {
    let recorded = Recorded::new().unwrap();
    let orders = runtime.block_on(fill(&recorded, events, per_commit));
    let client = recorded.client();
    let expected = runtime.block_on(orders.load(STREAM)).unwrap().into_state();
    assert_eq!(runtime.block_on(by_the_sdk(&client)), expected);
    let reached = recorded.reached();
    let buffer: Vec<_> = (0..events).map(event).collect();
    let buffer = Payloads::of(&buffer, Codec::Json).unwrap();

    let mut race = Race::new(title);
    let json = race.floor("JSON in one buffer: from_slice, apply", || {
        Timed::of(events, || buffer.fold(events))
    });
    let sdk = race.floor("SDK: Query, from_slice, apply", || {
        Timed::of(events, || runtime.block_on(by_the_sdk(&client)))
    });
    race.row("the same beside the JSON floor", json, || {
        Timed::of(events, || runtime.block_on(by_the_sdk(&client)))
    });
    let load = || Timed::of(events, || runtime.block_on(orders.load(STREAM)).unwrap());
    race.aimed("es-dynamodb", sdk, 0.9, load);
    race.row("es-dynamodb", json, load);
    let results = race.run(rounds);
    assert_eq!(recorded.reached(), reached, "the database took part");
    assert_eq!(runtime.block_on(orders.load(STREAM)).unwrap().into_state(), expected);
    results
}

async fn fill(recorded: &Recorded, events: usize, per_commit: usize) -> Repository<Order> {
    let options = DynamoStore::builder(PREFIX).table_creation(TableCreation::IfMissing);
    let store = options.with_clients(recorded.client(), no_streams()).unwrap();
    store.ensure_tables().await.unwrap();
    let store: Arc<dyn EventStore> = Arc::new(store);
    let writer = Repository::<Order>::new(Arc::clone(&store)).with_cache(1);
    let all: Vec<_> = (0..events).map(event).collect();
    for events in all.chunks(per_commit) {
        writer.execute(STREAM, OrderCommand::Record(events.to_vec())).await.unwrap();
    }
    Repository::new(store)
}

/// What a program does that knows the items and has no library.
async fn by_the_sdk(client: &aws_sdk_dynamodb::Client) -> Order {
    let mut order = Order::default();
    let mut after = None;
    loop {
        let page = client
            .query()
            .table_name(format!("{PREFIX}events"))
            .consistent_read(true)
            .key_condition_expression("pk = :stream")
            .expression_attribute_values(":stream", AttributeValue::S(format!("order:{STREAM}")))
            .set_exclusive_start_key(after)
            .send()
            .await
            .unwrap();
        for item in page.items() {
            let manifest = item["m"].as_s().unwrap();
            let payloads = item["p"].as_s().unwrap();
            for (line, payload) in manifest.lines().zip(payloads.lines()) {
                let items_added = line.starts_with("Order:ItemsAdded ");
                order.apply(floor::decode(payload.as_bytes(), items_added));
            }
        }
        after = page.last_evaluated_key;
        if after.is_none() {
            return order;
        }
    }
}
