use super::{Store, append, assert_stream};
use crate::clock::Timestamp;
use crate::codec::{Codec, Compression, Encoding};
use crate::commit::{CommitId, NewCommit};
use crate::event_store::Expected;
use crate::metadata::{EncodedMetadata, Metadata};
use crate::testing::conformance::sample::{
    Fact, commit, commit_of, encode, encode_all_ways, new_id, noon, stored, stream,
};

/// Appends the commits to one stream and reads them back, byte for byte.
async fn come_back(store: &Store, commits: impl IntoIterator<Item = NewCommit>) {
    let stream = stream("s");
    let mut placed = Vec::new();
    for commit in commits {
        placed.push(append(store, &stream, Expected::Any, &commit).await);
    }
    assert_stream(store, &stream, &placed).await;
    for commit in &placed {
        let found = store.find(&stream, commit.id()).await.expect("a commit can be sought");
        assert_eq!(found.as_ref(), Some(commit), "found by its id");
    }
}

fn texts() -> Vec<Fact> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "\0",
        "a\0b",
        "\u{1}\u{1f}\u{7f}\u{85}",
        "\n",
        "\r\n",
        "\t",
        "\"",
        "\\",
        "\\\"",
        "'",
        "''",
        "`",
        "%s",
        "${x}",
        "{}",
        "[]",
        "null",
        "</script>",
        "é",
        "e\u{301}",
        "日本語",
        "🦀👩‍👩‍👧",
        "\u{fffe}\u{ffff}",
        "\u{10ffff}",
        "\u{d7ff}\u{e000}",
        "\u{2028}\u{2029}",
        "\u{feff}bom",
        "שלום",
        "\u{202e}reversed",
    ]
    .map(str::to_owned)
    .into();
    texts.push("long ".repeat(2_000));
    texts.into_iter().map(Fact::noted).collect()
}

pub(super) async fn every_text_comes_back(store: Store) {
    let facts = texts();
    let one_each: Vec<_> = facts.chunks(1).map(|facts| commit_of(encode(facts))).collect();
    come_back(&store, one_each).await;
    let ten_each = facts.chunks(10).map(|facts| commit_of(encode(facts)));
    come_back_typed(&store, ten_each.collect(), &facts).await;
}

/// Appends to another stream and decodes what comes back.
async fn come_back_typed(store: &Store, commits: Vec<NewCommit>, facts: &[Fact]) {
    let stream = stream("typed");
    let mut placed = Vec::new();
    for commit in commits {
        placed.push(append(store, &stream, Expected::Any, &commit).await);
    }
    assert_stream(store, &stream, &placed).await;
    let read = super::read_all(store, &stream).await;
    let mut decoded = Vec::new();
    for commit in &read {
        let events = commit.decode::<Fact>().expect("what was stored can be decoded");
        decoded.extend(events.into_iter().map(|recorded| recorded.event));
    }
    assert_eq!(decoded, facts);
}

pub(super) async fn every_encoding_comes_back(store: Store) {
    let long: Vec<Fact> = (0..10).map(|n| Fact::noted(format!("{n} ").repeat(300))).collect();
    let mixed = [Fact::noted("ü"), Fact::Nothing, Fact::noted("🦀")];
    let mut commits: Vec<NewCommit> = encode_all_ways(&long).into_iter().map(commit_of).collect();
    let copies = commits.len();
    come_back_typed(&store, commits.clone(), &vec![long; copies].concat()).await;
    commits.extend(encode_all_ways(&mixed).into_iter().map(commit_of));
    come_back(&store, commits.into_iter().map(|commit| NewCommit { id: new_id(), ..commit })).await;
}

pub(super) async fn every_byte_comes_back(store: Store) {
    let postcard = Encoding { codec: Codec::Postcard, compression: Compression::None };
    let every: Vec<u8> = (0..=255).collect();
    let patterns = [every, vec![0; 64], vec![0xff; 64], b"\0a".repeat(9), b"\n\n".to_vec()];
    let commits = patterns.map(|bytes| {
        let manifest = format!("Fact:Bytes 1 {}", bytes.len());
        commit_of(stored(postcard, &manifest, &bytes))
    });
    come_back(&store, commits).await;
}

