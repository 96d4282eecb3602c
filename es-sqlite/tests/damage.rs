//! Damage is told: where it is, after what is good before it, and never as a shorter stream.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use es_core::{
    Checkpoint, Commit, ConsumerId, Deadline, DeadlineId, DeadlineStore as _, DueQuery, Error,
    EventStore as _, Expected, Feed, ReadStream, StreamId, Timestamp, Version,
};
use es_sqlite::SqliteStore;
use support::{Place, append, commit, partition, read, read_feed, stream};

/// Five commits in `test:a`, at 1, 3, 4, 6 and 7, and one of another stream in front.
async fn five_commits(place: &Place) -> Vec<Commit> {
    let store = place.open().await;
    append(&store, &stream("other"), &["front"]).await;
    let mut commits = Vec::new();
    for texts in [&["ab", "cd"][..], &["efü"], &["gh", "ij"], &["kl"], &["mn"]] {
        commits.push(append(&store, &stream("a"), texts).await);
    }
    store.close().await.unwrap();
    commits
}

#[track_caller]
fn assert_corrupt_commit(error: Option<&Error>, at: u64, case: &str) {
    match error {
        Some(Error::CorruptCommit { stream: found, version, .. }) => {
            assert_eq!(*found, stream("a"), "{case}");
            assert_eq!(*version, Version::new(at), "{case}");
        }
        other => panic!("{case}: {other:?}"),
    }
}

/// Everything that can be changed in the commit at version 4, the third of five.
const CHANGES: &[&str] = &[
    "payloads = replace(payloads, 'gh', 'gX')",
    "payloads = payloads || ' '",
    "payloads = substr(payloads, 2)",
    "payloads = ''",
    "payloads = CAST(payloads AS BLOB)",
    "payloads = 7",
    // A byte that no UTF-8 text has; and one that begins a character which the next commit's bytes
    // do not end.
    "payloads = CAST(x'ff' AS TEXT) || substr(payloads, 2)",
    "payloads = substr(payloads, 1, length(payloads) - 1) || CAST(x'c3' AS TEXT)",
    "manifest = replace(manifest, ' 1 ', ' 2 ')",
    "manifest = replace(manifest, 'Test', 'Text')",
    "manifest = 'garbage'",
    "manifest = ''",
    "manifest = CAST(x'ff' AS TEXT) || substr(manifest, 2)",
    "metadata = NULL",
    "metadata = ''",
    "metadata = replace(metadata, 'Ada', 'Eve')",
    "metadata = CAST(x'ff' AS TEXT) || substr(metadata, 2)",
    "commit_id = zeroblob(16)",
    "commit_id = x'00'",
    "recorded_at = recorded_at + 1",
    "recorded_at = 9223372036854775807",
    "encoding = 'json+zstd'",
    "encoding = 'postcard'",
    "encoding = 'lz4'",
    "checksum = checksum + 1",
    "checksum = -1",
    "event_count = 1",
    "event_count = 3",
    "event_count = 0",
    "event_count = -1",
];

