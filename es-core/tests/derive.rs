//! `#[derive(Event)]` and `#[derive(Command)]`.
#![allow(clippy::unwrap_used)]

#[path = "derive/commands.rs"]
mod commands;
#[path = "derive/names_and_payloads.rs"]
mod names_and_payloads;
#[path = "derive/personal_data.rs"]
mod personal_data;
#[path = "derive/schema_versions.rs"]
mod schema_versions;
#[path = "derive/serde_attributes.rs"]
mod serde_attributes;
#[path = "derive/unions.rs"]
mod unions;
#[path = "derive/unknown_events.rs"]
mod unknown_events;

use std::error::Error as _;

use es_core::{Codec, DecodeError, EncodedEvent, Event, Payload};

/// What `event` is stored as.
fn stored(event: &impl Event, codec: Codec) -> Vec<u8> {
    let mut out = Vec::new();
    event.encode(codec, &mut out).unwrap();
    out
}

fn json(event: &impl Event) -> String {
    String::from_utf8(stored(event, Codec::Json)).unwrap()
}

/// What is read from a stored name, schema version and JSON payload.
fn read<E: Event>(name: &str, schema_version: u32, payload: &str) -> Result<E, DecodeError> {
    E::decode(EncodedEvent { name, schema_version, payload: Payload::Json(payload) })
}

/// The codec's words about a payload that cannot be read.
fn payload_error<E: Event>(name: &str, schema_version: u32, payload: &str) -> String {
    match read::<E>(name, schema_version, payload).map(drop) {
        Err(error @ DecodeError::Payload(_)) => error.source().unwrap().to_string(),
        other => panic!("{other:?}"),
    }
}

/// What the derives refuse, with the words, and what they accept in strange surroundings.
#[test]
fn the_compiler_says_what_to_do() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/derive/pass/*.rs");
    cases.compile_fail("tests/derive/fail/*.rs");
}
