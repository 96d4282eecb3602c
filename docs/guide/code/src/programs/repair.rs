//! Release 3 handles what can be handled; the rest is given up.

use std::sync::Arc;

use es_core::{
    BoxError, DeadLetterFilter, DeadLetterQuery, DeadLetterState, Reactor,
    Repository, StreamId,
};
use es_sqlite::SqliteStore;

use crate::release_3::account::Account;
use crate::release_3::late_fees::LateFees;

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    let accounts = Repository::<Account>::new(store.clone());
    let fees = LateFees::new(accounts.clone());
    let fees = Reactor::on(fees, store.clone())?;

    // ANCHOR: retry
    let retried = fees.retry_dead_letters(&DeadLetterFilter::all()).await?;
    println!("{} handled, free: {:?}", retried.handled, retried.freed);
    for (stream, error) in retried.failed {
        println!("{stream} failed again: {error}");
    }
    // ANCHOR_END: retry

    // ANCHOR: drop
    let mistyped = StreamId::new("copy", "c-3")?;
    let query = DeadLetterQuery::default().stream(mistyped.clone()).limit(1);
    let first = fees.dead_letters(&query).await?.remove(0);
    let version = first.commit.first_version();
    let reason = "the desk typed 2062 for 2026; the reader was on time";
    fees.drop_dead_letter(&mistyped, version, reason).await?;
    let filter = DeadLetterFilter::stream(mistyped);
    let retried = fees.retry_dead_letters(&filter).await?;
    println!("{} handled, free: {:?}", retried.handled, retried.freed);
    // ANCHOR_END: drop

    // ANCHOR: record
    let dropped = DeadLetterQuery::default().state(DeadLetterState::Dropped);
    for letter in fees.dead_letters(&dropped).await? {
        let (stream, at) =
            (letter.commit.stream(), letter.commit.first_version());
        let reason = letter.dropped.map(|dropped| dropped.reason);
        println!("{stream} at version {at}: {}", reason.unwrap_or_default());
    }
    for reader in ["bob", "cleo", "dora"] {
        let owes = accounts.load(reader).await?.owes;
        println!("{reader} owes {owes} cents");
    }
    // ANCHOR_END: record
    store.close().await?;
    Ok(())
}