pub(super) async fn empty_payloads_come_back(store: Store) {
    let postcard = Encoding { codec: Codec::Postcard, compression: Compression::None };
    let none = stored(postcard, "Fact:Nothing 1 0", b"");
    let none_of_many = stored(postcard, "Fact:Nothing 1 0\nFact:Nothing 1 0", b"");
    let between = stored(postcard, "A 1 0\nB 1 1\nC 1 0", b"\0");
    let objects = encode(&[Fact::Nothing, Fact::Nothing]);
    come_back(&store, [none, none_of_many, between, objects].map(commit_of)).await;
}

pub(super) async fn event_names_and_schema_versions_come_back(store: Store) {
    let names = [
        "x",
        "Prüfung:Größe",
        "日本語:事実",
        "🦀",
        "a'b",
        "a\"b\\c",
        "%",
        "A",
        "a",
        "é",
        "e\u{301}",
    ];
    let mut names: Vec<String> = names.map(str::to_owned).into();
    names.push("N".repeat(128));
    let mut commits = Vec::new();
    for version in [1, 2, 1_000, u32::MAX] {
        let manifest: Vec<String> =
            names.iter().map(|name| format!("{name} {version} 2")).collect();
        for pair in manifest.chunks(10) {
            let payloads = vec!["{}"; pair.len()].join("\n");
            let manifest = pair.join("\n");
            commits.push(commit_of(stored(Encoding::default(), &manifest, payloads.as_bytes())));
        }
    }
    come_back(&store, commits).await;
}

pub(super) async fn metadata_come_back(store: Store) {
    let mut full = Metadata::new();
    full.correlation_id = Some("correlation \u{1f980}".to_owned());
    full.causation_id = Some("\"quoted\" \\ \n \0".to_owned());
    full.actor = Some(String::new());
    full.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    full.idempotency_key = Some("key".to_owned());
    full.request_digest = Some("0".repeat(64));
    full.command = Some("Start".to_owned());
    full.entries = [("", ""), ("ä", "ö"), ("a.b", "c")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let mut long = Metadata::new();
    long.actor = Some("x".repeat(Metadata::MAX_LEN - r#"{"actor":""}"#.len()));
    let all = [Metadata::new(), full, long];
    let commits = all.clone().map(|metadata| {
        let metadata = metadata.encode().expect("metadata inside the limit");
        NewCommit { metadata, ..commit(1) }
    });
    come_back(&store, commits).await;
    let read = super::read_all(&store, &stream("s")).await;
    for (commit, metadata) in read.iter().zip(all) {
        assert_eq!(commit.metadata().expect("the metadata can be decoded"), metadata);
    }
}

pub(super) async fn times_come_back_to_the_microsecond(store: Store) {
    let times = [
        noon(),
        Timestamp::UNIX_EPOCH,
        Timestamp::new(0, 1_000).expect("a time in range"),
        Timestamp::new(-1, -999_999_000).expect("a time in range"),
        Timestamp::new(0, -1_000).expect("a time in range"),
        Timestamp::new(-14_182_940, -500_000_001).expect("a time in range"),
        Timestamp::new(4_102_444_800, 999_999_999).expect("a time in range"),
        Timestamp::MIN,
        Timestamp::MAX,
    ];
    let commits = times.map(|time| {
        let NewCommit { id, metadata, events, .. } = commit(1);
        NewCommit::new(id, time, metadata, events)
    });
    come_back(&store, commits).await;
    let read = super::read_all(&store, &stream("s")).await;
    for (commit, time) in read.iter().zip(times) {
        assert_eq!(commit.recorded_at().as_microsecond(), time.as_microsecond());
    }
}

pub(super) async fn commit_ids_of_any_bits_come_back(store: Store) {
    let mut rising = [0; 16];
    rising.iter_mut().zip(0..).for_each(|(byte, n)| *byte = n);
    let ids = [[0; 16], [0xff; 16], rising, [0x80; 16], *b"\0\n'\"\\%_:;,.-/?*\x7f"];
    let commits = ids.map(|bytes| {
        let events = encode(&[Fact::Nothing]);
        NewCommit::new(CommitId::from_bytes(bytes), noon(), EncodedMetadata::default(), events)
    });
    come_back(&store, commits).await;
}
