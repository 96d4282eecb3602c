//! One projector, run in three ways.

use std::sync::Arc;

use es_core::{BoxError, LiveView, Projection, Repository, StreamId};
use es_sqlite::SqliteStore;
use jiff::civil::date;

use crate::release_1::copy::{BookCopy, CopyCommand};
use crate::release_1::shelf::Shelf;

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    let lend = |reader: &str| CopyCommand::Lend {
        reader: reader.into(),
        on: date(2026, 3, 9),
        weeks: 2,
    };

    // ANCHOR: asynchronous
    let shelf = Projection::on(Shelf, store.clone())?;
    let shelf = Arc::new(shelf);
    let copies = Repository::<BookCopy>::new(store.clone());
    copies.execute("c-3", lend("cleo")).await?;
    let entry = shelf.view().get("c-3").await?;
    println!("after the command: {:?}", entry.and_then(|e| e.lent_to));
    shelf.catch_up().await?;
    let entry = shelf.view().get("c-3").await?;
    println!("after catching up: {:?}", entry.and_then(|e| e.lent_to));
    // ANCHOR_END: asynchronous

    // ANCHOR: inline
    let copies = copies.with_inline(shelf.clone());
    let receipt = copies.execute("c-4", lend("ada")).await?;
    assert!(receipt.inline_error().is_none());
    let entry = shelf.view().get("c-4").await?;
    println!("inline: {:?}", entry.and_then(|e| e.lent_to));
    // ANCHOR_END: inline

    // ANCHOR: live
    let live = LiveView::new(Shelf, store.clone())?;
    let documents = live.fold(&[StreamId::new("copy", "c-2")?]).await?;
    println!("live: {:?}", documents["c-2"].lent_to);
    // ANCHOR_END: live
    store.close().await?;
    Ok(())
}
