//! evento with SQLite and with fjall. Its events are written by bitcode, not as JSON.

mod domain;
mod stores;

use es_benches::driver::{Driver, Failure, Peer, version};
use es_benches::order::{Order, OrderEvent};
use es_benches::workload::Keeps;
use evento::{ProjectionAggregate as _, WriteBuilder};

use crate::domain::{Change, LiveOrder, OrderView, live, view};
use crate::stores::{FjallFolder, SqliteFile, Store};

const LOCK_FILE: &str = include_str!("../../Cargo.lock");

fn main() -> Result<(), Failure> {
    let evento = format!("evento {}", version(LOCK_FILE, "evento")?);
    Driver::new()?
        .with::<Evento<SqliteFile>>(
            format!("{evento}, SQLite (file, bitcode, synced; commands: states in memory)"),
            Keeps::Synced,
        )
        .with::<Evento<FjallFolder>>(
            format!("{evento}, fjall (file, bitcode, synced; commands: states in memory)"),
            Keeps::Synced,
        )
        .serve()
}

struct Evento<S>(S);

impl<S: Store> Peer for Evento<S> {
    type Command = Vec<Change>;

    async fn open() -> Result<Self, Failure> {
        // They are the process's, not the store's.
        LiveOrder::snapshot_rows().write().map_err(|error| error.to_string())?.clear();
        Ok(Self(S::open().await?))
    }

    fn command(_id: &str, events: Vec<OrderEvent>) -> Vec<Change> {
        events.into_iter().map(Change::from).collect()
    }

    async fn fill(&mut self, id: &str, events: Vec<OrderEvent>) -> Result<(), Failure> {
        let mut new = WriteBuilder::new(id);
        write(&mut new, &Self::command(id, events));
        new.commit(self.0.executor()).await?;
        Ok(())
    }

    /// As its documentation says for the write side: the state is loaded, from memory and what came since, and
    /// gives the version that the write continues from.
    async fn execute(&mut self, id: &str, command: Vec<Change>) -> Result<(), Failure> {
        let loaded: Option<LiveOrder> = live().load(id).execute(self.0.executor()).await?;
        let mut next = match loaded {
            Some(order) => order.write()?,
            None => WriteBuilder::new(id),
        };
        write(&mut next, &command);
        next.commit(self.0.executor()).await?;
        Ok(())
    }

    async fn load(&mut self, id: &str) -> Result<Order, Failure> {
        let view: Option<OrderView> = view().load(id).execute(self.0.executor()).await?;
        let OrderView { items, total, changes, .. } = view.ok_or("there is no such order")?;
        Ok(Order { items, total, changes })
    }
}

fn write(builder: &mut WriteBuilder, changes: &[Change]) {
    for change in changes {
        match change {
            Change::ItemsAdded(event) => builder.event(event),
            Change::StatusChanged(event) => builder.event(event),
        };
    }
}
