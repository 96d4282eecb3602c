//! Letters come back as they were given.

use super::{
    Store, assert_letters, change, commit_at, dropped, dropping, failed, list, park, parked,
    record, waiting,
};
use crate::clock::Timestamp;
use crate::codec::{Codec, Compression, Encoding};
use crate::commit::{CommitId, NewCommit};
use crate::dead_letter::{DeadLetter, DeadLetterChange, DeadLetterQuery, Dropped, Failure};
use crate::metadata::{EncodedMetadata, Metadata};
use crate::testing::conformance::sample::{
    Fact, commit, commit_of, commit_of_bytes, encode_all_ways, hostile_ids, noon, stored, stream,
};
use crate::version::Version;

/// Parks the letters and drops them, and sees each come back at every turn.
async fn come_back(store: &Store, letters: Vec<DeadLetter>) {
    for letter in &letters {
        let letter = std::slice::from_ref(letter);
        park(store, "c", letter).await;
        assert_letters(&parked(store, "c").await, letter, "parked");
        let one = DeadLetterQuery::default().stream(letter[0].commit.stream().clone());
        assert_letters(&list(store, "c", &one).await, letter, "listed by its stream");
        change(store, "c", vec![dropping(&letter[0], "given up")]).await;
        let records = dropped(store, "c").await;
        let expected = record(&letter[0], "given up");
        assert!(records.contains(&expected), "dropped: {records:?}, without {expected:?}");
        assert_letters(&parked(store, "c").await, &[], "dropped");
    }
}

fn placed(commits: impl IntoIterator<Item = NewCommit>) -> Vec<DeadLetter> {
    let place = |(at, commit): (usize, NewCommit)| {
        failed(commit.place(stream("s"), Version::new(1 + 100 * at as u64)))
    };
    commits.into_iter().enumerate().map(place).collect()
}

pub(super) async fn letters_in_every_encoding_come_back(store: Store) {
    let long: Vec<Fact> = (0..10).map(|n| Fact::noted(format!("{n} ").repeat(300))).collect();
    let mixed = [Fact::noted("ü"), Fact::Nothing, Fact::noted("🦀\n\0")];
    let all = [&long[..], &mixed[..]].map(encode_all_ways).concat();
    come_back(&store, placed(all.into_iter().map(commit_of))).await;
}

pub(super) async fn letters_with_any_bytes_come_back(store: Store) {
    let postcard = Encoding { codec: Codec::Postcard, compression: Compression::None };
    let every: Vec<u8> = (0..=255).collect();
    let patterns = [every, vec![0; 64], vec![0xff; 64], b"\n\n".to_vec(), Vec::new()];
    let commits = patterns.map(|bytes| {
        let manifest = format!("Fact:Bytes 1 {}", bytes.len());
        let commit = commit_of(stored(postcard, &manifest, &bytes));
        let id = bytes.iter().chain(&[7; 16]).take(16).copied().collect::<Vec<u8>>();
        let id = CommitId::from_bytes(id.try_into().expect("16 bytes"));
        NewCommit { id, ..commit }
    });
    come_back(&store, placed(commits)).await;
    let streams = hostile_ids();
    come_back(&store, streams.iter().map(|id| waiting(commit_at(id, 1, 1))).collect()).await;
}

