//! Payloads of a derived event with upcasters: what is read is written again as the newest version and
//! read as the same, and errors do not say what the payload says.

#![no_main]

use es_core::{Codec, Compression, DecodeError, EncodedEvents, Event};
use es_fuzz::{Parts, SMALL, assert_silent, within};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Ledger")]
enum LedgerEvent {
    #[event(
        version = 3,
        upcast(from = 2, with = Self::with_note),
        upcast(from = 1, with = EnteredV2::of_cents)
    )]
    Entered {
        amount: i64,
        note: Option<String>,
        tags: Vec<String>,
    },
    #[event(version = 2, upcast(from = 1, with = Entries::single))]
    Imported(Entries),
    Closed,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Entries {
    entries: std::collections::BTreeMap<String, Kind>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Nothing,
    Amount(u64),
    Pair(i8, char),
    Nested { inner: Vec<Option<bool>> },
}

#[derive(Deserialize)]
struct EnteredV2 {
    amount: i64,
}

#[derive(Deserialize)]
struct EnteredV1 {
    cents: u32,
}

impl LedgerEvent {
    fn with_note(EnteredV2 { amount }: EnteredV2) -> Self {
        Self::Entered { amount, note: None, tags: Vec::new() }
    }
}

impl EnteredV2 {
    fn of_cents(EnteredV1 { cents }: EnteredV1) -> Self {
        Self { amount: i64::from(cents) }
    }
}

impl Entries {
    fn single((key, amount): (String, u64)) -> Self {
        Self { entries: [(key, Kind::Amount(amount))].into() }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some(parts) = Parts::of(input) else { return };
    if parts.encoding.compression != Compression::None {
        return;
    }
    let Ok(events) = parts.stored() else { return };
    let open = events.open().expect("what is not compressed opens");
    for stored in open.iter() {
        match within(SMALL, || LedgerEvent::decode(stored)) {
            Ok(event) => assert_written_again(event),
            Err(DecodeError::Payload(error)) => assert_silent(stored.payload.as_bytes(), &error),
            Err(DecodeError::UnknownVersion { newest }) => {
                assert!(LedgerEvent::SCHEMAS.iter().any(|schema| schema.version == newest));
            }
            Err(DecodeError::UnknownName) => {
                assert!(LedgerEvent::SCHEMAS.iter().all(|schema| schema.name != stored.name));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
});

fn assert_written_again(event: LedgerEvent) {
    let events = [event];
    for codec in [Codec::Json, Codec::Postcard] {
        for compression in [Compression::None, Compression::Zstd] {
            let again = EncodedEvents::encode(&events, codec, compression, 0).expect("it encodes");
            let open = again.open().expect("it opens");
            let stored = open.iter().next().expect("one event");
            assert_eq!(stored.schema_version, events[0].schema_version());
            assert_eq!(&LedgerEvent::decode(stored).expect("it decodes"), &events[0]);
        }
    }
}
