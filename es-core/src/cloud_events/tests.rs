use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;
use crate::codec::{Codec, Compression, Encoding};
use crate::commit::NewCommit;
use crate::encoded_events::EncodedEvents;
use crate::metadata::{EncodedMetadata, Metadata};

const SOURCE: &str = "/dispensary";

fn source() -> Source {
    Source::new(SOURCE).unwrap()
}

fn stored(encoding: &str, events: &[(&str, u32, &[u8])]) -> EncodedEvents {
    let encoding: Encoding = encoding.parse().unwrap();
    let manifest: Vec<_> =
        events.iter().map(|(name, version, it)| format!("{name} {version} {}", it.len())).collect();
    let payloads: Vec<&[u8]> = events.iter().map(|(_, _, payload)| *payload).collect();
    let separator: &[u8] = if encoding.codec == Codec::Json { b"\n" } else { b"" };
    let payloads = Bytes::from(payloads.join(separator));
    EncodedEvents::from_stored(encoding, manifest.join("\n").into(), payloads).unwrap()
}

fn commit(events: EncodedEvents) -> Commit {
    let metadata = Metadata {
        correlation_id: Some("order 7".to_owned()),
        causation_id: Some(String::new()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        actor: Some("Ärztin \"A\"".to_owned()),
        ..Metadata::new()
    };
    placed(events, metadata.encode().unwrap())
}

fn placed(events: EncodedEvents, metadata: EncodedMetadata) -> Commit {
    let id = CommitId::from_bytes([7; 16]);
    let at = Timestamp::from_microsecond(1_772_366_400_123_456).unwrap();
    let stream = StreamId::new("dispense", "d 1").unwrap();
    NewCommit::new(id, at, metadata, events).place(stream, Version::new(3))
}

fn two_events() -> Commit {
    commit(stored(
        "json",
        &[
            ("Dispense:Started", 1, br#"{"by":"A\nB","amount":1.50}"#),
            ("Dispense:PatientAdded", 2, b"{}"),
        ],
    ))
}

fn read_back(commit: &Commit) -> Commit {
    match decode(&encode(commit, &source()).unwrap()) {
        Ok(Announcement::Commit(commit)) => commit,
        other => panic!("a commit was written, and {other:?} was read"),
    }
}

#[test]
fn a_commit_is_a_batch_of_cloud_events() {
    let json = String::from_utf8(encode(&two_events(), &source()).unwrap()).unwrap();
    let expected = concat!(
        r#"[{"specversion":"1.0","id":"07070707-0707-0707-0707-070707070707:3","source":"/dispensary","#,
        r#""type":"Dispense:Started","subject":"dispense:d 1","time":"2026-03-01T12:00:00.123456Z","#,
        r#""datacontenttype":"application/json","schemaversion":1,"streamversion":3,"#,
        r#""commitid":"07070707-0707-0707-0707-070707070707","correlationid":"order 7","#,
        r#""traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","#,
        r#""commitmetadata":"{\"correlation_id\":\"order 7\",\"causation_id\":\"\",\"actor\":\"Ärztin \\\"A\\\"\","#,
        r#"\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}","#,
        r#""commitchecksum":"CHECKSUM","data":{"by":"A\nB","amount":1.50}},"#,
        r#"{"specversion":"1.0","id":"07070707-0707-0707-0707-070707070707:4","source":"/dispensary","#,
        r#""type":"Dispense:PatientAdded","subject":"dispense:d 1","time":"2026-03-01T12:00:00.123456Z","#,
        r#""datacontenttype":"application/json","schemaversion":2,"streamversion":4,"#,
        r#""commitid":"07070707-0707-0707-0707-070707070707","correlationid":"order 7","#,
        r#""traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":{}}]"#,
    );
    let checksum = format!("{:08x}", two_events().checksum());
    assert_eq!(json, expected.replace("CHECKSUM", &checksum));
}

#[test]
fn attributes_are_named_as_the_specification_says() {
    let json = encode(&two_events(), &source()).unwrap();
    let events: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&json).unwrap();
    for name in events.iter().flat_map(|event| event.keys()).filter(|name| *name != "data_base64") {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(name.bytes().all(valid) && name.len() <= 20, "{name:?} is no attribute");
    }
}

#[test]
fn a_commit_comes_back_as_it_was() {
    assert_eq!(read_back(&two_events()), two_events());
    let odd =
        stored("json", &[("A:B", 0, b"[1,\n2]"), ("A:B", u32::MAX, b"1e999"), ("C", 1, b"\"\"")]);
    assert_eq!(read_back(&commit(odd.clone())), commit(odd));
    let binary = stored("postcard", &[("A:B", 1, b"\xff\x00"), ("A:C", 1, b"")]);
    assert_eq!(read_back(&commit(binary.clone())), commit(binary));
    let bare = placed(stored("json", &[("A:B", 1, b"null")]), EncodedMetadata::default());
    assert_eq!(read_back(&bare), bare);
}

#[test]
fn metadata_keep_what_this_program_does_not_know() {
    let text = r#"{"correlation_id":"c","later":{"a":1}}"#;
    let commit =
        placed(stored("json", &[("A:B", 1, b"{}")]), EncodedMetadata::from_stored(text.into()));
    assert_eq!(read_back(&commit).encoded_metadata().as_str(), text);
}

#[cfg(feature = "zstd")]
#[test]
fn compressed_payloads_are_not_compressed_on_the_wire() {
    let events: &[(&str, u32, &[u8])] = &[("A:B", 1, br#"{"a":"bbbbbbbb"}"#), ("A:C", 1, b"{}")];
    let plain = stored("json", events);
    let compressed = zstd::bulk::compress(plain.payloads(), 3).unwrap();
    let encoding = Encoding { codec: Codec::Json, compression: Compression::Zstd };
    let manifest = plain.manifest().clone();
    let stored = EncodedEvents::from_stored(encoding, manifest, compressed.into()).unwrap();
    assert_eq!(read_back(&commit(stored)), commit(plain));
}

#[test]
fn white_space_around_a_payload_is_left_out() {
    let padded = stored("json", &[("A:B", 1, b" {\"a\": 1} "), ("A:C", 1, b"\t2")]);
    let trimmed = stored("json", &[("A:B", 1, b"{\"a\": 1}"), ("A:C", 1, b"2")]);
    assert_eq!(read_back(&commit(padded)), commit(trimmed));
}

#[test]
fn a_payload_that_is_no_json_is_not_sent() {
    let damaged = commit(stored("json", &[("A:B", 1, b"{}"), ("A:C", 1, b"{,}")]));
    let refused = encode(&damaged, &source());
    assert!(matches!(refused, Err(Error::CorruptCommit { .. })), "{refused:?}");
}

#[test]
fn a_reference_names_the_place_in_the_log() {
    let commit = two_events();
    let json = encode_reference(&commit, &source()).unwrap();
    let reference = CommitReference {
        stream: commit.stream().clone(),
        first_version: commit.first_version(),
        id: commit.id(),
    };
    assert_eq!(decode(&json), Ok(Announcement::Reference(reference)));
    let text = String::from_utf8(json).unwrap();
    assert!(text.contains(r#""dataref":"es:log""#), "{text}");
    assert!(!text.contains("amount"), "{text}");
}

#[test]
fn what_is_no_commit_is_refused() {
    // Values are written again as they were: in this one the order of fields is that of the alphabet.
    let payload: &[u8] = br#"{"amount":15,"by":"A"}"#;
    let commit = commit(stored("json", &[("A:B", 1, payload), ("A:C", 2, b"{}")]));
    let whole: Vec<serde_json::Value> =
        serde_json::from_slice(&encode(&commit, &source()).unwrap()).unwrap();
    type Change<'a> = &'a dyn Fn(&mut Vec<serde_json::Value>);
    let changed = |change: Change<'_>| {
        let mut events = whole.clone();
        change(&mut events);
        decode(&serde_json::to_vec(&events).unwrap())
    };
    assert!(changed(&|_| {}).is_ok());
    assert_eq!(changed(&|events| events.clear()), Err(CorruptCloudEvents::Empty));
    assert_eq!(changed(&|events| drop(events.pop())), Err(CorruptCloudEvents::Checksum));
    let changes: [(&str, Change<'_>); 14] = [
        ("an event is missing", &|events| drop(events.remove(0))),
        ("they are in another order", &|events| events.reverse()),
        ("another payload", &|events| events[1]["data"] = 1.into()),
        ("another name", &|events| events[1]["type"] = "A:B".into()),
        ("another schema version", &|events| events[0]["schemaversion"] = 9.into()),
        ("no schema version", &|events| {
            drop(events[1].as_object_mut().unwrap().remove("schemaversion"))
        }),
        ("another time", &|events| events[0]["time"] = "2026-03-01T12:00:00Z".into()),
        ("no time", &|events| events[0]["time"] = "noon".into()),
        ("of two commits", &|events| {
            events[1]["commitid"] = CommitId::from_bytes([8; 16]).to_string().into()
        }),
        ("of two streams", &|events| events[1]["subject"] = "dispense:d 2".into()),
        ("no stream", &|events| events[0]["subject"] = "d 1".into()),
        ("another metadata", &|events| events[0]["commitmetadata"] = "{}".into()),
        ("another specification", &|events| events[0]["specversion"] = "0.3".into()),
        ("a name of two lines", &|events| {
            events.truncate(1);
            events[0]["type"] = "A 1 2\nB".into();
        }),
    ];
    for (what, change) in changes {
        let refused = changed(change);
        assert!(refused.is_err(), "{what}: {refused:?}");
        let text = refused.unwrap_err().to_string();
        assert!(!text.contains("amount") && !text.contains("15"), "{what}: {text}");
    }
}

#[test]
fn a_source_is_a_uri_reference() {
    for uri in ["/a", "https://example.com/a?b=c#d", "urn:a:b", "a"] {
        assert_eq!(Source::new(uri).unwrap().as_str(), uri);
    }
    for uri in ["", " ", "a b", "ä", "a\"b", "<a>", &"a".repeat(201)] {
        assert!(Source::new(uri).is_err(), "{uri:?} was taken");
    }
}

proptest! {
    #[test]
    fn any_commit_comes_back(
        names in prop::collection::vec("[A-Z:ä\"\\\\]{1,8}", 1..6),
        texts in prop::collection::vec(any::<String>(), 6),
        binary in any::<bool>(),
    ) {
        let payloads: Vec<Vec<u8>> = texts
            .iter()
            .map(|text| if binary { text.clone().into_bytes() } else { serde_json::to_vec(text).unwrap() })
            .collect();
        let events: Vec<_> = names
            .iter()
            .zip(&payloads)
            .map(|(name, payload)| (name.as_str(), 1, payload.as_slice()))
            .collect();
        let written = commit(stored(if binary { "postcard" } else { "json" }, &events));
        prop_assert_eq!(read_back(&written), written);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn damage_is_found(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut json = encode(&two_events(), &source()).unwrap();
        let at = at.index(json.len());
        json[at] = to;
        // Some of what is on the wire is for others only: ids, sources, and what is in the metadata.
        if let Ok(Announcement::Commit(read)) = decode(&json) {
            prop_assert_eq!(read, two_events());
        }
    }
}
