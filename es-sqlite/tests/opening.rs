//! What the path may lead to when a store is opened.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use es_core::{
    Begun, CheckpointStore, ConsumerId, DeadLetterQuery, Deadline, DeadlineId, DeadlineStore as _,
    DueQuery, Error, EventStore as _, Expected, IdempotencyStore as _, IdempotentRequest,
    LeaseStore as _, MessageQueue as _, NewLease, NewMessage, QueueName, QueueOptions,
    SnapshotStore, ViewName, ViewQuery, ViewStore as _,
};
use es_sqlite::{SqliteStore, Synchronous};
use support::{
    Place, append, assert_names, change, commit, letter, parking, partition, read_all, read_feed,
    stream,
};

/// The version of files that this crate writes.
const NEWEST: i64 = 5;

fn version(place: &Place) -> i64 {
    place.raw().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let place = Place::new();
    let store = place.open().await;
    let written = append(&store, &stream("a"), &["one", "two"]).await;
    store.close().await.unwrap();

    let store = place.open().await;
    assert_eq!(read_all(&store, &stream("a")).await, [written]);
}

#[tokio::test]
async fn a_store_dropped_without_closing_loses_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let written = append(&store, &stream("a"), &["one"]).await;
    drop(store);
    assert_eq!(read_all(&place.open().await, &stream("a")).await, [written]);
}

#[tokio::test]
async fn a_closed_file_needs_no_write_ahead_log() {
    let place = Place::new();
    let store = place.open().await;
    append(&store, &stream("a"), &["one"]).await;
    store.close().await.unwrap();
    let left: Vec<_> = std::fs::read_dir(place.directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["test.db"]);
}

#[tokio::test]
async fn a_closed_store_says_so_and_can_be_closed_again() {
    let place = Place::new();
    let store = place.open().await;
    let clone = store.clone();
    store.close().await.unwrap();
    clone.close().await.unwrap();

    let error = clone.append(&stream("a"), Expected::Any, commit(&["x"])).await.unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
    assert_names(&error, &place.db());
    let error = clone.head(&stream("a")).await.unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
}

#[tokio::test]
async fn full_synchronisation_is_the_default() {
    // SQLite does not tell about another connection's setting, so the options must.
    let place = Place::new();
    let options = SqliteStore::builder(place.db());
    assert!(format!("{options:?}").contains("synchronous: Full"), "{options:?}");
    let store = options.synchronous(Synchronous::Normal).open().await.unwrap();
    append(&store, &stream("a"), &["one"]).await;
    let mode: String = place.raw().query_row("PRAGMA journal_mode", [], |r| r.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let place = Place::new();
    let path = place.directory().join("missing").join("test.db");
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, Error::Backend { .. }) && !error.is_transient(), "{error:?}");
    assert_names(&error, &path);
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[tokio::test]
async fn a_directory_is_no_database() {
    let place = Place::new();
    let error = SqliteStore::open(place.directory()).await.unwrap_err();
    assert!(matches!(error, Error::Backend { .. }) && !error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("which is a directory"), "{error}");
    assert_names(&error, place.directory());
}

#[tokio::test]
async fn a_path_below_a_file_is_refused() {
    let place = Place::new();
    let file = place.directory().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let path = file.join("test.db");
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, Error::Backend { .. }) && !error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("is not a directory"), "{error}");
    assert_names(&error, &path);
}

