//! The generated code refers to nothing but es-core and the standard library.
#![deny(warnings)]

// As if there were no such crates.
extern crate core as es_derive;
extern crate core as serde;
extern crate core as serde_core;
extern crate core as serde_derive;
extern crate core as serde_json;

use es_core::{Codec, Event};

#[derive(Event)]
#[event(prefix = "A")]
enum AnEvent {
    Happened {
        #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
        number: Option<u8>,
    },
    Counted(u8),
    Ended,
}

fn main() {
    let mut out = Vec::new();
    AnEvent::Happened { number: Some(1) }
        .encode(Codec::Json, &mut out)
        .unwrap();
    AnEvent::Counted(2).encode(Codec::Json, &mut out).unwrap();
    AnEvent::Ended.encode(Codec::Json, &mut out).unwrap();
    assert_eq!(out, b"{\"n\":1}2{}");
}
