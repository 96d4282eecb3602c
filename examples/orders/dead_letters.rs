//! Orders that the processor gave up, to be looked at.

use std::collections::BTreeMap;

use es_core::cloud_events::CloudEvent;
use es_core::{
    DeadLetterQueue, DeadMessage, DeadMessageFilter, Error, MessageId, StreamId, Timestamp,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// A dead letter in a list: without its event, which has personal data in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LetterSummary {
    /// Its id, in the dead-letter queue.
    pub id: String,
    /// The order; `None` for what is none.
    pub order: Option<String>,
    /// Why it is here.
    pub reason: Option<String>,
    /// The last error.
    pub error: Option<String>,
    /// How often it was tried.
    pub attempts: Option<u32>,
    /// When it was received for the first time.
    pub first_received_at: Option<Timestamp>,
    /// When it was given up.
    pub given_up_at: Option<Timestamp>,
    /// The queue that it comes from.
    pub origin: Option<String>,
}

/// A dead letter in full.
#[derive(Debug, Clone, Serialize)]
pub struct LetterDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: LetterSummary,
    /// The event as it was announced, if it is one.
    pub event: Option<Box<RawValue>>,
    /// What is here instead.
    pub text: Option<String>,
}

/// The most dead letters that are looked at in search of some.
pub const MOST: usize = 100_000;

impl LetterSummary {
    /// What is shown of `dead`.
    pub fn of(dead: &DeadMessage) -> Self {
        let failure = dead.failure.as_ref();
        Self {
            id: dead.id.to_string(),
            order: order_of(dead).map(|order| order.id().to_owned()),
            reason: failure.map(|failure| failure.reason.to_string()),
            error: failure.map(|failure| failure.error.clone()),
            attempts: failure.map(|failure| failure.attempts),
            first_received_at: failure.map(|failure| failure.first_received_at),
            given_up_at: failure.map(|failure| failure.at),
            origin: dead.origin.as_ref().map(ToString::to_string),
        }
    }
}

impl LetterDetail {
    /// All of `dead`.
    pub fn of(dead: &DeadMessage) -> Self {
        let event = serde_json::from_str(&dead.body).ok();
        let text = event.is_none().then(|| dead.body.clone());
        Self { summary: LetterSummary::of(dead), event, text }
    }
}

/// The letters of each order.
///
/// # Errors
///
/// Those of the queue.
pub async fn by_order(
    letters: &DeadLetterQueue,
) -> Result<BTreeMap<String, Vec<MessageId>>, Error> {
    let mut orders: BTreeMap<String, Vec<MessageId>> = BTreeMap::new();
    for dead in letters.list(&DeadMessageFilter::all(), MOST).await? {
        if let Some(order) = order_of(&dead) {
            orders.entry(order.id().to_owned()).or_default().push(dead.id);
        }
    }
    Ok(orders)
}

fn order_of(dead: &DeadMessage) -> Option<StreamId> {
    let event = CloudEvent::parse(dead.body.as_bytes()).ok()?;
    event.stream().filter(|stream| stream.category() == "order")
}
