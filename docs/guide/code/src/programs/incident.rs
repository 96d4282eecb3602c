//! Two returns that the policy cannot handle.

use std::sync::Arc;
use std::time::Duration;

use es_core::{
    BoxError, DeadLetterQuery, DeadLetterState, Error, Reactor, Repository,
};
use es_sqlite::SqliteStore;
use jiff::civil::date;

use crate::release_2::account::{Account, AccountCommand};
use crate::release_2::copy::{BookCopy, CopyCommand};
use crate::release_2::late_fees::LateFees;

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    let copies = Repository::<BookCopy>::new(store.clone());
    let accounts = Repository::<Account>::new(store.clone());
    let reactor = || {
        let fees = LateFees::new(accounts.clone());
        Reactor::on(fees, store.clone())
    };

    // ANCHOR: happens
    // Bob closes his account, and brings a copy back late all the same.
    accounts.execute("bob", AccountCommand::Close).await?;
    let take_back = CopyCommand::TakeBack { on: date(2026, 4, 9) };
    let late = copies.execute("c-2", take_back).await?;
    // The desk types 2062 for 2026.
    let take_back = CopyCommand::TakeBack { on: date(2062, 3, 26) };
    copies.execute("c-3", take_back).await?;
    // Both copies are lent again; c-3 comes back two days late.
    for (copy, reader) in [("c-2", "dora"), ("c-3", "dora")] {
        let (on, due) = (date(2026, 4, 10), date(2026, 4, 24));
        let lend = CopyCommand::Lend { reader: reader.into(), on, due };
        copies.execute(copy, lend).await?;
    }
    let take_back = CopyCommand::TakeBack { on: date(2026, 4, 26) };
    copies.execute("c-3", take_back).await?;
    // Nothing is wrong with this one.
    let take_back = CopyCommand::TakeBack { on: date(2026, 3, 31) };
    copies.execute("c-4", take_back).await?;
    // ANCHOR_END: happens

    // ANCHOR: stop
    let strict = reactor()?.with_dead_letter_limit(0);
    match strict.catch_up().await {
        Err(error) => println!("stopped: {error}"),
        Ok(_) => println!("all is well"),
    }
    // ANCHOR_END: stop

    // ANCHOR: park
    let fees = reactor()?;
    let done = fees.catch_up().await?;
    println!("{} handled, {} parked", done.applied, done.parked);
    // ANCHOR_END: park

    // ANCHOR: wait
    match fees.wait_for(&late, Duration::from_secs(60)).await {
        Err(Error::Parked { stream, .. }) => println!("{stream} is parked"),
        waited => waited?,
    }
    // ANCHOR_END: wait

    // ANCHOR: list
    let first = DeadLetterQuery::default().state(DeadLetterState::First);
    for letter in fees.dead_letters(&first).await? {
        let stream = letter.commit.stream().clone();
        let behind = DeadLetterQuery::default().stream(stream.clone());
        let behind = fees.dead_letters(&behind).await?.len() - 1;
        println!("{stream}, and {behind} behind it");
        if let Some(failure) = letter.failure {
            println!("  {}, attempt {}", failure.error, failure.attempts);
        }
    }
    // ANCHOR_END: list

    // ANCHOR: show
    let all = DeadLetterQuery::default();
    for letter in fees.dead_letters(&all).await? {
        let events = letter.commit.events();
        let state = if letter.failure.is_some() { "failed" } else { "waits" };
        println!("{} {} {state}", letter.commit.stream(), events.manifest());
        println!("  {}", String::from_utf8_lossy(events.payloads()));
    }
    // ANCHOR_END: show
    store.close().await?;
    Ok(())
}