pub(super) async fn letters_with_any_metadata_come_back(store: Store) {
    let mut full = Metadata::new();
    full.correlation_id = Some("correlation \u{1f980}".to_owned());
    full.causation_id = Some("\"quoted\" \\ \n \0".to_owned());
    full.actor = Some(String::new());
    full.entries = [("", ""), ("ä", "ö")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let mut long = Metadata::new();
    long.actor = Some("x".repeat(Metadata::MAX_LEN - r#"{"actor":""}"#.len()));
    let encode = |metadata: Metadata| metadata.encode().expect("metadata inside the limit");
    let all = [EncodedMetadata::default(), encode(full), encode(long)];
    come_back(&store, placed(all.map(|metadata| NewCommit { metadata, ..commit(1) }))).await;
}

pub(super) async fn a_letter_of_64_kib_comes_back(store: Store) {
    let error = "x".repeat(Failure::MAX_ERROR_LEN);
    let letters = placed([512, 16 * 1024, 64 * 1024].map(commit_of_bytes));
    let letters = letters.into_iter().map(|letter| with_error(letter, &error));
    come_back(&store, letters.collect()).await;
}

fn with_error(letter: DeadLetter, error: &str) -> DeadLetter {
    let failure = letter.failure.map(|failure| Failure { error: error.to_owned(), ..failure });
    DeadLetter { failure, ..letter }
}

pub(super) async fn errors_and_reasons_of_any_text_come_back(store: Store) {
    let mut texts = hostile_ids();
    texts.extend(
        ["", " ", "a\nb\0c", "\u{1}\u{1f}\u{7f}\u{85}", "\r\n", "\u{fffe}\u{ffff}"]
            .map(str::to_owned),
    );
    texts.extend(["x".repeat(Failure::MAX_ERROR_LEN), "🦀".repeat(Failure::MAX_ERROR_LEN / 4)]);
    let mut records = Vec::new();
    for (version, text) in (1..).zip(&texts) {
        let letter = with_error(failed(commit_at("s", version, 1)), text);
        park(&store, "c", std::slice::from_ref(&letter)).await;
        assert_letters(&parked(&store, "c").await, std::slice::from_ref(&letter), text);
        // Reasons are short.
        let reason: String = text.chars().take(250).collect();
        change(&store, "c", vec![dropping(&letter, &reason)]).await;
        records.push(record(&letter, &reason));
    }
    assert_letters(&dropped(&store, "c").await, &records, "dropped");
}

pub(super) async fn numbers_of_failures_come_back(store: Store) {
    let commit = commit_at("s", 4_000_000_000, 3);
    let numbers = [(4_000_000_000, 1), (4_000_000_001, 0), (4_000_000_002, u32::MAX)];
    let letters = numbers.map(|(version, attempts)| {
        let (version, error) = (Version::new(version), "an error".to_owned());
        let failure = Failure { version, error, attempts, last_attempt_at: noon() };
        DeadLetter::new(commit.clone(), noon(), Some(failure))
    });
    come_back(&store, letters.into()).await;
}

pub(super) async fn times_of_letters_come_back_to_the_microsecond(store: Store) {
    let time = |second, nanosecond| Timestamp::new(second, nanosecond).expect("a time in range");
    let times = [
        (noon(), noon()),
        (time(0, 1_000), time(0, 1_999)),
        (time(0, -1_000), time(0, -1_999)),
        (time(-1, -999_999_000), time(-1, -999_999_999)),
        (time(4_102_444_800, 999_999_000), time(4_102_444_800, 999_999_999)),
        (Timestamp::MIN, Timestamp::MIN),
        (time(Timestamp::MAX.as_second(), 999_999_000), Timestamp::MAX),
    ];
    let letter = failed(commit_at("s", 1, 1));
    for (kept, given) in times {
        let case = format!("at {given}");
        park(&store, "c", &[at(&letter, given)]).await;
        assert_letters(&parked(&store, "c").await, &[at(&letter, kept)], &case);
        let (stream, version) = super::place(&letter);
        let given_up = |at| Dropped { reason: "given up".to_owned(), at };
        let drop = DeadLetterChange::Drop { stream, version, dropped: given_up(given) };
        change(&store, "c", vec![drop]).await;
        let record = DeadLetter { dropped: Some(given_up(kept)), ..at(&letter, kept) };
        assert_letters(&dropped(&store, "c").await, &[record], &case);
    }
}

/// The letter with another time in all places.
fn at(letter: &DeadLetter, time: Timestamp) -> DeadLetter {
    let failure = letter.failure.clone();
    let failure = failure.map(|failure| Failure { last_attempt_at: time, ..failure });
    DeadLetter { failure, parked_at: time, ..letter.clone() }
}
