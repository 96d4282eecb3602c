//! Dead letters, as far as they are particular to this backend.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use es_core::{
    Adoption, CheckpointStore as _, ConsumerId, DeadLetter, DeadLetterCount, DeadLetterQuery,
    DeadLetterState, Error, Version, ViewName, ViewQuery, ViewSchema, ViewStore as _,
};
use es_sqlite::SqliteStore;
use support::{Place, change, dropping, letter, parking, removing, stream};

fn consumer() -> ConsumerId {
    ConsumerId::new("dashboard").unwrap()
}

async fn parked(store: &SqliteStore) -> Result<Vec<DeadLetter>, Error> {
    store.dead_letters(&consumer(), &DeadLetterQuery::default()).await
}

/// Parks letters in `test:a` at 4 and 6 and in `test:b` at 1, and closes the file.
async fn three_letters(place: &Place) -> Vec<DeadLetter> {
    let letters = vec![
        letter(stream("a"), 4, &["gh", "ij"]),
        letter(stream("a"), 6, &["kl"]),
        letter(stream("b"), 1, &["mn"]),
    ];
    let store = place.open().await;
    change(&store, &consumer(), letters.iter().map(parking).collect()).await;
    store.close().await.unwrap();
    letters
}

#[tokio::test]
async fn letters_and_pauses_are_there_after_opening_again() {
    let place = Place::new();
    let letters = three_letters(&place).await;
    let store = place.open().await;
    assert_eq!(parked(&store).await.unwrap(), letters);
    change(&store, &consumer(), vec![dropping(&letters[0], "a test order")]).await;
    store.set_paused(&consumer(), true).await.unwrap();
    store.close().await.unwrap();

    let store = place.open().await;
    assert_eq!(parked(&store).await.unwrap(), letters[1..]);
    assert!(store.is_paused(&consumer()).await.unwrap());
    let query = DeadLetterQuery::default().state(DeadLetterState::Dropped);
    let records = store.dead_letters(&consumer(), &query).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].commit, letters[0].commit);
    assert_eq!(records[0].dropped.as_ref().unwrap().reason, "a test order");
}

/// What can be changed in the commit of a letter.
const COMMIT_CHANGES: &[&str] = &[
    "payloads = replace(payloads, 'gh', 'gX')",
    "payloads = payloads || ' '",
    "payloads = CAST(payloads AS BLOB)",
    "payloads = CAST(x'ff' AS TEXT) || substr(payloads, 2)",
    "payloads = 7",
    "manifest = replace(manifest, ' 1 ', ' 2 ')",
    "manifest = 'garbage'",
    "manifest = CAST(x'ff' AS TEXT) || substr(manifest, 2)",
    "metadata = NULL",
    "metadata = replace(metadata, 'Ada', 'Eve')",
    "commit_id = zeroblob(16)",
    "commit_id = x'00'",
    "recorded_at = recorded_at + 1",
    "recorded_at = 9223372036854775807",
    "encoding = 'postcard'",
    "encoding = 'lz4'",
    "checksum = checksum + 1",
    "checksum = checksum - 1",
    "checksum = -1",
    "event_count = 1",
    "event_count = 0",
];

/// What can be changed beside it, as far as it can be noticed.
const OTHER_CHANGES: &[&str] = &[
    "parked_at = 9223372036854775807",
    "failed_version = NULL",
    "failed_version = -1",
    "error = NULL",
    "error = CAST(x'ff' AS TEXT)",
    "attempts = NULL",
    "attempts = -1",
    "attempts = 4294967296",
    "last_attempt_at = NULL",
    "last_attempt_at = -9223372036854775807",
    "drop_reason = 'x'",
    "dropped_at = 1",
];

#[tokio::test]
async fn a_damaged_letter_is_named() {
    let place = Place::new();
    let letters = three_letters(&place).await;
    let untouched = std::fs::read(place.db()).unwrap();
    for change in COMMIT_CHANGES.iter().chain(OTHER_CHANGES) {
        std::fs::write(place.db(), &untouched).unwrap();
        place.tamper(&format!("UPDATE dead_letters SET {change} WHERE first_version = 4"));
        let store = place.open().await;
        match parked(&store).await.unwrap_err() {
            Error::CorruptCommit { stream: named, version, .. }
                if COMMIT_CHANGES.contains(change) =>
            {
                assert_eq!((named, version), (stream("a"), Version::new(4)), "{change}");
            }
            Error::Corrupt { what, .. } if OTHER_CHANGES.contains(change) => {
                assert_eq!(what, "the dead letter of test:a at version 4", "{change}");
            }
            error => panic!("{change}: {error:?}"),
        }
        assert_what_is_left(&store, &letters, change).await;
        store.close().await.unwrap();
    }
}

