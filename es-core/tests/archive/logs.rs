//! Logs as a store may have them, and what is left of them elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use es_core::archive::{ArchiveError, Export, Import, Report};
use es_core::memory::MemoryStore;
use es_core::{
    Checkpoint, Commit, CommitId, EncodedEvents, EncodedMetadata, Encoding, EventStore, Expected,
    Feed, NewCommit, StreamId, Timestamp,
};
use proptest::prelude::*;

/// All streams of a log, each with its commits.
pub(crate) type Streams = BTreeMap<StreamId, Vec<Commit>>;

/// Everything that a store has, by its feed.
pub(crate) async fn streams(store: &MemoryStore) -> Streams {
    let mut streams = Streams::new();
    for commit in in_order(store).await {
        streams.entry(commit.stream().clone()).or_default().push(commit);
    }
    streams
}

/// Everything that a store has, in the order of its appends.
pub(crate) async fn in_order(store: &MemoryStore) -> Vec<Commit> {
    let mut commits = Vec::new();
    let mut place = Checkpoint::start();
    let partitions = store.partitions().await.unwrap();
    let [partition] = &partitions[..] else { panic!("{partitions:?}") };
    loop {
        let page = Feed::read(store, &partition.id, &place, 100).await.unwrap();
        if page.commits.is_empty() {
            return commits;
        }
        (commits, place) = ([commits, page.commits].concat(), page.checkpoint);
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) async fn export(store: &MemoryStore) -> (Vec<u8>, Report) {
    let store = Arc::new(store.clone());
    let mut file = Vec::new();
    let report = Export::new(store.clone(), store).write_to(&mut file).await.unwrap();
    (file, report)
}

pub(crate) async fn import(file: &[u8], store: &MemoryStore) -> Result<Report, ArchiveError> {
    Import::new(Arc::new(store.clone())).read_from(file).await
}

/// A commit of one event with this payload, `n`-th of the test.
pub(crate) fn note(n: u64, text: &str) -> NewCommit {
    let payload = format!("{{\"text\":{text:?}}}");
    let manifest = format!("Note:Taken 1 {}", payload.len());
    let events = EncodedEvents::from_stored_json(manifest.into(), payload.into()).unwrap();
    NewCommit::new(id(n), Timestamp::UNIX_EPOCH, EncodedMetadata::default(), events)
}

pub(crate) fn id(n: u64) -> CommitId {
    CommitId::from_bytes((1_u128 << 100 | u128::from(n)).to_be_bytes())
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new("note", id).unwrap()
}

pub(crate) async fn append(store: &dyn EventStore, stream: &StreamId, commit: NewCommit) -> Commit {
    store.append(stream, Expected::Any, commit).await.unwrap().commit
}

/// A store with `commits` commits in some streams, in turns.
pub(crate) async fn filled(commits: u64) -> MemoryStore {
    let store = MemoryStore::new();
    for n in 0..commits {
        append(&store, &stream(&(n * n % 5).to_string()), note(n, &format!("text {n}"))).await;
    }
    store
}

/// Any log that a store can have: ids, names, texts and bytes of all kinds.
pub(crate) fn any_log() -> impl Strategy<Value = Vec<(StreamId, NewCommit)>> {
    let commit = (any_stream(), any_events(), any_metadata(), any_time());
    prop::collection::vec(commit, 0..12).prop_map(|commits| {
        let numbered = commits.into_iter().zip(0..);
        numbered
            .map(|((stream, events, metadata, time), n)| {
                (stream, NewCommit::new(id(n), time, metadata, events))
            })
            .collect()
    })
}

pub(crate) async fn store_of(log: Vec<(StreamId, NewCommit)>) -> MemoryStore {
    let store = MemoryStore::new();
    for (stream, commit) in log {
        append(&store, &stream, commit).await;
    }
    store
}

/// Few, so that streams have several commits, and some that only differ to those who look closely.
fn any_stream() -> impl Strategy<Value = StreamId> {
    let ids = [
        "a",
        "A",
        "a:b",
        ":",
        "null",
        "\"",
        "\\",
        "\\n",
        "a\u{2028}b",
        "{}",
        "e\u{301}",
        "\u{e9}",
        "🦀",
        "</s>",
    ];
    ("[ab]", prop::sample::select(ids.to_vec()))
        .prop_map(|(category, id)| StreamId::new(&category, id).unwrap())
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let (min, max) = (Timestamp::MIN.as_microsecond(), Timestamp::MAX.as_microsecond());
    (min..max).prop_map(|micros| Timestamp::from_microsecond(micros).unwrap())
}

fn any_metadata() -> impl Strategy<Value = EncodedMetadata> {
    let texts = prop_oneof![
        prop::sample::select(
            &[
                "",
                "{}",
                r#"{"actor":"ada"}"#,
                "null",
                " {}",
                "{} ",
                "{\n}",
                "\"{}\"",
                "{\"a\":1,\"a\":1.0}",
                "{",
            ][..]
        )
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    texts.prop_map(|text| EncodedMetadata::from_stored(text.into()))
}

fn any_events() -> impl Strategy<Value = EncodedEvents> {
    let texts = prop::collection::vec((any_name(), any::<u32>(), any_json()), 1..4)
        .prop_map(|events| stored("json", &events, "\n"));
    let binary = (
        prop::sample::select(&["postcard", "json+zstd", "postcard+zstd"][..]),
        any_name(),
        prop::collection::vec(any::<u8>(), 0..20),
    );
    let binary = binary.prop_map(|(encoding, name, payload)| {
        let encoding: Encoding = encoding.parse().unwrap();
        let manifest = format!("{name} 1 {}", payload.len());
        EncodedEvents::from_stored(encoding, manifest.into(), Bytes::from(payload)).unwrap()
    });
    prop_oneof![texts, binary]
}

/// Whatever a store takes: no space, no line feed.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Z][a-z]{1,5}:[A-Z][a-z]{1,5}", "[^ \n]{1,6}"]
}

/// JSON in ways that are lost when it is read and written again, and what is no JSON at all.
fn any_json() -> impl Strategy<Value = String> {
    let texts = [
        "{}",
        "{ }",
        " {}",
        "{} ",
        "{\t}",
        "{\r}",
        "{}\r",
        "{\n}",
        "\n",
        "",
        "null",
        "1.0",
        "1e300",
        "-0",
        "1E+2",
        "123456789012345678901234567890",
        r#"{"b":1,"a":2,"b":3}"#,
        r#""\ud800""#,
        r#""\u0041\/""#,
        "\"\u{2028}\u{feff}\"",
        "[[[[]]]]",
        "{\"a\":1}{}",
        "nul",
        "\"",
        "\0",
    ];
    prop_oneof![
        prop::sample::select(texts.to_vec()).prop_map(str::to_owned),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<String>(),
    ]
}

fn stored(encoding: &str, events: &[(String, u32, String)], separator: &str) -> EncodedEvents {
    let manifest = events.iter().map(|(name, version, payload)| {
        // A leading zero for some, which a store keeps as well.
        let zero = if version % 3 == 0 { "0" } else { "" };
        format!("{name} {} {zero}{}", version / 7, payload.len())
    });
    let manifest = manifest.collect::<Vec<_>>().join("\n");
    let payloads: Vec<&str> = events.iter().map(|(_, _, payload)| &**payload).collect();
    let payloads = Bytes::from(payloads.join(separator));
    EncodedEvents::from_stored(encoding.parse().unwrap(), manifest.into(), payloads).unwrap()
}
