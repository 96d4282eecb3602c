//! Messages through publish, consume and acknowledge, beside the bare calls on the same queues in the same
//! run: compare ratios, not absolute figures.
//!
//! `cargo bench --bench messages` measures the queues in memory and in an SQLite file.
//! `cargo xtask throughput` measures SNS and SQS, too, on a local server that it starts.
#![allow(missing_docs, clippy::unwrap_used)]

mod bare;
mod flow;
mod latency;
mod place;
#[cfg(feature = "aws")]
mod plain_api;

use comfy_table::{Cell, CellAlignment, Table, presets};
use flow::Measured;
use place::{Place, Size};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    // With `--test` on few messages: what it counts must be right, how fast it is does not matter.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let size = if is_test { Size::Small } else { Size::Full };
    println!(
        "CloudEvents of about 300 bytes, published to a topic with one queue behind it, then consumed by a \
         handler that counts them, 40 at a time."
    );
    let mut table = headed(["", "messages/s", "of the floor", "requests per 1,000 messages"]);
    for place in Place::embedded(size).await? {
        embedded_rows(&mut table, &place).await?;
    }
    #[cfg(feature = "aws")]
    if let Some(endpoint) = plain_api::endpoint() {
        plain_api::rows(&mut table, &endpoint).await?;
    }
    println!("{table}\n");

    println!(
        "One message at a time, from before its sending until it is at hand; median and 90th of 100."
    );
    println!("{}", latency::table(size).await?);
    Ok(())
}

/// Embedded queues: the floor is the trait itself, ten messages per call.
async fn embedded_rows(table: &mut Table, place: &Place) -> Result<(), AnyError> {
    let (name, calls) = (place.name, "ten per call, 4 calls at a time (the floor)");
    let put = bare::publish(place).await?;
    row(table, &format!("{name}: published, {calls}"), put, put);
    let got = bare::consume(place).await?;
    row(table, &format!("{name}: received and acknowledged, {calls}"), got, got);
    row(table, &format!("{name}: published by a MessageSender"), flow::publish(place).await?, put);
    let consumed = flow::consume(place, None).await?;
    row(table, &format!("{name}: consumed by a QueueConsumer"), consumed, got);
    let published = flow::publish(place).await?;
    assert_eq!(published.messages, place.messages as u64);
    let once = flow::consume(place, Some(place.records.clone())).await?;
    row(table, &format!("{name}: consumed, each once by its record"), once, got);
    let floor = bare::all_the_way(place).await?;
    row(table, &format!("{name}: all the way, {calls}"), floor, floor);
    let all = flow::all_the_way(place).await?;
    row(table, &format!("{name}: published, consumed and acknowledged at a time"), all, floor);
    Ok(())
}

fn row(table: &mut Table, what: &str, measured: Measured, floor: Measured) {
    let requests = match measured.requests {
        0 => "–".to_owned(),
        requests => format!("{:.0}", requests as f64 * 1000.0 / measured.messages as f64),
    };
    table.add_row([
        Cell::new(what),
        right(format!("{:.0}", measured.per_second())),
        right(format!("{:.2}", measured.per_second() / floor.per_second())),
        right(requests),
    ]);
}

fn headed<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    table
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
