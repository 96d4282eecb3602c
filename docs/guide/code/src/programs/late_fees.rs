//! A policy at work.

use std::sync::Arc;

use es_core::{
    BoxError, EventStore, Reactor, ReadStream, Repository, RewindTo, StreamId,
};
use es_sqlite::SqliteStore;
use futures::TryStreamExt;
use jiff::civil::date;

use crate::release_2::account::{Account, AccountCommand};
use crate::release_2::copy::{BookCopy, CopyCommand};
use crate::release_2::late_fees::LateFees;

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    let copies = Repository::<BookCopy>::new(store.clone());
    let accounts = Repository::<Account>::new(store.clone());
    // ANCHOR: react
    let fees = LateFees::new(accounts.clone());
    let fees = Reactor::on(fees, store.clone())?;

    let take_back = CopyCommand::TakeBack { on: date(2026, 4, 2) };
    copies.execute("c-1", take_back).await?;
    println!("{} commits", fees.catch_up().await?.applied);
    println!("ada owes {} cents", accounts.load("ada").await?.owes);
    // ANCHOR_END: react

    // ANCHOR: again
    fees.rewind(RewindTo::Start, |_| {}).await?;
    println!("again: {} commits", fees.catch_up().await?.applied);
    println!("ada owes {} cents", accounts.load("ada").await?.owes);
    // ANCHOR_END: again

    // ANCHOR: pay
    accounts.execute("ada", AccountCommand::Pay { cents: 60 }).await?;
    // ANCHOR_END: pay

    // ANCHOR: cause
    let account = StreamId::new("account", "ada")?;
    let commits = store.read(ReadStream::new(account)).try_concat().await?;
    for commit in commits {
        let metadata = commit.metadata()?;
        println!("{:?} by {:?}", metadata.command, metadata.actor);
    }
    // ANCHOR_END: cause
    store.close().await?;
    Ok(())
}
