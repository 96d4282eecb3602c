//! Consumers in operation.

use std::sync::Arc;
use std::time::Duration;

use es_core::{
    Backoff, BoxError, Consumers, Projection, Reactor, Repository, Workers,
};
use es_sqlite::SqliteStore;
use jiff::civil::date;

use crate::release_3::account::Account;
use crate::release_3::copy::{BookCopy, CopyCommand};
use crate::release_3::late_fees::LateFees;
use crate::release_3::shelf::Shelf;

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    let copies = Repository::<BookCopy>::new(store.clone());
    let accounts = Repository::<Account>::new(store.clone());
    let fees = LateFees::new(accounts.clone());
    // ANCHOR: options
    let fees = Reactor::on(fees, store.clone())?
        .with_backoff(Backoff {
            base: Duration::from_millis(100),
            max: Duration::from_secs(60),
        })
        .with_max_attempts(100)
        .with_dead_letter_limit(500);
    // ANCHOR_END: options
    let shelf = Projection::on(Shelf, store.clone())?;
    let (fees, shelf) = (Arc::new(fees), Arc::new(shelf));

    // ANCHOR: any
    let consumers = Consumers::new().with(fees.clone()).with(shelf.clone());
    // ANCHOR_END: any

    // ANCHOR: pause
    let named = |name| consumers.get(name).ok_or("there is no such consumer");
    named("shelf_v2")?.pause().await?;
    let mut workers = Workers::new();
    workers.start(fees.clone());
    workers.start(shelf.clone());
    let take_back = CopyCommand::TakeBack { on: date(2026, 4, 24) };
    let receipt = copies.execute("c-5", take_back).await?;
    fees.wait_for(&receipt, Duration::from_secs(60)).await?;
    // ANCHOR_END: pause

    // ANCHOR: health
    for health in consumers.health().await? {
        println!(
            "{}: {}, {} commits behind, {} dead letters",
            health.consumer,
            if health.is_well() { "well" } else { "needs a look" },
            health.lag_commits.unwrap_or_default(),
            health.dead_letters,
        );
    }
    // ANCHOR_END: health

    // ANCHOR: resume
    named("shelf_v2")?.resume().await?;
    shelf.wait_for(&receipt, Duration::from_secs(60)).await?;
    println!("after resuming: {:?}", shelf.health().await?.lag_commits);
    // ANCHOR_END: resume

    // ANCHOR: stop
    tokio::select! {
        // A worker met an error that trying again cannot help.
        failed = workers.failed() => failed?,
        () = told_to_stop() => {}
    }
    workers.shutdown().await?;
    store.close().await?;
    Ok(())
}
// ANCHOR_END: stop

/// In a service: `tokio::signal::ctrl_c()`. The guide does not wait.
async fn told_to_stop() {}
