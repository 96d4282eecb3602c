//! What has to be done at least: decode the bytes, apply the event, nothing else.
//!
//! The payloads lie one after the other in one buffer, and which kind of event each is, is known beforehand.

use std::hint::black_box;
use std::ops::Range;

use es_core::{Aggregate, Codec, Event, PayloadError};
use serde::Deserialize;

use crate::order::{Item, Order, OrderEvent};

/// Events of one or more streams, encoded one after the other.
#[derive(Debug)]
pub struct Payloads {
    codec: Codec,
    bytes: Vec<u8>,
    events: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    items_added: bool,
    range: Range<usize>,
}

#[derive(Deserialize)]
struct ItemsAdded {
    customer: String,
    items: Vec<Item>,
    at: String,
}

#[derive(Deserialize)]
struct StatusChanged {
    status: String,
    note: String,
    location: (f64, f64),
    at: String,
}

impl Payloads {
    /// Encodes events.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when the codec is not compiled in.
    pub fn of(events: &[OrderEvent], codec: Codec) -> Result<Self, PayloadError> {
        let mut this = Self { codec, bytes: Vec::new(), events: Vec::new() };
        for event in events {
            let start = this.bytes.len();
            event.encode(codec, &mut this.bytes)?;
            let items_added = matches!(event, OrderEvent::ItemsAdded { .. });
            this.events.push(Place { items_added, range: start..this.bytes.len() });
        }
        Ok(this)
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Decodes and applies all of them, to a new order for each `per_stream` of them.
    ///
    /// # Panics
    ///
    /// When the bytes are not what was encoded.
    pub fn fold(&self, per_stream: usize) -> Order {
        let mut last = Order::default();
        for stream in self.events.chunks(per_stream) {
            let mut order = Order::default();
            for place in stream {
                let payload = black_box(&self.bytes[place.range.clone()]);
                order.apply(match self.codec {
                    Codec::Json => decode(payload, place.items_added),
                    _ => decode_postcard(payload, place.items_added),
                });
            }
            last = black_box(order);
        }
        last
    }

    /// Like [`fold`](Self::fold) of JSON that is checked to be text all at once, and not string by string.
    ///
    /// # Panics
    ///
    /// When the bytes are not what was encoded.
    #[expect(clippy::expect_used, reason = "a measurement of wrong bytes means nothing")]
    pub fn fold_text(&self, per_stream: usize) -> Order {
        let text = std::str::from_utf8(&self.bytes).expect("JSON is text");
        let mut last = Order::default();
        for stream in self.events.chunks(per_stream) {
            let mut order = Order::default();
            for place in stream {
                let payload = black_box(&text[place.range.clone()]);
                order.apply(decode_text(payload, place.items_added));
            }
            last = black_box(order);
        }
        last
    }

    /// Copies all of the bytes.
    pub fn copy(&self) -> Vec<u8> {
        black_box(&self.bytes).clone()
    }
}

/// Encodes the events of commands, applies them, and pushes the bytes: what deciding and keeping events takes
/// at least. A new order begins after so many commands.
///
/// # Panics
///
/// When an event cannot be encoded.
#[expect(clippy::expect_used, reason = "a measurement of what is not encoded means nothing")]
pub fn record(commands: Vec<Vec<OrderEvent>>, per_stream: usize) -> (Vec<Order>, Vec<u8>) {
    let (mut orders, mut log) = (Vec::new(), Vec::new());
    for (n, events) in commands.into_iter().enumerate() {
        if n.is_multiple_of(per_stream) {
            orders.push(Order::default());
        }
        let Some(order) = orders.last_mut() else { continue };
        for event in events {
            event.encode(Codec::Json, &mut log).expect("JSON is compiled in");
            order.apply(event);
        }
    }
    (orders, log)
}

/// Decodes one JSON payload, as those do who store the bytes of one event in one place.
///
/// # Panics
///
/// When it is none.
#[expect(clippy::expect_used, reason = "a measurement of wrong bytes means nothing")]
pub fn decode(payload: &[u8], items_added: bool) -> OrderEvent {
    if items_added {
        serde_json::from_slice::<ItemsAdded>(payload).expect("what was encoded").into()
    } else {
        serde_json::from_slice::<StatusChanged>(payload).expect("what was encoded").into()
    }
}

#[expect(clippy::expect_used, reason = "a measurement of wrong bytes means nothing")]
fn decode_text(payload: &str, items_added: bool) -> OrderEvent {
    if items_added {
        serde_json::from_str::<ItemsAdded>(payload).expect("what was encoded").into()
    } else {
        serde_json::from_str::<StatusChanged>(payload).expect("what was encoded").into()
    }
}

#[expect(clippy::expect_used, reason = "a measurement of wrong bytes means nothing")]
fn decode_postcard(payload: &[u8], items_added: bool) -> OrderEvent {
    if items_added {
        postcard::from_bytes::<ItemsAdded>(payload).expect("what was encoded").into()
    } else {
        postcard::from_bytes::<StatusChanged>(payload).expect("what was encoded").into()
    }
}

impl From<ItemsAdded> for OrderEvent {
    fn from(ItemsAdded { customer, items, at }: ItemsAdded) -> Self {
        Self::ItemsAdded { customer, items, at }
    }
}

impl From<StatusChanged> for OrderEvent {
    fn from(StatusChanged { status, note, location, at }: StatusChanged) -> Self {
        Self::StatusChanged { status, note, location, at }
    }
}
