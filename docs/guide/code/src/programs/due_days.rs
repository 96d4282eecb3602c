//! Release 2 reads what release 1 wrote.

use std::sync::Arc;

use es_core::{BoxError, Projection, Repository};
use es_sqlite::{SqliteStore, field};
use jiff::civil::date;

use crate::release_1;
use crate::release_2::copy::{BookCopy, CopyCommand};
use crate::release_2::shelf::{Shelf, ShelfEntry};

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    // ANCHOR: lend
    let copies = Repository::<BookCopy>::new(store.clone());
    let title = "Silas Marner".into();
    copies.execute("c-5", CopyCommand::Acquire { title }).await?;
    let lend = CopyCommand::Lend {
        reader: "dora".into(),
        on: date(2026, 3, 30),
        due: date(2026, 4, 24),
    };
    copies.execute("c-5", lend).await?;
    // ANCHOR_END: lend

    // ANCHOR: load
    println!("{:?}", *copies.load("c-1").await?);
    // ANCHOR_END: load

    // ANCHOR: build
    let shelf = Projection::on(Shelf, store.clone())?;
    let done = shelf.catch_up().await?;
    println!("{}: {} commits", shelf.id(), done.applied);
    // ANCHOR_END: build

    // ANCHOR: overdue
    let view = shelf.view();
    let overdue = store
        .query::<ShelfEntry>(view.name())
        .filter(field("due").lt("2026-03-31"))
        .order_by(field("due").asc());
    for (copy, entry) in overdue.fetch().await?.documents {
        println!("{copy} {:?} {:?}", entry.lent_to, entry.due);
    }
    // ANCHOR_END: overdue

    // ANCHOR: beside
    let before = Projection::on(release_1::shelf::Shelf, store.clone())?;
    println!("{}: {:?}", before.id(), before.view().get("c-1").await?);
    // ANCHOR_END: beside
    store.close().await?;
    Ok(())
}
