//! Snapshots, checkpoints and views, as far as they are particular to this backend.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use es_core::{
    Advance, Checkpoint, CheckpointStore as _, Codec, ConsumerId, Error, Progress, Replaces,
    Revision, SnapshotStore as _, StoredSnapshot, Version, ViewChange, ViewName, ViewQuery,
    ViewSchema, ViewStore as _,
};
use es_sqlite::SqliteStore;
use support::{Place, append, partition, stream};

fn consumer() -> ConsumerId {
    ConsumerId::new("dashboard").unwrap()
}

fn view() -> ViewSchema {
    ViewSchema {
        name: ViewName::new("orders").unwrap(),
        indexed_fields: &["status", "Status"],
        expires_by: None,
    }
}

fn progress(based_on: Revision) -> Progress {
    let checkpoint = Checkpoint::from_stored("1");
    let advance = Advance { partition: partition(), based_on, checkpoint };
    let streams = vec![(stream("a"), Version::new(1))];
    Progress { streams, ..Progress::new(consumer(), Some(advance)) }
}

fn put(key: &str, document: &str) -> ViewChange {
    let (key, document) = (key.to_owned(), Some(document.to_owned()));
    ViewChange { view: view().name, key, replaces: Replaces::Anything, document }
}

async fn write(store: &SqliteStore, changes: Vec<ViewChange>) -> es_core::Result<Revision> {
    let revision =
        es_core::CheckpointStore::load(store, &consumer(), &partition()).await.unwrap().revision;
    store.write(changes, progress(revision)).await.map(|()| revision.next())
}

#[tokio::test]
async fn a_damaged_snapshot_is_told_and_can_be_replaced() {
    let place = Place::new();
    let store = place.open().await;
    let head = append(&store, &stream("a"), &["one"]).await.head();
    let snapshot = StoredSnapshot {
        stream: stream("a"),
        head,
        schema_version: 1,
        codec: Codec::Json,
        state: r#"{"n":1}"#.into(),
    };
    for change in [
        "state = '{\"n\":2}'",
        "schema_version = 2",
        "schema_version = -1",
        "codec = 'postcard'",
        "codec = 'json+zstd'",
        "head_commit_id = zeroblob(16)",
        "head_commit_id = x''",
        "checksum = checksum + 1",
        "state = 7",
    ] {
        store.delete(&stream("a")).await.unwrap();
        es_core::SnapshotStore::save(&store, snapshot.clone()).await.unwrap();
        let loaded = es_core::SnapshotStore::load(&store, &stream("a")).await.unwrap();
        assert_eq!(loaded.as_ref(), Some(&snapshot));
        place.tamper(&format!("UPDATE snapshots SET {change}"));
        let error = es_core::SnapshotStore::load(&store, &stream("a")).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{change}: {error:?}");
    }
}

#[tokio::test]
async fn a_listing_by_an_indexed_field_uses_the_index() {
    let place = Place::new();
    let store = place.open().await;
    store.prepare(&view()).await.unwrap();
    let plan: Vec<String> = place
        .raw()
        .prepare(
            "EXPLAIN QUERY PLAN SELECT key, document FROM view_orders \
             WHERE document ->> '$.status' = ?1 AND key > ?2 \
             AND json_type(document, '$.status') = 'text' ORDER BY key LIMIT ?3",
        )
        .unwrap()
        .query_map(["", "", "1"], |row| row.get(3))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(plan.len(), 1, "neither a scan nor a sort: {plan:?}");
    assert!(plan[0].contains("USING INDEX view_orders.1.status (<expr>=? AND key>?)"), "{plan:?}");
}

