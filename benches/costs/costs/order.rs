//! The domain that is measured: orders whose events have 300 bytes of JSON, for both frameworks.

use std::convert::Infallible;

use cqrs_es::event_sink::EventSink;
use es_core::{Command, Event, Snapshot};
use serde::{Deserialize, Serialize};

/// An order. It only counts: what is measured is storage.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct Order {
    events: u64,
}

/// What happens to an order.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Event)]
#[event(prefix = "Order")]
pub enum OrderEvent {
    /// A note of about 300 bytes.
    Noted {
        /// What it says.
        text: String,
    },
}

/// Takes so many notes.
#[derive(Debug, Clone, Command)]
pub enum OrderCommand {
    /// Takes so many notes.
    Note(usize),
}

impl OrderEvent {
    fn of_300_bytes() -> Self {
        // {"text":"…"}
        Self::Noted { text: "n".repeat(289) }
    }
}

impl es_core::Aggregate for Order {
    const CATEGORY: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = Infallible;

    fn handle(
        &self,
        OrderCommand::Note(events): OrderCommand,
    ) -> Result<Vec<OrderEvent>, Infallible> {
        Ok(vec![OrderEvent::of_300_bytes(); events])
    }

    fn apply(&mut self, OrderEvent::Noted { .. }: OrderEvent) {
        self.events += 1;
    }
}

impl Snapshot for Order {
    const SCHEMA_VERSION: u32 = 1;
}

impl cqrs_es::DomainEvent for OrderEvent {
    fn event_type(&self) -> String {
        "Order:Noted".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        OrderCommand::Note(events): OrderCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Infallible> {
        for _ in 0..events {
            sink.write(OrderEvent::of_300_bytes(), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, OrderEvent::Noted { .. }: OrderEvent) {
        self.events += 1;
    }
}
