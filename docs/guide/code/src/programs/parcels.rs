//! A saga at work.

use std::sync::Arc;

use es_core::saga::{Sagas, sagas};
use es_core::{BoxError, Reactor, Repository};
use es_sqlite::SqliteStore;

use crate::release_3::parcel::{Parcel, ParcelCommand};
use crate::release_3::purse::{Purse, PurseCommand};
use crate::release_3::sending::{PostRoom, Sending};

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    // ANCHOR: set-up
    let parcels = Repository::<Parcel>::new(store.clone());
    let purses = Repository::<Purse>::new(store.clone());
    let room = PostRoom { parcels: parcels.clone(), purses: purses.clone() };
    let sendings: Sagas<Sending> = sagas(store.clone(), room, store.clone())?;
    let orchestrator = Reactor::on(sendings.clone(), store.clone())?;
    let sweeper = sendings.sweeper()?;
    // ANCHOR_END: set-up

    // ANCHOR: run
    purses.execute("ada", PurseCommand::Fill { cents: 300 }).await?;
    for parcel in ["p-1", "p-2"] {
        let ask = ParcelCommand::Ask { reader: "ada".into(), postage: 250 };
        parcels.execute(parcel, ask).await?;
        // Sagas run beside each other, and the purse is enough for one: the
        // second is asked for when the first has paid.
        orchestrator.catch_up().await?;
    }
    sweeper.sweep().await?;

    for parcel in ["p-1", "p-2"] {
        let sending = sendings.load(parcel).await?;
        println!("{parcel}: {:?}", sending.state().phase());
    }
    println!("ada has {} cents left", purses.load("ada").await?.cents);
    // ANCHOR_END: run

    // ANCHOR: story
    println!("the story of p-2:");
    for (_, line) in sendings.story("p-2").await? {
        // When the deadline is, is another day in each run.
        let line = line.split(" for ").next().unwrap_or_default();
        println!("  {line}");
    }
    // ANCHOR_END: story

    // ANCHOR: operator
    if let Err(error) = sendings.turn_back("p-1", "ada has moved").await {
        println!("{error}");
    }
    // ANCHOR_END: operator

    // ANCHOR: reindex
    let done = sendings.reindex_all(&*store, |_so_far| {}).await?;
    println!("{} sagas wait for {}", done.processes, done.deadlines);
    // ANCHOR_END: reindex
    store.close().await?;
    Ok(())
}