#[tokio::test]
async fn a_damaged_commit_is_named_after_the_good_ones_before_it() {
    let place = Place::new();
    let commits = five_commits(&place).await;
    let untouched = std::fs::read(place.db()).unwrap();
    for change in CHANGES {
        std::fs::write(place.db(), &untouched).unwrap();
        place.tamper(&format!("UPDATE commits SET {change} WHERE first_version = 4"));
        let store = place.open().await;
        for page_size in [1, 2, 3, 100] {
            let query = ReadStream::new(stream("a")).page_size(page_size);
            let (good, error) = read(&store, query).await;
            assert_eq!(good, commits[..2], "{change}, pages of {page_size}");
            assert_corrupt_commit(error.as_ref(), 4, change);

            let query = ReadStream::new(stream("a")).page_size(page_size).backwards();
            let (good, error) = read(&store, query).await;
            let newest: Vec<_> = commits[3..].iter().rev().cloned().collect();
            assert_eq!(good, newest, "{change}, pages of {page_size}, backwards");
            assert_corrupt_commit(error.as_ref(), 4, change);
        }
        let query = ReadStream::new(stream("a")).from(Version::new(4));
        let (good, error) = read(&store, query).await;
        assert_eq!(good, [], "{change}");
        assert_corrupt_commit(error.as_ref(), 4, change);

        let page = Feed::read(&store, &partition(), &Checkpoint::start(), 100).await.unwrap();
        assert_eq!(page.commits[1..], commits[..2], "{change}: the feed");
        assert_eq!(page.remaining, Some(3), "{change}: the feed");
        let error = Feed::read(&store, &partition(), &page.checkpoint, 100).await.unwrap_err();
        assert_corrupt_commit(Some(&error), 4, change);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_original_is_not_taken_for_a_repetition() {
    let place = Place::new();
    let store = place.open().await;
    let first = commit(&["ab"]);
    store.append(&stream("a"), Expected::NoStream, first.clone()).await.unwrap();
    place.tamper("UPDATE commits SET payloads = replace(payloads, 'ab', 'aX')");
    let error = store.append(&stream("a"), Expected::NoStream, first.clone()).await.unwrap_err();
    assert_corrupt_commit(Some(&error), 1, "append");
    let error = store.find(&stream("a"), first.id).await.unwrap_err();
    assert_corrupt_commit(Some(&error), 1, "find");
}

async fn read_both_ways(store: &SqliteStore, stream: &StreamId) -> [(usize, Option<Error>); 2] {
    let (forwards, error) = read(store, ReadStream::new(stream.clone())).await;
    let (backwards, other) = read(store, ReadStream::new(stream.clone()).backwards()).await;
    [(forwards.len(), error), (backwards.len(), other)]
}

#[tokio::test]
async fn missing_rows_are_noticed_wherever_they_were() {
    // Which row goes, how many commits are read before the gap, and the version named: forwards the
    // one where the missing commit began, backwards the one where it ended.
    for (missing, forwards, backwards) in
        [(1, (0, 1), (4, 2)), (4, (2, 4), (2, 5)), (7, (4, 7), (0, 7))]
    {
        let place = Place::new();
        five_commits(&place).await;
        place
            .tamper(&format!("DELETE FROM commits WHERE stream = 2 AND first_version = {missing}"));
        let store = place.open().await;
        let [(read, error), (read_back, error_back)] = read_both_ways(&store, &stream("a")).await;
        assert_eq!((read, read_back), (forwards.0, backwards.0), "without {missing}");
        assert_corrupt_commit(error.as_ref(), forwards.1, "forwards");
        assert_corrupt_commit(error_back.as_ref(), backwards.1, "backwards");

        // The feed does not pass the gap either.
        let error = read_feed(&store, 2).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_read_from_the_middle_notices_that_its_commit_is_missing() {
    let place = Place::new();
    five_commits(&place).await;
    place.tamper("DELETE FROM commits WHERE stream = 2 AND first_version = 4");
    let store = place.open().await;
    for version in [4, 5] {
        for query in [ReadStream::new(stream("a")), ReadStream::new(stream("a")).backwards()] {
            let (good, error) = read(&store, query.from(Version::new(version))).await;
            assert_eq!(good, []);
            assert_corrupt_commit(error.as_ref(), version, "from the middle");
        }
    }
}

#[tokio::test]
async fn a_stream_of_which_nothing_is_left_is_not_an_empty_one() {
    let place = Place::new();
    five_commits(&place).await;
    place.tamper("DELETE FROM commits WHERE stream = 2");
    let store = place.open().await;
    let [(_, forwards), (_, backwards)] = read_both_ways(&store, &stream("a")).await;
    assert_corrupt_commit(forwards.as_ref(), 1, "forwards");
    assert_corrupt_commit(backwards.as_ref(), 1, "backwards");
}

#[tokio::test]
async fn a_stream_that_lost_its_end_is_not_extended() {
    let place = Place::new();
    let commits = five_commits(&place).await;
    place.tamper("DELETE FROM commits WHERE stream = 2 AND first_version = 7");
    let store = place.open().await;
    for expected in [Expected::Any, Expected::Head(commits[4].head())] {
        let error = store.append(&stream("a"), expected, commit(&["x"])).await.unwrap_err();
        assert_corrupt_commit(Some(&error), 7, "append");
    }
    // Others are not touched by it.
    append(&store, &stream("other"), &["y"]).await;
}

#[tokio::test]
async fn a_head_that_is_not_the_last_commit_is_noticed() {
    for (change, forwards, backwards) in [
        ("head_last_version = 8", 8, 8),
        ("head_first_version = 6, head_last_version = 6", 7, 7),
        ("head_commit_id = zeroblob(16)", 7, 7),
        ("head_first_version = 6", 7, 7),
        ("head_commit_id = x'00'", 0, 0),
        ("head_last_version = -1", 0, 0),
    ] {
        let place = Place::new();
        five_commits(&place).await;
        place.tamper(&format!("UPDATE streams SET {change} WHERE id = 2"));
        let store = place.open().await;
        let [(_, error), (_, error_back)] = read_both_ways(&store, &stream("a")).await;
        assert_corrupt_commit(error.as_ref(), forwards, change);
        assert_corrupt_commit(error_back.as_ref(), backwards, change);
        let error = store.append(&stream("a"), Expected::Any, commit(&["x"])).await.unwrap_err();
        assert!(matches!(error, Error::CorruptCommit { .. }), "{change}: {error:?}");
    }
}

#[tokio::test]
async fn a_head_that_lags_behind_the_log_cuts_nothing_off() {
    let place = Place::new();
    let commits = five_commits(&place).await;
    place.tamper(
        "UPDATE streams SET head_first_version = 6, head_last_version = 6, head_commit_id = \
         (SELECT commit_id FROM commits WHERE stream = 2 AND first_version = 6) WHERE id = 2",
    );
    let store = place.open().await;
    for page_size in [1, 2, 3, 4, 5, 100] {
        let query = ReadStream::new(stream("a")).page_size(page_size);
        let (good, error) = read(&store, query.clone()).await;
        assert_eq!(good, commits[..4], "pages of {page_size}");
        assert_corrupt_commit(error.as_ref(), 7, "forwards");
        let (good, error) = read(&store, query.clone().from(Version::new(7))).await;
        assert_eq!(good, []);
        assert_corrupt_commit(error.as_ref(), 7, "from behind the head");
        let (good, error) = read(&store, query.backwards()).await;
        assert_eq!(good, []);
        assert_corrupt_commit(error.as_ref(), 7, "backwards");
    }
}

#[tokio::test]
async fn a_commit_whose_stream_has_lost_its_name_is_told_behind_what_is_good_before_it() {
    for change in [
        "DELETE FROM streams WHERE id = 2",
        "UPDATE streams SET aggregate_id = '' WHERE id = 2",
        "UPDATE streams SET category = CAST(x'ff' AS TEXT) WHERE id = 2",
    ] {
        let place = Place::new();
        five_commits(&place).await;
        place.tamper(change);
        let store = place.open().await;
        let page = Feed::read(&store, &partition(), &Checkpoint::start(), 100).await.unwrap();
        assert_eq!((page.commits.len(), page.remaining), (1, Some(5)), "{change}");
        let error = Feed::read(&store, &partition(), &page.checkpoint, 100).await.unwrap_err();
        let named = matches!(&error, Error::Corrupt { what, .. } if what.contains("stream 2"));
        assert!(named, "{change}: {error:?}");
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_page_of_the_file_is_an_error() {
    let place = Place::new();
    let store = place.open().await;
    let text = "x".repeat(3000);
    for _ in 0..20 {
        append(&store, &stream("a"), &[&text]).await;
    }
    store.close().await.unwrap();
    let mut bytes = std::fs::read(place.db()).unwrap();
    let size = 4096;
    let pages = bytes.len() / size;
    assert!(pages > 25, "{pages}");
    for page in 1..pages {
        // The head of a page says what it is.
        bytes[page * size..page * size + 8].fill(0xee);
    }
    std::fs::write(place.db(), &bytes).unwrap();
    // Whether the damage is met on opening or on reading, it is told.
    let error = match SqliteStore::open(place.db()).await {
        Ok(store) => read(&store, ReadStream::new(stream("a"))).await.1.unwrap(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    support::assert_names(&error, &place.db());
}

#[tokio::test]
async fn a_damaged_deadline_is_told() {
    let place = Place::new();
    let process = ConsumerId::new("checkout").unwrap();
    let due: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let id = DeadlineId::from_bytes([7; 16]);
    let store = place.open().await;
    store.set(&[Deadline::new(process.clone(), "order-17", id, due).unwrap()]).await.unwrap();
    for change in [
        "due = 9223372036854775807 WHERE due > 0",
        "due = 0, id = x'00'",
        "id = zeroblob(16), instance = ''",
    ] {
        place.tamper(&format!("UPDATE deadlines SET {change}"));
        let query = DueQuery::new(process.clone(), Timestamp::MAX);
        let found = match change {
            // So late that no query reaches it.
            change if change.contains("9223") => store.next(&process).await.map(drop),
            _ => store.due(&query).await.map(drop),
        };
        assert!(matches!(found, Err(Error::Corrupt { .. })), "{change}: {found:?}");
    }
}