/// Permissions mean nothing to the superuser; names that no file system takes are refused to all.
#[tokio::test]
async fn a_file_that_the_system_refuses_to_open_is_named() {
    let place = Place::new();
    let path = place.directory().join("n".repeat(300));
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, Error::Backend { .. }) && !error.is_transient(), "{error:?}");
    assert_names(&error, &path);
    assert!(std::error::Error::source(&error).is_some());
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_without_write_permission_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    place.open().await.close().await.unwrap();
    let mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(place.db(), permissions).unwrap();
    };
    mode(0o444);
    let writable = std::fs::OpenOptions::new().write(true).open(place.db()).is_ok();
    let opened = SqliteStore::open(place.db()).await;
    mode(0o644);
    if writable {
        // This process may write everywhere, so there is nothing to refuse.
        opened.unwrap();
    } else {
        let error = opened.unwrap_err();
        assert!(matches!(error, Error::Backend { .. }) && !error.is_transient(), "{error:?}");
        assert_names(&error, &place.db());
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged() {
    let place = Place::new();
    std::fs::write(place.db(), "this is a letter, and not a short one either\n".repeat(100))
        .unwrap();
    let error = SqliteStore::open(place.db()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert_names(&error, &place.db());
}

#[tokio::test]
async fn a_damaged_header_is_told() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let mut bytes = std::fs::read(place.db()).unwrap();
    bytes[3] ^= 0xff;
    std::fs::write(place.db(), &bytes).unwrap();
    let error = SqliteStore::open(place.db()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert_names(&error, &place.db());
    assert_eq!(std::fs::read(place.db()).unwrap(), bytes, "a damaged file is left as it is");
}

#[tokio::test]
async fn a_damaged_page_of_the_schema_is_told() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let mut bytes = std::fs::read(place.db()).unwrap();
    // Behind the file's header of 100 bytes is the one of the page that holds the schema.
    bytes[100..108].fill(0xee);
    std::fs::write(place.db(), &bytes).unwrap();
    let error = SqliteStore::open(place.db()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert_names(&error, &place.db());
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    place.raw().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(place.db()).await.unwrap_err();
    let Error::UnsupportedFormat { found, supported, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((found.as_str(), supported.as_str()), ("99", &*NEWEST.to_string()));
    assert_names(&error, &place.db());
}

#[tokio::test]
async fn the_database_of_another_application_is_left_alone() {
    for set_up in [
        "CREATE TABLE theirs (x)",
        "PRAGMA application_id = 7; CREATE TABLE theirs (x)",
        "PRAGMA user_version = 3",
    ] {
        let place = Place::new();
        place.raw().execute_batch(set_up).unwrap();
        let before = std::fs::read(place.db()).unwrap();
        let error = SqliteStore::open(place.db()).await.unwrap_err();
        assert!(matches!(error, Error::Misuse(_)), "{set_up}: {error:?}");
        assert!(error.to_string().contains("another application"), "{error}");
        assert_names(&error, &place.db());
        assert_eq!(std::fs::read(place.db()).unwrap(), before, "{set_up}");
    }
}

#[tokio::test]
async fn a_file_that_says_to_be_ours_without_our_tables_is_damaged() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let id: i64 = place.raw().query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
    let empty = Place::new();
    empty.raw().execute_batch(&format!("PRAGMA application_id = {id}")).unwrap();
    let error = SqliteStore::open(empty.db()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let place = Place::new();
    std::fs::write(place.db(), "").unwrap();
    let store = place.open().await;
    append(&store, &stream("a"), &["one"]).await;
}

#[tokio::test]
async fn a_new_file_can_be_opened_by_many_at_once() {
    let place = Place::new();
    let opened = futures::future::join_all((0..8).map(|_| SqliteStore::open(place.db()))).await;
    for store in opened {
        append(&store.unwrap(), &stream("a"), &["one"]).await;
    }
    assert_eq!(read_all(&place.open().await, &stream("a")).await.len(), 8);
}

/// `fixtures/v1.sql` is a file of version 1 as text. It is never changed: files like it exist.
#[tokio::test]
async fn a_file_of_version_1_opens() {
    let place = Place::new();
    place.raw().execute_batch(include_str!("fixtures/v1.sql")).unwrap();
    assert_eq!(version(&place), 1);
    let store = place.open().await;
    assert_eq!(version(&place), NEWEST);

    let commits = read_feed(&store, 10).await.unwrap();
    let read: Vec<_> = commits
        .iter()
        .map(|commit| (commit.stream().to_string(), commit.last_version().get()))
        .collect();
    let expected = [("test:a", 2), ("test:b", 1), ("test:a", 3)];
    assert_eq!(read, expected.map(|(stream, version)| (stream.to_owned(), version)));
    assert_eq!(commits[0].metadata().unwrap().actor.as_deref(), Some("Ada"));
    assert_eq!(commits[0].recorded_at().to_string(), "2026-01-02T03:04:05.678901Z");
    assert_eq!(read_all(&store, &stream("a")).await.len(), 2);
    append(&store, &stream("b"), &["two"]).await;

    let snapshot = SnapshotStore::load(&store, &stream("a")).await.unwrap().unwrap();
    assert_eq!(snapshot.head, commits[2].head());
    let consumer = ConsumerId::new("dashboard").unwrap();
    let position = CheckpointStore::load(&store, &consumer, &partition()).await.unwrap();
    assert_eq!((position.checkpoint.as_str(), position.revision.get()), ("3", 2));
    assert!(!store.is_paused(&consumer).await.unwrap());
    let parked = letter(stream("a"), 4, &["four"]);
    change(&store, &consumer, vec![parking(&parked)]).await;
    store.set_paused(&consumer, true).await.unwrap();
    let listed = store.dead_letters(&consumer, &DeadLetterQuery::default()).await.unwrap();
    assert_eq!(listed, [parked]);
    let after = CheckpointStore::load(&store, &consumer, &partition()).await.unwrap();
    assert_eq!((after.checkpoint.as_str(), after.revision.get()), ("3", 2));
    let view = ViewName::new("orders").unwrap();
    let open = store.list(&view, &ViewQuery::default().equals("status", "open")).await.unwrap();
    assert_eq!(open.len(), 1);

    // What version 1 did not have: queues.
    let queue = QueueName::new("orders").unwrap();
    store.configure(&queue, QueueOptions::default()).await.unwrap();
    store.send(&queue, NewMessage::new("x")).await.unwrap();
    assert_eq!(store.counts(&queue).await.unwrap().visible, 1);
    // Nor leases and idempotency records.
    assert!(store.create(&consumer, NewLease::new(partition())).await.unwrap());
    let request = IdempotentRequest::new("orders", "17", b"").unwrap();
    let begun = store.begin(&request, Duration::from_secs(1)).await.unwrap();
    assert!(matches!(begun, Begun::Started(_)), "{begun:?}");
    // Nor deadlines.
    store.set(&[deadline(&consumer)]).await.unwrap();
    assert!(store.next(&consumer).await.unwrap().is_some());
}

fn deadline(process: &ConsumerId) -> Deadline {
    let due = "2026-03-01T12:00:00.000001Z".parse().unwrap();
    Deadline::new(process.clone(), "order-17", DeadlineId::from_bytes([0xab; 16]), due).unwrap()
}

#[tokio::test]
async fn deadlines_are_there_after_a_restart_and_people_can_read_them() {
    let place = Place::new();
    let process = ConsumerId::new("checkout").unwrap();
    let store = place.open().await;
    store.set(&[deadline(&process)]).await.unwrap();
    store.close().await.unwrap();
    let query = DueQuery::new(process.clone(), deadline(&process).due());
    assert_eq!(place.open().await.due(&query).await.unwrap().deadlines, [deadline(&process)]);
    let row: (String, String, String, String) = place
        .raw()
        .query_row("SELECT process, instance, due, id FROM upcoming", [], |row| row.try_into())
        .unwrap();
    let row = [&*row.0, &*row.1, &*row.2, &*row.3];
    let id = "ab".repeat(16);
    assert_eq!(row, ["checkout", "order-17", "2026-03-01T12:00:00.000Z", &*id]);
}

/// A migrated file has the tables and indexes of a new one, word for word.
#[tokio::test]
async fn a_migrated_file_is_as_a_new_one() {
    let (old, new) = (Place::new(), Place::new());
    old.raw().execute_batch(include_str!("fixtures/v1.sql")).unwrap();
    for place in [&old, &new] {
        place.open().await.close().await.unwrap();
    }
    let schema = |place: &Place| -> Vec<String> {
        let db = place.raw();
        let mut select = db
            .prepare("SELECT sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'view\\_%' ESCAPE '\\' AND sql IS NOT NULL ORDER BY sql")
            .unwrap();
        let all = select.query_map([], |row| row.get(0)).unwrap();
        all.collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(schema(&old), schema(&new));
}

#[tokio::test]
async fn people_can_read_the_log_but_not_change_it() {
    let place = Place::new();
    let store = place.open().await;
    append(&store, &stream("a"), &["one"]).await;
    let db = place.raw();
    let (stream, payloads): (String, String) = db
        .query_row("SELECT stream, payloads FROM log", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!((stream.as_str(), payloads.as_str()), ("test:a", r#"{"text":"one"}"#));
    for change in ["UPDATE commits SET recorded_at = 0", "DELETE FROM commits"] {
        let error = db.execute(change, []).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}
