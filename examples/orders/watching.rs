//! What happens to orders, as it happens.

use async_trait::async_trait;
use es_core::{Policy, Reaction, ReactionError, Recorded, Timestamp};
use serde::Serialize;
use tokio::sync::mpsc;

use super::domain::{Money, OrderEvent, Status};

/// An event of an order, without personal data: it is for any terminal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// When it was recorded.
    pub at: Timestamp,
    /// The order.
    pub order: String,
    /// The event's name.
    pub event: &'static str,
    /// Where the order is since then.
    pub status: Status,
    /// What it costs.
    pub total: Money,
}

/// Hands every change on to somebody who looks. Its progress is kept in memory: the next one who looks
/// begins anew.
#[derive(Debug)]
pub struct Watching {
    seen: mpsc::Sender<Change>,
}

impl Watching {
    /// For whoever has the other end.
    pub fn new(seen: mpsc::Sender<Change>) -> Self {
        Self { seen }
    }
}

#[async_trait]
impl Policy for Watching {
    const NAME: &'static str = "watching";
    const CATEGORIES: &'static [&'static str] = &["order"];
    type Event = OrderEvent;

    async fn react(
        &self,
        event: &Recorded<'_, OrderEvent>,
        _: &Reaction,
    ) -> Result<(), ReactionError> {
        let (status, total) = match &event.event {
            OrderEvent::Created { total, .. } => (Status::New, *total),
            OrderEvent::Processed { total, .. } => (Status::Processed, *total),
        };
        let change = Change {
            at: event.recorded_at(),
            order: event.aggregate_id().to_owned(),
            event: es_core::Event::name(&event.event),
            status,
            total,
        };
        // Whoever does not look any more misses nothing.
        let _ = self.seen.send(change).await;
        Ok(())
    }
}
