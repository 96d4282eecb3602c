//! Watching orders change.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::{Reactor, RewindTo, Workers};
use tokio::sync::mpsc;

use crate::command_line::{AnyError, print_line};
use crate::orders::report::change_line;
use crate::orders::watching::{Change, Watching};

use super::opened::Opened;
use super::place::Place;
use super::until::Until;

pub(super) async fn run(
    place: &Place,
    from_start: bool,
    until: Until,
    json: bool,
) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let (seen, mut changes) = mpsc::channel(1);
    let (feed, log) = (opened.backend.feed.clone(), opened.backend.log.clone());
    let progress = Arc::new(MemoryStore::new());
    let watching = Reactor::new(Watching::new(seen), feed, log, progress)?;
    if !from_start {
        watching.rewind(RewindTo::End, |_| {}).await?;
    }
    let mut workers = Workers::new();
    workers.start(Arc::new(watching));
    tokio::select! {
        // In this order: who reads that it can be ended can end it.
        biased;
        over = until.over() => over?,
        shown = show(&mut changes, until, json) => shown?,
        failed = workers.failed() => failed?,
    }
    // Whoever waits to hand a change on does not wait any longer.
    drop(changes);
    workers.shutdown().await?;
    opened.close().await
}

async fn show(
    changes: &mut mpsc::Receiver<Change>,
    until: Until,
    json: bool,
) -> Result<(), AnyError> {
    eprintln!("watching; Ctrl-C ends it");
    let mut shown = 0;
    while !until.is_enough(shown) {
        let Some(change) = changes.recv().await else { return Ok(()) };
        print_line(match json {
            true => serde_json::to_string(&change)?,
            false => change_line(&change),
        })?;
        shown += 1;
    }
    Ok(())
}
