//! Two views, and questions to them.

use std::sync::Arc;

use es_core::{BoxError, Projection, ViewQuery};
use es_sqlite::{SqliteStore, field};

use crate::release_1::readers::Readers;
use crate::release_1::shelf::{Shelf, ShelfEntry};

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    // ANCHOR: catch_up
    // The feed, the log, and where documents and progress are kept.
    let shelf = Projection::on(Shelf, store.clone())?;
    let done = shelf.catch_up().await?;
    println!("{} commits", done.applied);
    println!("{} commits", shelf.catch_up().await?.applied);
    // ANCHOR_END: catch_up

    // ANCHOR: get
    let view = shelf.view();
    println!("{:?}", view.get("c-1").await?);
    let at_bobs = ViewQuery::default().equals("lent_to", "bob");
    for (copy, entry) in view.list(&at_bobs).await? {
        println!("{copy} {}", entry.title);
    }
    // ANCHOR_END: get

    // ANCHOR: query
    let on_the_shelf = store
        .query::<ShelfEntry>(view.name())
        .filter(field("lent_to").is_null())
        .order_by(field("title").asc());
    println!("on the shelf: {}", on_the_shelf.count().await?);
    for (copy, entry) in on_the_shelf.fetch().await?.documents {
        println!("{copy} {}", entry.title);
    }
    // ANCHOR_END: query

    // ANCHOR: readers
    let readers = Projection::on(Readers, store.clone())?;
    readers.catch_up().await?;
    for (reader, copies) in readers.view().list(&ViewQuery::default()).await? {
        println!("{reader}: {copies:?}");
    }
    // ANCHOR_END: readers
    store.close().await?;
    Ok(())
}
