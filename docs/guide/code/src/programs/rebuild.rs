//! A view that came out wrong is built again.

use std::sync::Arc;

use es_core::{BoxError, CatchUp, Projection};
use es_sqlite::{DocumentQuery, SqliteStore, field};

use crate::release_2;
use crate::release_3::shelf::{Shelf, ShelfEntry};

pub async fn main() -> Result<(), BoxError> {
    let store = Arc::new(SqliteStore::open("library.db").await?);
    // ANCHOR: wrong
    let wrong = Projection::on(release_2::shelf::Shelf, store.clone())?;
    wrong.catch_up().await?;
    let view = wrong.view();
    let contradicting: DocumentQuery<ShelfEntry> = store
        .query(view.name())
        .filter(field("lent_to").is_null().and(!field("due").is_null()));
    for (copy, entry) in contradicting.fetch().await?.documents {
        println!("{copy} {:?} {:?}", entry.lent_to, entry.due);
    }
    // ANCHOR_END: wrong

    // ANCHOR: rebuild
    let shelf = Projection::on(Shelf, store.clone())?;
    let done = shelf
        .with_batch_size(8)
        .rebuild(|step| {
            println!("{} handled, {:?} left", step.applied, step.remaining);
            show_speed(step);
        })
        .await?;
    println!("rebuilt from {} commits", done.applied);
    println!("contradicting: {}", contradicting.count().await?);
    // ANCHOR_END: rebuild
    store.close().await?;
    Ok(())
}

// ANCHOR: speed
/// For people who wait. Not on standard output: it is never twice the same.
fn show_speed(step: CatchUp) {
    let rate = step.rate().unwrap_or_default();
    let left = step.time_left().unwrap_or_default();
    eprintln!("{rate:.0} commits per second, {left:.1?} left");
}
// ANCHOR_END: speed
