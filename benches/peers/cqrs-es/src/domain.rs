//! Orders as cqrs-es knows them.

use std::convert::Infallible;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use es_benches::order::{Order, OrderEvent};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CqrsOrder(pub(crate) Order);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct CqrsEvent(pub(crate) OrderEvent);

/// Records events as they are.
pub(crate) struct Record(Vec<CqrsEvent>);

impl Record {
    pub(crate) fn of(events: Vec<OrderEvent>) -> Self {
        Self(events.into_iter().map(CqrsEvent).collect())
    }
}

impl DomainEvent for CqrsEvent {
    fn event_type(&self) -> String {
        match self.0 {
            OrderEvent::ItemsAdded { .. } => "ItemsAdded".to_owned(),
            OrderEvent::StatusChanged { .. } => "StatusChanged".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for CqrsOrder {
    const TYPE: &'static str = "order";
    type Command = Record;
    type Event = CqrsEvent;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        Record(events): Record,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Infallible> {
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CqrsEvent) {
        self.0.fold(&event.0);
    }
}
