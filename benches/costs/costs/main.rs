//! Counts requests and capacity units per command, ours and dynamo-es's, on one local server, beside what
//! was computed for the layout. Counts do not depend on the machine.

mod deployment;
mod order;
mod ours;
mod peer;
mod prices;
mod server;

use comfy_table::{Cell, CellAlignment, Table, presets};
use es_core::Cost;

use ours::{Ours, Setup};
use peer::Peer;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let url = server::start().await?;
    println!(
        "Events of 300 bytes of JSON; strongly consistent reads; requests, write units (WCU) and read units (RCU)."
    );
    println!("dynamo-es 0.5.0 with cqrs-es 0.5.0, with the tables of its documentation.\n");
    println!("{}\n", commands(&url).await?);
    println!("{}\n", layouts(&url).await?);
    println!(
        "As the templates deploy a system, in us-east-1 on demand, by prices of {}; functions take {} ms per \
         command and {} ms per batch, which is assumed, with {} GB on arm64:\n",
        prices::NOTED_DOWN,
        prices::SECONDS_PER_COMMAND * 1000.0,
        prices::SECONDS_PER_BATCH * 1000.0,
        prices::MEMORY
    );
    println!("{}", deployment::table_of_prices(&url).await?);
    Ok(())
}

/// One command each, on a stream that is as long as it says.
async fn commands(url: &str) -> Result<Table, AnyError> {
    let plain = Ours::new(url, Setup::Plain).await?;
    let cached = Ours::new(url, Setup::Cached).await?;
    let snapshots = Ours::new(url, Setup::Snapshots).await?;
    let client = server::client(url);
    let peer = Peer::new(&client, "Plain", None).await?;
    let peer_snapshots = Peer::new(&client, "Snapshot", Some(50)).await?;

    let mut table = table(["command", "es-dynamodb", "dynamo-es"]);
    for events in [1, 3, 10, 25, 26] {
        let id = format!("new-{events}");
        let ours = plain.note(&id, events).await;
        let theirs = peer.note(&id, events).await;
        row(&mut table, &format!("first command, {events} events"), ours, theirs);
    }
    for length in [10, 100, 1000] {
        let id = format!("long-{length}");
        for _ in 0..length {
            plain.note(&id, 1).await?;
            peer.note(&id, 1).await?;
        }
        let what = format!("command on {length} commits, not cached");
        row(&mut table, &what, plain.note(&id, 1).await, peer.note(&id, 1).await);
    }
    for _ in 0..1000 {
        snapshots.note("long", 1).await?;
        peer_snapshots.note("long", 1).await?;
    }
    let what = "the same with a snapshot every 50 events";
    row(&mut table, what, snapshots.note("long", 1).await, peer_snapshots.note("long", 1).await);
    cached.note("cached", 1).await?;
    let none = Err("it keeps no states".into());
    row(&mut table, "command on a cached aggregate", cached.note("cached", 1).await, none);
    let none = || Err("it has no idempotency keys".into());
    let what = "first command, with an idempotency key";
    row(&mut table, what, plain.note_once("keyed", 1, "k-1").await, none());
    let what = "the same again";
    row(&mut table, what, plain.note_once("keyed", 1, "k-1").await, none());
    Ok(table)
}

/// A history of so many commits of so many events.
struct History {
    commits: usize,
    events: usize,
    /// Average write units per commit and read units per load, as computed for "item per commit and
    /// snapshot".
    computed: &'static str,
}

/// Whole histories: what a commit costs on average, snapshots included, and what a load costs then.
async fn layouts(url: &str) -> Result<Table, AnyError> {
    const HISTORIES: [History; 4] = [
        History { commits: 10, events: 1, computed: "1.2 | 2" },
        History { commits: 100, events: 1, computed: "1.1 | 3" },
        History { commits: 1000, events: 1, computed: "1.06 | 4" },
        History { commits: 100, events: 5, computed: "2.1 | 6" },
    ];
    let ours = Ours::new(url, Setup::Snapshots).await?;
    let plain = Ours::new(url, Setup::Plain).await?;
    let client = server::client(url);
    let peer = Peer::new(&client, "LayoutPlain", None).await?;
    let peer_snapshots = Peer::new(&client, "LayoutSnapshot", Some(50)).await?;
    let mut table = table([
        "history: WCU per commit | RCU per load",
        "computed",
        "es-dynamodb, snapshot every 50",
        "without",
        "dynamo-es, snapshot every 50",
        "without",
    ]);
    for History { commits, events, computed } in HISTORIES {
        let id = format!("{commits}x{events}");
        let mut written = [0.0; 4];
        for _ in 0..commits {
            written[0] += ours.note(&id, events).await?.write_units;
            written[1] += plain.note(&id, events).await?.write_units;
            written[2] += peer_snapshots.note(&id, events).await?.write_units;
            written[3] += peer.note(&id, events).await?.write_units;
        }
        let read = [
            ours.load(&id).await,
            plain.load(&id).await,
            peer_snapshots.load(&id).await,
            peer.load(&id).await,
        ];
        let mut cells = vec![Cell::new(format!("{commits} commits of {events}")), right(computed)];
        for (written, read) in written.into_iter().zip(read) {
            let per_commit = written / commits as f64;
            let read = match read {
                Ok(cost) => cost.read_units.to_string(),
                Err(error) => format!("fails: {error}"),
            };
            cells.push(right(&format!("{per_commit:.2} | {read}")));
        }
        table.add_row(cells);
    }
    Ok(table)
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    table
}

fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn row(
    table: &mut Table,
    what: &str,
    ours: Result<Cost, AnyError>,
    theirs: Result<Cost, AnyError>,
) {
    let cell = |cost: Result<Cost, AnyError>| match cost {
        Ok(Cost { requests, write_units, read_units, .. }) => {
            right(&format!("{requests} requests, {write_units} WCU, {read_units} RCU"))
        }
        Err(error) => right(&format!("refused: {error}")),
    };
    table.add_row([Cell::new(what), cell(ours), cell(theirs)]);
}