#[tokio::test]
async fn only_strings_match_and_fields_know_upper_and_lower_case() {
    let place = Place::new();
    let store = place.open().await;
    store.prepare(&view()).await.unwrap();
    let documents = vec![
        put("a", r#"{"status":"5"}"#),
        put("b", r#"{"status":5}"#),
        put("c", r#"{"Status":"5"}"#),
        put("d", r#"{"status":{"x":1}}"#),
        put("e", r#"{"status":"{\"x\":1}"}"#),
        put("f", r#"["5"]"#),
    ];
    write(&store, documents).await.unwrap();
    let keys = async |field: &str, value: &str| -> Vec<String> {
        let query = ViewQuery::default().equals(field, value);
        let found = store.list(&view().name, &query).await.unwrap();
        found.into_iter().map(|document| document.key).collect()
    };
    assert_eq!(keys("status", "5").await, ["a"]);
    assert_eq!(keys("Status", "5").await, ["c"]);
    assert_eq!(keys("status", r#"{"x":1}"#).await, ["e"]);
}

#[tokio::test]
async fn a_step_with_a_document_that_is_not_json_writes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    store.prepare(&view()).await.unwrap();
    let error = write(&store, vec![put("a", "{}"), put("b", "{")]).await.unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error:?}");
    let error = write(&store, vec![put("a", "{}"), put("", "{}")]).await.unwrap_err();
    assert!(matches!(error, Error::InvalidId { .. }), "{error:?}");
    assert_eq!(store.list(&view().name, &ViewQuery::default()).await.unwrap(), []);
    let position = es_core::CheckpointStore::load(&store, &consumer(), &partition()).await;
    assert_eq!(position.unwrap().revision.get(), 0);
}

#[tokio::test]
async fn a_view_never_prepared_and_a_field_not_indexed_are_misuse() {
    let place = Place::new();
    let store = place.open().await;
    let misuse = |error: Error| assert!(matches!(error, Error::Misuse(_)), "{error:?}");
    misuse(store.get(&view().name, &["a"]).await.unwrap_err());
    misuse(store.list(&view().name, &ViewQuery::default()).await.unwrap_err());
    let by_field = ViewQuery::default().equals("status", "x");
    misuse(store.list(&view().name, &by_field).await.unwrap_err());
    misuse(write(&store, vec![put("a", "{}")]).await.unwrap_err());
    for field in ["", "a.b", "a'b", "a b", "1a", "ä", "$", "a\"]; DROP TABLE streams"] {
        let fields: &'static [&'static str] = Box::leak(Box::new([field]));
        let schema = ViewSchema { name: view().name, indexed_fields: fields, expires_by: None };
        misuse(store.prepare(&schema).await.unwrap_err());
    }
    store.prepare(&view()).await.unwrap();
    let by_field = ViewQuery::default().equals("other' OR 1", "x");
    misuse(store.list(&view().name, &by_field).await.unwrap_err());
}

#[tokio::test]
async fn an_index_added_later_finds_earlier_documents() {
    let place = Place::new();
    let store = place.open().await;
    let name = view().name;
    store
        .prepare(&ViewSchema { name: name.clone(), indexed_fields: &[], expires_by: None })
        .await
        .unwrap();
    write(&store, vec![put("a", r#"{"status":"x"}"#)]).await.unwrap();
    store.prepare(&view()).await.unwrap();
    let writes = store.writer_stats();
    store.prepare(&view()).await.unwrap();
    assert_eq!(store.writer_stats(), writes, "preparing again writes nothing");
    let query = ViewQuery::default().equals("status", "x");
    assert_eq!(store.list(&name, &query).await.unwrap().len(), 1);
}

#[tokio::test]
async fn names_of_views_and_indexes_do_not_collide() {
    let place = Place::new();
    let store = place.open().await;
    for (name, fields) in [
        ("a", &["b", "b_1", "B"][..]),
        ("a_b", &["a"]),
        ("a_1_b", &[]),
        ("log", &["position"]),
        ("streams", &[]),
    ] {
        let schema = ViewSchema {
            name: ViewName::new(name).unwrap(),
            indexed_fields: fields,
            expires_by: None,
        };
        store.prepare(&schema).await.unwrap();
    }
}

#[tokio::test]
async fn a_reset_fences_also_a_first_save() {
    let place = Place::new();
    let store = place.open().await;
    let held = es_core::CheckpointStore::load(&store, &consumer(), &partition()).await.unwrap();
    store.reset(&consumer()).await.unwrap();
    let error = es_core::CheckpointStore::save(&store, progress(held.revision)).await.unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error:?}");
    let fresh = es_core::CheckpointStore::load(&store, &consumer(), &partition()).await.unwrap();
    assert!(fresh.checkpoint.is_start() && fresh.revision > held.revision);
}
