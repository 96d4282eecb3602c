//! A reader that sees what it wrote, though a worker brings the view up to date.

use std::sync::Arc;
use std::time::Duration;

use es_core::{BoxError, ExecuteOptions, Projection, Repository, Workers};
use es_sqlite::SqliteStore;
use jiff::civil::date;

use crate::release_1::copy::{BookCopy, CopyCommand};
use crate::release_1::shelf::Shelf;

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    let copies = Repository::<BookCopy>::new(store.clone());
    // ANCHOR: workers
    let shelf = Projection::on(Shelf, store.clone())?;
    let shelf = Arc::new(shelf);
    let mut workers = Workers::new();
    workers.start(shelf.clone());
    // ANCHOR_END: workers

    // ANCHOR: wait_for
    let take_back = CopyCommand::TakeBack { on: date(2026, 3, 16) };
    let receipt = copies.execute("c-4", take_back).await?;
    shelf.wait_for(&receipt, Duration::from_secs(60)).await?;
    println!("{:?}", shelf.view().get("c-4").await?);
    // ANCHOR_END: wait_for

    // ANCHOR: expected_version
    let seen = copies.load("c-4").await?.version();
    let lend = |reader: &str| CopyCommand::Lend {
        reader: reader.into(),
        on: date(2026, 3, 17),
        weeks: 2,
    };
    copies.execute("c-4", lend("bob")).await?;
    let options = ExecuteOptions::new().expected_version(seen);
    match copies.execute_with("c-4", lend("cleo"), options).await {
        Err(error) => println!("cleo: {error}"),
        Ok(_) => println!("cleo has it"),
    }
    // ANCHOR_END: expected_version

    // ANCHOR: shutdown
    workers.shutdown().await?;
    store.close().await?;
    Ok(())
}
// ANCHOR_END: shutdown
