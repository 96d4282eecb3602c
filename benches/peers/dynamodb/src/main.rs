//! Libraries that write to DynamoDB, and what the SDK takes alone: each reads answers that were recorded when it had
//! written the events itself.

#[path = "../../event-store-adapter/src/adapter.rs"]
mod adapter;
#[path = "../../cqrs-es/src/domain.rs"]
mod domain;
mod dynamo_es;
mod event_store_adapter;
#[path = "../../cqrs-es/src/framework.rs"]
mod framework;
mod ours;
mod sdk;

use es_benches::driver::{Driver, Failure, version};
use es_benches::ours::Ours;
use es_benches::workload::{Keeps, Workload};

use crate::adapter::Adapter;
use crate::framework::Cqrs;

const LOCK_FILE: &str = include_str!("../Cargo.lock");

fn main() -> Result<(), Failure> {
    let [cqrs_es, dynamo_es, adapter] = [
        version(LOCK_FILE, "cqrs-es")?,
        version(LOCK_FILE, "dynamo-es")?,
        version(LOCK_FILE, "event-store-adapter-rs")?,
    ];
    let recorded = Keeps::Recorded;
    Driver::new()?
        .with_floor::<sdk::Plain>(
            "the SDK on recorded answers of DynamoDB, JSON: Query, from_slice, apply",
            recorded,
        )
        .with::<Ours<ours::Dynamo<1>, false>>(
            "es-dynamodb (recorded answers, JSON; commits of one event)",
            recorded,
        )
        .with::<Ours<ours::Dynamo<10>, false>>(
            "es-dynamodb (recorded answers, JSON; commits of ten events)",
            recorded,
        )
        .with::<Cqrs<dynamo_es::Dynamo>>(
            format!("cqrs-es {cqrs_es}, dynamo-es {dynamo_es} (recorded answers, JSON)"),
            recorded,
        )
        .with::<Adapter<event_store_adapter::Dynamo>>(
            format!("event-store-adapter-rs {adapter}, DynamoDB (recorded answers, JSON)"),
            recorded,
        )
        .serve()
}

/// Why there are no commands.
fn only_reads(workload: Workload) -> Option<&'static str> {
    match workload {
        Workload::ReplayOne | Workload::ReplayMany => None,
        Workload::Commands | Workload::CommandsOfTen => {
            Some("what is recorded are the answers to reads")
        }
    }
}
