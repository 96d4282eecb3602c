//! Aggregates whose events need much of the allocator, nothing, or little for much that is stored.

use std::fmt;
use std::hint::black_box;

use crate::counting::{Taken, taken};
use es_core::{
    Aggregate, Codec, Command, Compression, EncodedEvents, Event, EventStore, Expected, NewCommit,
    StreamId, Timestamp,
};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Folded from its events: how many there were, and a sum over them, so that all of each is needed.
#[derive(Debug, Default)]
pub(crate) struct Basket {
    pub(crate) events: u64,
    sum: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    article: String,
    pieces: u32,
}

#[derive(Debug, Clone, Event)]
#[event(prefix = "Basket")]
pub(crate) enum BasketEvent {
    /// Takes a string, a list, and a string for each of its lines.
    Filled { customer: String, lines: Vec<Line> },
    /// Takes nothing.
    Weighed { grams: u64, at_shelf: i32, certainty: f64 },
    /// Takes nothing, however long the stored text is.
    Described { text: Length },
}

/// Decoded, the length of a text; stored, a text of this length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Length(pub(crate) usize);

#[derive(Debug, Clone, Command)]
pub(crate) enum Never {}

impl Aggregate for Basket {
    const CATEGORY: &'static str = "basket";
    type Command = Never;
    type Event = BasketEvent;
    type Error = std::convert::Infallible;

    fn handle(&self, command: Never) -> Result<Vec<BasketEvent>, Self::Error> {
        match command {}
    }

    fn apply(&mut self, event: BasketEvent) {
        self.events += 1;
        self.sum += match event {
            BasketEvent::Filled { customer, lines } => {
                let pieces: u64 = lines.iter().map(|line| u64::from(line.pieces)).sum();
                let names: usize = lines.iter().map(|line| line.article.len()).sum();
                pieces + (names + customer.len()) as u64
            }
            BasketEvent::Weighed { grams, at_shelf, certainty } => {
                grams + u64::from(at_shelf.unsigned_abs()) + u64::from(certainty > 0.5)
            }
            BasketEvent::Described { text } => text.0 as u64,
        };
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&"x".repeat(self.0))
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Length, E> {
                Ok(Length(text.len()))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// The `n`-th filling of a basket.
pub(crate) fn filled(n: usize) -> BasketEvent {
    let line = |m: usize| Line { article: format!("article {:05}", n + m), pieces: 1 + m as u32 };
    BasketEvent::Filled { customer: format!("customer {n:05}"), lines: vec![line(0), line(1)] }
}

/// The `n`-th weighing of a basket.
pub(crate) fn weighed(n: usize) -> BasketEvent {
    BasketEvent::Weighed { grams: n as u64, at_shelf: -(n as i32), certainty: 1.0 / (n + 1) as f64 }
}

/// A description of so many bytes.
pub(crate) fn described(bytes: usize) -> BasketEvent {
    BasketEvent::Described { text: Length(bytes) }
}

/// The stream of a basket.
pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new(Basket::CATEGORY, id).unwrap()
}

/// Appends events to a basket, so many in a commit. Commits have no metadata.
pub(crate) async fn append(
    store: &dyn EventStore,
    id: &str,
    codec: Codec,
    per_commit: usize,
    events: &[BasketEvent],
) {
    for events in events.chunks(per_commit) {
        let events = EncodedEvents::encode(events, codec, Compression::None, 0).unwrap();
        let id_of_commit = es_core::CommitId::generate(Timestamp::now(), &es_core::SystemEntropy);
        let commit =
            NewCommit::new(id_of_commit, Timestamp::UNIX_EPOCH, Default::default(), events);
        store.append(&stream(id), Expected::Any, commit).await.unwrap();
    }
}

/// Decodes and applies events that are at hand, and nothing else.
fn decode_alone(commits: &[EncodedEvents]) {
    let mut basket = Basket::default();
    for commit in commits {
        for event in commit.open().unwrap().iter() {
            basket.apply(BasketEvent::decode(event).unwrap());
        }
    }
    black_box(basket);
}

/// What it takes to decode and apply events that are at hand.
pub(crate) fn taken_alone(codec: Codec, events: &[BasketEvent]) -> Taken {
    let one =
        |event| EncodedEvents::encode(std::slice::from_ref(event), codec, Compression::None, 0);
    let commits: Vec<_> = events.iter().map(|event| one(event).unwrap()).collect();
    taken(|| decode_alone(&commits))
}
