//! Publishing to Kinesis and consuming from it, beside what the plain API does with the same records on
//! the same server in the same run: compare ratios, not absolute figures. The server is a local one,
//! which `cargo xtask throughput` starts.
#![allow(missing_docs, clippy::unwrap_used)]

mod floor;
mod latency;
mod memory;
mod relay;

use comfy_table::{Cell, CellAlignment, Table, presets};
use relay::{Measured, Relay};

/// Commits in the rows about throughput, each of one event of about 200 bytes.
const COMMITS: usize = 20_000;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    // What `cargo test --benches` asks for, which needs no server.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let endpoint = std::env::var("ES_BENCH_ENDPOINT_KINESIS")
        .map_err(|_| "ES_BENCH_ENDPOINT_KINESIS names no server: use `cargo xtask throughput`")?;

    println!(
        "{COMMITS} commits of one event of about 200 bytes, in streams of their own, 2 shards."
    );
    let mut table = headed(["", "commits/s", "of the floor", "requests per 1,000 commits"]);
    throughput(&endpoint, &mut table).await?;
    println!("{table}\n");

    println!("One commit at a time, nothing else going on; median and 90th of 100.");
    println!("{}\n", latency::table(&endpoint).await?);

    println!("Resident memory while publishing and consuming goes on, the log on disk.");
    println!("{}", memory::table(&endpoint).await?);
    Ok(())
}

async fn throughput(endpoint: &str, table: &mut Table) -> Result<(), AnyError> {
    let plain = Relay::new(endpoint, |options| options).await?;
    let put = floor::put(&plain.floor_stream(endpoint).await?, &plain.records().await?).await?;
    row(table, "PutRecords of 500, 4 at a time (the floor)", put, put);
    row(table, "published", plain.publish().await?, put);
    let got = floor::get(plain.stream_name(), endpoint).await?;
    row(table, "GetRecords of 1,000 (the floor)", got, got);
    row(table, "consumed by a handler that counts", plain.consume().await?, got);

    let packed = Relay::new(endpoint, |options| options.aggregated(51_200)).await?;
    row(table, "published, aggregated", packed.publish().await?, put);
    row(table, "consumed, aggregated", packed.consume().await?, got);
    Ok(())
}

fn row(table: &mut Table, what: &str, measured: Measured, floor: Measured) {
    table.add_row([
        Cell::new(what),
        right(format!("{:.0}", measured.per_second())),
        right(format!("{:.2}", measured.per_second() / floor.per_second())),
        right(format!("{:.1}", measured.requests as f64 * 1000.0 / measured.commits as f64)),
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
