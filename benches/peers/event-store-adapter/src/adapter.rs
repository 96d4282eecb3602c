//! What stores of event-store-adapter-rs leave to who uses them: folding events, and the number that is written next.

use chrono::Utc;
use es_benches::driver::{Failure, Peer};
use es_benches::order::{Order, OrderEvent};
use es_benches::workload::Workload;
use event_store_adapter_rs::{AggregateId, EventEnvelope, EventStore};

#[derive(Debug, Clone)]
pub(crate) struct OrderId(String);

impl AggregateId for OrderId {
    fn type_name(&self) -> String {
        "Order".to_owned()
    }

    fn value(&self) -> String {
        self.0.clone()
    }
}

/// A store, and what it needs as long as it is there.
pub(crate) trait Opened: Sized + 'static {
    type Store: EventStore<AID = OrderId, A = Order, P = OrderEvent>;

    async fn open() -> Result<Self, Failure>;

    fn store(&self) -> &Self::Store;

    fn cannot(workload: Workload) -> Option<&'static str> {
        (workload == Workload::CommandsOfTen).then_some("a write has one event")
    }
}

pub(crate) struct Adapter<O>(O);

impl<O: Opened> Adapter<O> {
    /// The state, and the number of the last event.
    async fn replay(&self, id: &OrderId) -> Result<(Order, u64), Failure> {
        let events = self.0.store().get_events_by_id_since_seq_nr(id, 0).await?;
        let (mut order, mut last) = (Order::default(), 0);
        for envelope in events {
            last = envelope.seq_nr();
            order.fold(envelope.payload());
        }
        Ok((order, last))
    }

    async fn write(&self, id: OrderId, number: u64, event: OrderEvent) -> Result<(), Failure> {
        let envelope = EventEnvelope::new(id, number, Utc::now(), event);
        Ok(self.0.store().persist_event(envelope).await?)
    }
}

impl<O: Opened> Peer for Adapter<O> {
    type Command = OrderEvent;

    async fn open() -> Result<Self, Failure> {
        Ok(Self(O::open().await?))
    }

    fn command(_id: &str, mut events: Vec<OrderEvent>) -> OrderEvent {
        // Workloads with more are refused.
        events.remove(0)
    }

    async fn fill(&mut self, id: &str, events: Vec<OrderEvent>) -> Result<(), Failure> {
        for (number, event) in (1..).zip(events) {
            self.write(OrderId(id.to_owned()), number, event).await?;
        }
        Ok(())
    }

    async fn execute(&mut self, id: &str, event: OrderEvent) -> Result<(), Failure> {
        let id = OrderId(id.to_owned());
        let (_order, last) = self.replay(&id).await?;
        self.write(id, last + 1, event).await
    }

    async fn load(&mut self, id: &str) -> Result<Order, Failure> {
        Ok(self.replay(&OrderId(id.to_owned())).await?.0)
    }

    fn cannot(workload: Workload) -> Option<&'static str> {
        O::cannot(workload)
    }
}
