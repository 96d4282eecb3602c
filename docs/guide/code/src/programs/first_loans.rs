//! The first commands, on a file.

// ANCHOR: open
use std::sync::Arc;

use es_core::{BoxError, ExecuteError, ExecuteOptions, Repository, Version};
use es_sqlite::SqliteStore;
use jiff::civil::date;

use crate::release_1::copy::{BookCopy, CopyCommand};

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    let copies = Repository::<BookCopy>::new(store.clone());
    // ANCHOR_END: open

    // ANCHOR: execute
    let titles = ["Middlemarch", "Bleak House", "Emma", "Villette"];
    for (n, title) in titles.into_iter().enumerate() {
        let acquire = CopyCommand::Acquire { title: title.into() };
        let receipt = copies.execute(&format!("c-{}", n + 1), acquire).await?;
        println!("{} is at version {}", receipt.stream(), receipt.version());
    }
    // ANCHOR_END: execute

    // ANCHOR: reject
    let on = date(2026, 3, 2);
    let lend = |reader: &str| CopyCommand::Lend {
        reader: reader.into(),
        on,
        weeks: 4,
    };
    copies.execute("c-1", lend("ada")).await?;
    match copies.execute("c-1", lend("bob")).await {
        Err(ExecuteError::Rejected(reason)) => println!("bob: {reason}"),
        lent => drop(lent?),
    }
    // ANCHOR_END: reject

    // ANCHOR: repeat
    let request = || ExecuteOptions::new().idempotency_key("desk-7/0001");
    let first = copies.execute_with("c-2", lend("bob"), request()).await?;
    let again = copies.execute_with("c-2", lend("bob"), request()).await?;
    println!(
        "sent twice, replayed: {}, still at version {}",
        again.is_replay(),
        again.version()
    );
    assert_eq!(first.commit_id(), again.commit_id());
    // ANCHOR_END: repeat

    // ANCHOR: load
    let now = copies.load("c-1").await?;
    let before = copies.load_at("c-1", Version::new(1)).await?;
    println!("c-1 now: {:?}", *now);
    println!("c-1 at version 1: {:?}", *before);
    // ANCHOR_END: load

    // ANCHOR: close
    store.close().await?;
    Ok(())
}
// ANCHOR_END: close