/// Panics unless everything goes on that does not need the bytes of the first letter.
async fn assert_what_is_left(store: &SqliteStore, letters: &[DeadLetter], case: &str) {
    let query = DeadLetterQuery::default();
    let behind = store.dead_letters(&consumer(), &query.clone().after(&letters[0])).await.unwrap();
    assert_eq!(behind, letters[1..], "{case}");
    let other = store.dead_letters(&consumer(), &query.stream(stream("b"))).await.unwrap();
    assert_eq!(other, letters[2..], "{case}");
    let count = store.dead_letter_count(&consumer()).await.unwrap();
    assert_eq!(count, DeadLetterCount { streams: 2, letters: 3 }, "{case}");
    let progress = store.stream_progress(&consumer(), &[stream("a")]).await.unwrap();
    assert_eq!(progress[0].parked, Version::new(6), "{case}");
    change(store, &consumer(), vec![removing(&letters[0])]).await;
    assert_eq!(parked(store).await.unwrap(), letters[1..], "{case}");
}

#[tokio::test]
async fn a_letter_in_another_place_is_damaged() {
    let place = Place::new();
    three_letters(&place).await;
    let untouched = std::fs::read(place.db()).unwrap();
    for (change, named) in [
        ("stream = 'test:c'", "test:c"),
        ("first_version = 5", "test:a"),
        ("stream = 'garbage'", "the stream of a dead letter"),
        ("stream = CAST(x'ff' AS TEXT)", "the stream of a dead letter"),
    ] {
        std::fs::write(place.db(), &untouched).unwrap();
        place.tamper(&format!("UPDATE dead_letters SET {change} WHERE first_version = 4"));
        let store = place.open().await;
        let error = parked(&store).await.unwrap_err();
        assert!(
            matches!(error, Error::CorruptCommit { .. } | Error::Corrupt { .. }),
            "{change}: {error:?}"
        );
        assert!(error.to_string().contains(named), "{change}: {error}");
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn people_can_read_what_is_parked_and_why() {
    let place = Place::new();
    let letters = three_letters(&place).await;
    let store = place.open().await;
    change(&store, &consumer(), vec![dropping(&letters[0], "a test order")]).await;
    let db = place.raw();
    let mut select = db
        .prepare(
            "SELECT stream, first_version, last_version, state, error, drop_reason, parked_at \
             FROM dead_letter_log",
        )
        .unwrap();
    let rows = select.query_map([], |row| {
        let texts: [Option<String>; 4] = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, texts))
    });
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    let places = rows.iter().map(|(stream, first, last, _)| (&**stream, *first, *last));
    assert_eq!(places.collect::<Vec<_>>(), [("test:a", 6, 6), ("test:b", 1, 1), ("test:a", 4, 5)]);
    let [state, error, reason, parked_at] = &rows[2].3;
    assert_eq!(state.as_deref(), Some("dropped"));
    assert_eq!(error.as_deref(), Some("no such article"));
    assert_eq!(reason.as_deref(), Some("a test order"));
    let date = letters[0].parked_at.to_string()[..10].to_owned();
    assert!(parked_at.as_ref().unwrap().starts_with(&date), "{parked_at:?}");
}

#[tokio::test]
async fn a_listing_of_letters_uses_the_index() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let db = place.raw();
    for (sql, expected) in [
        (
            "SELECT * FROM dead_letters WHERE consumer = ?1 AND state = ?2 \
             AND (stream, first_version) > (?3, ?4) ORDER BY stream, first_version LIMIT ?5",
            "(consumer=? AND state=? AND (stream,first_version)>(?,?))",
        ),
        (
            "SELECT first_version + event_count - 1 FROM dead_letters \
             WHERE consumer = ?1 AND state = ?2 AND stream = ?3 \
             ORDER BY first_version DESC LIMIT ?4 + ?5",
            "(consumer=? AND state=? AND stream=?)",
        ),
    ] {
        let plan: Vec<String> = db
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap()
            .query_map(["", "", "", "1", "1"], |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(plan.len(), 1, "neither a scan nor a sort: {plan:?}");
        assert!(plan[0].contains(expected), "{plan:?}");
    }
}

#[tokio::test]
async fn sql_views_of_people_survive_a_swap() {
    let place = Place::new();
    let store = place.open().await;
    let [live, again] = ["orders", "orders_rebuild"].map(|name| ViewName::new(name).unwrap());
    for name in [&live, &again] {
        let schema =
            ViewSchema { name: name.clone(), indexed_fields: &["status"], expires_by: None };
        store.prepare(&schema).await.unwrap();
    }
    place
        .raw()
        .execute_batch(
            "CREATE VIEW open_orders AS \
             SELECT key FROM view_orders WHERE document ->> '$.status' = 'open'; \
             INSERT INTO view_orders VALUES ('old', '{\"status\":\"open\"}'); \
             INSERT INTO view_orders_rebuild VALUES ('new', '{\"status\":\"open\"}');",
        )
        .unwrap();
    let adoption = Adoption {
        from: ConsumerId::new("again").unwrap(),
        to: consumer(),
        based_on: Vec::new(),
        backwards: false,
        replaces_dead_letters: false,
    };
    let adopted = store.swap(&again, &live, &adoption).await.unwrap();
    assert_eq!(adopted, es_core::Adopted::Done);
    let open = ViewQuery::default().equals("status", "open");
    assert_eq!(store.list(&live, &open).await.unwrap()[0].key, "new");
    let shown: String =
        place.raw().query_row("SELECT key FROM open_orders", [], |row| row.get(0)).unwrap();
    assert_eq!(shown, "new");
}
