//! cqrs-es's framework, on any of its stores.

use cqrs_es::{AggregateContext as _, CqrsFramework, EventStore};
use es_benches::driver::{Failure, Peer};
use es_benches::order::{Order, OrderEvent};
use es_benches::workload::Workload;

use crate::domain::{CqrsOrder, Record};

/// A store, and what it needs as long as it is there.
pub(crate) trait Opened: Sized + 'static {
    type Store: EventStore<CqrsOrder>;

    async fn open() -> Result<Self, Failure>;

    /// The same store again: the framework gives back none that it was given.
    fn store(&self) -> Self::Store;

    fn cannot(_workload: Workload) -> Option<&'static str> {
        None
    }
}

/// Commands are the framework's, which loads the aggregate for each; loads are those of its store.
pub(crate) struct Cqrs<O: Opened> {
    store: O::Store,
    framework: CqrsFramework<CqrsOrder, O::Store>,
    _opened: O,
}

impl<O: Opened> Peer for Cqrs<O> {
    type Command = Record;

    async fn open() -> Result<Self, Failure> {
        let opened = O::open().await?;
        let framework = CqrsFramework::new(opened.store(), Vec::new(), ());
        Ok(Self { store: opened.store(), framework, _opened: opened })
    }

    fn command(_id: &str, events: Vec<OrderEvent>) -> Record {
        Record::of(events)
    }

    async fn fill(&mut self, id: &str, events: Vec<OrderEvent>) -> Result<(), Failure> {
        self.execute(id, Record::of(events)).await
    }

    async fn execute(&mut self, id: &str, command: Record) -> Result<(), Failure> {
        Ok(self.framework.execute(id, command).await?)
    }

    async fn load(&mut self, id: &str) -> Result<Order, Failure> {
        Ok(self.store.load_aggregate(id).await?.aggregate().0.clone())
    }

    fn cannot(workload: Workload) -> Option<&'static str> {
        O::cannot(workload)
    }
}
