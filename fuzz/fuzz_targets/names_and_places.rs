//! Names and places as text: what is accepted is within its limits and reads back as itself; what is
//! not is a typed error.

#![no_main]

use es_core::{
    Checkpoint, CommitId, ConsumerId, Encoding, Error, MAX_VIEW_KEY_LEN, PartitionId, StreamId,
    ViewName, check_view_key,
};
use es_fuzz::{SMALL, within};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    within(SMALL, || {
        streams(text);
        names(text);
        places(text);
        if let Ok(encoding) = text.parse::<Encoding>() {
            assert_eq!(encoding.as_str(), text);
        }
    });
});

fn accepted<T>(result: es_core::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Error::InvalidId { value, .. }) => {
            assert!(value.chars().count() <= 64, "an error does not carry all of a long id");
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn streams(text: &str) {
    let json = serde_json::to_string(text).expect("a string");
    let deserialized = serde_json::from_str::<StreamId>(&json);
    let Some(stream) = accepted(text.parse::<StreamId>()) else {
        return assert!(deserialized.is_err());
    };
    assert_eq!(stream.as_str(), text);
    assert_eq!(deserialized.expect("it parses"), stream);
    assert_eq!(serde_json::to_string(&stream).expect("a string"), json);
    assert_eq!(StreamId::new(stream.category(), stream.id()).expect("its own parts"), stream);
    assert!(stream.category().len() <= StreamId::MAX_CATEGORY_LEN);
    assert!((1..=StreamId::MAX_ID_LEN).contains(&stream.id().len()));
    assert_key(stream.id());
}

fn names(text: &str) {
    if accepted(check_view_key(text)).is_some() {
        assert!(text.len() <= MAX_VIEW_KEY_LEN);
        assert_key(text);
    }
    if let Some(partition) = accepted(PartitionId::new(text)) {
        assert_eq!(partition.as_str(), text);
        assert_key(text);
    }
    if let Some(consumer) = accepted(ConsumerId::new(text)) {
        assert_eq!(consumer.as_str(), text);
        assert_key(text);
    }
    if let Some(view) = accepted(ViewName::new(text)) {
        assert_eq!(view.as_str(), text);
        assert!(text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')));
    }
}

/// What travels as a key can be in an XML message and in a line of a log.
fn assert_key(text: &str) {
    assert!(!text.is_empty() && text.trim() == text);
    assert!(!text.chars().any(|c| c.is_control() || c == '\u{fffe}' || c == '\u{ffff}'));
}

fn places(text: &str) {
    let place = Checkpoint::from_stored(text);
    assert_eq!(place.as_str(), text);
    assert_eq!(place.is_start(), text.is_empty());
    match place.position() {
        Ok(position) => {
            assert!(text.bytes().all(|byte| byte.is_ascii_digit()));
            let written = Checkpoint::from_position(position);
            assert_eq!(written.position().expect("a position"), position);
            assert_eq!(written.as_str().trim_start_matches('0'), text.trim_start_matches('0'));
        }
        Err(Error::Corrupt { .. }) => {}
        Err(other) => panic!("{other:?}"),
    }
    if let Some(id) = accepted(text.parse::<CommitId>()) {
        assert_eq!(id.to_string().parse::<CommitId>().expect("its own form"), id);
        assert_eq!(CommitId::from_bytes(*id.as_bytes()), id);
    }
}
