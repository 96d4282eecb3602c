//! The format is a promise: archives are read years after they were written.

use bytes::Bytes;
use es_core::archive::ArchiveError;
use es_core::memory::MemoryStore;
use es_core::{Codec, Compression, EncodedEvents, EncodedMetadata, Metadata, NewCommit, StreamId};

use crate::logs::{append, export, filled, id, import, streams};

/// The archive of [`every_form`], as version 1 of the format has it. A change that this file does
/// not survive needs a new version of the format; this one is then still read.
const VERSION_1: &str = include_str!("golden/version_1.jsonl");

/// A commit in each form that a line can have.
async fn every_form() -> MemoryStore {
    let store = MemoryStore::new();
    let mut metadata = Metadata::new();
    metadata.actor = Some("ada".to_owned());
    metadata.correlation_id = Some("a \"b\" ü".to_owned());
    let metadata = metadata.encode().unwrap();
    let none = EncodedMetadata::default();
    let odd = EncodedMetadata::from_stored("no object".into());
    let json = |manifest: &'static str, payloads: &'static str| {
        EncodedEvents::from_stored_json(manifest.into(), payloads.into()).unwrap()
    };
    let stored = |encoding: &str, manifest: &'static str, payloads: &'static [u8]| {
        let encoding = encoding.parse().unwrap();
        EncodedEvents::from_stored(encoding, manifest.into(), Bytes::from_static(payloads)).unwrap()
    };
    let commits = [
        (
            "account",
            "a-1",
            metadata,
            json("Account:Opened 1 2\nAccount:Credited 2 14", "{}\n{\"amount\":5.0}"),
        ),
        ("account", "ü:\"\\", none.clone(), json("Account:Opened 1 2", "{}")),
        ("account", "a-1", odd, json("Account:Debited 1 3", "{ }")),
        ("account", "a-1", none.clone(), json("Account:Noted 1 3", "{\n}")),
        ("account", "a-1", none.clone(), json("Account:Noted 01 2", "{}")),
        (
            "account",
            "a-1",
            none.clone(),
            stored("postcard", "Account:Debited 1 2\nAccount:Closed 1 0", b"\x05\xff"),
        ),
        ("account", "a-1", none, stored("json+zstd", "Account:Noted 1 9", b"\x28\xb5\x2f\xfd")),
    ];
    for (n, (category, aggregate, metadata, events)) in (1..).zip(commits) {
        let stream = StreamId::new(category, aggregate).unwrap();
        let at = format!("2026-03-01T12:00:00.{n:06}Z").parse().unwrap();
        append(&store, &stream, NewCommit::new(id(n), at, metadata, events)).await;
    }
    store
}

#[tokio::test]
async fn archives_are_written_as_they_always_were() {
    let (file, _) = export(&every_form().await).await;
    assert_eq!(String::from_utf8(file).unwrap(), VERSION_1);
}

#[tokio::test]
async fn archives_of_old_are_still_read() {
    let store = MemoryStore::new();
    import(VERSION_1.as_bytes(), &store).await.unwrap();
    assert_eq!(streams(&store).await, streams(&every_form().await).await);
}

#[tokio::test]
async fn payloads_that_are_json_can_be_read_by_any_program() {
    let payload = serde_json::json!({"text": "ä\n\"", "numbers": [1, 2.5], "none": null});
    let text = payload.to_string();
    let manifest = format!("Note:Taken 1 {}", text.len());
    let events = EncodedEvents::from_stored_json(manifest.into(), text.into()).unwrap();
    assert_eq!(events.encoding().codec, Codec::Json);
    assert_eq!(events.encoding().compression, Compression::None);
    let store = MemoryStore::new();
    let commit = NewCommit { events, ..crate::logs::note(1, "") };
    append(&store, &crate::logs::stream("n"), commit).await;

    let (file, _) = export(&store).await;
    let line = std::str::from_utf8(&file).unwrap().lines().nth(1).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["commit"]["events"][0]["payload"], payload);
}

#[tokio::test]
async fn the_same_log_is_the_same_bytes() {
    let store = filled(20).await;
    assert_eq!(export(&store).await.0, export(&store).await.0);
}

async fn refused(file: &str) -> ArchiveError {
    let store = MemoryStore::new();
    let refused = import(file.as_bytes(), &store).await.unwrap_err();
    assert!(streams(&store).await.is_empty());
    refused
}

#[tokio::test]
async fn a_newer_format_is_told_from_damage() {
    let newer = VERSION_1.replacen("\"version\":1", "\"version\":2,\"made_by\":\"tomorrow\"", 1);
    let refused = refused(&newer).await;
    assert!(
        matches!(refused, ArchiveError::UnsupportedFormat { found: 2, supported: 1 }),
        "{refused}"
    );
}

#[tokio::test]
async fn another_file_is_no_archive() {
    let headless = VERSION_1.split_once('\n').unwrap().1;
    let others =
        ["\n", "{}\n", "hello", "\0", headless, "{\"header\":{\"format\":\"x\",\"version\":1}}\n"];
    for other in others {
        let refused = refused(other).await;
        assert!(matches!(refused, ArchiveError::NotAnArchive), "{other:?}: {refused}");
    }
    assert!(matches!(refused("").await, ArchiveError::Truncated { line: 0 }));
}
