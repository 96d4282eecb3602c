//! The streams, events and commits that the rules are written with.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::codec::{Codec, Compression, Encoding, PayloadError};
use crate::commit::{CommitId, NewCommit};
use crate::encoded_events::{EncodedEvent, EncodedEvents};
use crate::entropy::SystemEntropy;
use crate::event::{DecodeError, Event, EventSchema};
use crate::metadata::{EncodedMetadata, Metadata};
use crate::stream_id::StreamId;

/// An event with a text in it, or with nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fact {
    Noted(Note),
    /// Its payload is `{}` in JSON and no byte at all in postcard.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) numbers: Vec<i64>,
    pub(super) maybe: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct Empty {}

impl Fact {
    const NOTED: EventSchema = EventSchema { name: "Fact:Noted", version: 3 };
    const NOTHING: EventSchema = EventSchema { name: "Fact:Nothing", version: 1 };

    pub(super) fn noted(text: impl Into<String>) -> Self {
        Self::Noted(Note { text: text.into(), numbers: vec![0, -1, i64::MAX], maybe: Some(0.5) })
    }

    fn schema(&self) -> EventSchema {
        match self {
            Self::Noted(_) => Self::NOTED,
            Self::Nothing => Self::NOTHING,
        }
    }
}

impl Event for Fact {
    const SCHEMAS: &'static [EventSchema] = &[Self::NOTED, Self::NOTHING];

    fn name(&self) -> &'static str {
        self.schema().name
    }

    fn schema_version(&self) -> u32 {
        self.schema().version
    }

    fn encode(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        match self {
            Self::Noted(note) => codec.encode(note, out),
            Self::Nothing => codec.encode(&Empty {}, out),
        }
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Self, DecodeError> {
        match (stored.name, stored.schema_version) {
            ("Fact:Noted", 3) => Ok(Self::Noted(stored.payload.decode()?)),
            ("Fact:Nothing", 1) => {
                stored.payload.decode::<Empty>()?;
                Ok(Self::Nothing)
            }
            ("Fact:Noted" | "Fact:Nothing", _) => Err(DecodeError::UnknownVersion { newest: 3 }),
            _ => Err(DecodeError::UnknownName),
        }
    }
}

/// A stream that the rules write to.
pub(super) fn stream(id: &str) -> StreamId {
    stream_in("conformance", id)
}

pub(super) fn stream_in(category: &str, id: &str) -> StreamId {
    StreamId::new(category, id).expect("the rules use valid streams")
}

/// Ids that a store confuses if it folds case, normalises or trims, builds patterns or joins texts.
pub(super) fn hostile_ids() -> Vec<String> {
    let ids = [
        "a",
        "A",
        "a:b",
        "a:b:c",
        "a::b",
        ":",
        "b",
        "a%",
        "%",
        "_",
        "a_",
        "a*",
        "a?",
        "a'b",
        "a\"b",
        "a'; DROP TABLE commits; --",
        "a\\b",
        "a\\",
        "a/b",
        "a/../b",
        "..",
        "a#b",
        "a|b",
        "a b",
        "a  b",
        "a,b",
        "a;b",
        "a&b=c",
        "a+b",
        "a%20b",
        "a%3Ab",
        "{a}",
        "[a]",
        "$a",
        "@a",
        "null",
        "NULL",
        "0",
        "00",
        "1",
        "01",
        "1.0",
        "-1",
        "1e3",
        "true",
        "<a>",
        "&amp;",
        // The same letter, composed and decomposed, and letters that only look or fold alike.
        "\u{e9}",
        "e\u{301}",
        "\u{c9}",
        "e",
        "ß",
        "ss",
        "ẞ",
        "ı",
        "i",
        "İ",
        "I",
        "K",
        "\u{212a}",
        "ﬁ",
        "fi",
        "ａ",
        "а",
        // Outside the basic plane, joined, right to left, invisible.
        "🦀",
        "👩‍👩‍👧",
        "👩",
        "שלום",
        "مرحبا",
        "日本語",
        "\u{10ffff}",
        "a\u{200b}",
        "a\u{ad}",
        "a\u{2060}b",
    ];
    let longest = ["x".repeat(200), format!("{}y", "x".repeat(199)), "ü".repeat(100)];
    ids.into_iter().map(str::to_owned).chain(longest).collect()
}

pub(super) fn new_id() -> CommitId {
    CommitId::generate(Timestamp::now(), &SystemEntropy)
}

/// 2026-03-01T12:00:00.123456Z.
pub(super) fn noon() -> Timestamp {
    Timestamp::from_microsecond(1_772_366_400_123_456).expect("a time in range")
}

pub(super) fn encode(facts: &[Fact]) -> EncodedEvents {
    EncodedEvents::encode(facts, Codec::Json, Compression::None, 0).expect("facts are valid JSON")
}

/// A commit of `events` with some metadata and an id of its own.
pub(super) fn commit_of(events: EncodedEvents) -> NewCommit {
    let id = new_id();
    let mut metadata = Metadata::new();
    metadata.correlation_id = Some(format!("correlation of {id}"));
    let metadata = metadata.encode().expect("short metadata");
    NewCommit::new(id, noon(), metadata, events)
}

/// A commit of `count` events that no other commit has.
pub(super) fn commit(count: usize) -> NewCommit {
    let id = new_id();
    let facts: Vec<Fact> = (1..=count).map(|n| Fact::noted(format!("{n} of {id}"))).collect();
    commit_of(encode(&facts))
}

/// A commit of one event that counts `bytes` in [`NewCommit::stored_len`], at least 512.
pub(super) fn commit_of_bytes(bytes: usize) -> NewCommit {
    let events = encode(&[Fact::noted("x".repeat(bytes - 400))]);
    // The metadata fill up to the exact number.
    let actor = "x".repeat(bytes - events.stored_len() - r#"{"actor":""}"#.len());
    let metadata = EncodedMetadata::from_stored(format!(r#"{{"actor":"{actor}"}}"#).into());
    let commit = NewCommit::new(new_id(), noon(), metadata, events);
    assert_eq!(commit.stored_len(), bytes, "the rules build commits of an exact size");
    commit
}

/// Events as a store may find them: any names, any bytes.
pub(super) fn stored(encoding: Encoding, manifest: &str, payloads: &[u8]) -> EncodedEvents {
    EncodedEvents::from_stored(encoding, manifest.into(), Bytes::copy_from_slice(payloads))
        .expect("the rules put together what fits")
}

/// The same facts in every encoding that this build has.
pub(super) fn encode_all_ways(facts: &[Fact]) -> Vec<EncodedEvents> {
    let mut codecs = vec![Codec::Json];
    if cfg!(feature = "postcard") {
        codecs.push(Codec::Postcard);
    }
    let mut compressions = vec![Compression::None];
    if cfg!(feature = "zstd") {
        compressions.push(Compression::Zstd);
    }
    let mut all = Vec::new();
    for codec in codecs {
        for &compression in &compressions {
            let encoded = EncodedEvents::encode(facts, codec, compression, 0);
            all.push(encoded.expect("facts can be encoded in every codec"));
        }
    }
    all
}

/// The seed of a random rule; it says itself when the rule fails.
pub(super) struct Seed(u64);

impl Seed {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn rng(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.0)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {self}");
        }
    }
}
