//! Documents that expire are removed with later steps of their view.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use es_core::testing::VirtualClock;
use es_core::{
    Advance, Checkpoint, CheckpointStore, Clock as _, ConsumerId, Progress, Replaces, ViewChange,
    ViewName, ViewQuery, ViewSchema, ViewStore as _,
};
use es_sqlite::SqliteStore;
use support::{Place, partition};

fn view(name: &str) -> ViewName {
    ViewName::new(name).unwrap()
}

async fn prepare(store: &SqliteStore, name: &str, expires_by: Option<&'static str>) {
    let schema = ViewSchema { name: view(name), indexed_fields: &[], expires_by };
    store.prepare(&schema).await.unwrap();
}

async fn put(store: &SqliteStore, name: &str, documents: &[(&str, String)]) {
    let consumer = ConsumerId::new(name).unwrap();
    let based_on = CheckpointStore::load(store, &consumer, &partition()).await.unwrap().revision;
    let checkpoint = Checkpoint::from_stored("1");
    let advance = Advance { partition: partition(), based_on, checkpoint };
    let change = |(key, document): &(&str, String)| ViewChange {
        view: view(name),
        key: (*key).to_owned(),
        replaces: Replaces::Anything,
        document: Some(document.clone()),
    };
    let changes = documents.iter().map(change).collect();
    store.write(changes, Progress::new(consumer, Some(advance))).await.unwrap();
}

async fn keys(store: &SqliteStore, name: &str) -> Vec<String> {
    let listed = store.list(&view(name), &ViewQuery::default().limit(1000)).await.unwrap();
    listed.into_iter().map(|document| document.key).collect()
}

#[tokio::test]
async fn a_step_removes_what_has_expired_from_its_view_only() {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let place = Place::new();
    let store = SqliteStore::builder(place.db()).clock(clock.clone()).open().await.unwrap();
    prepare(&store, "coupons", Some("until")).await;
    prepare(&store, "lasting", None).await;
    let now = clock.now().as_second();
    let documents = [
        ("a", format!(r#"{{"until":{}}}"#, now + 10)),
        ("b", format!(r#"{{"until":{}.75}}"#, now + 10)),
        ("c", format!(r#"{{"until":{}}}"#, now + 11)),
        ("d", format!(r#"{{"until":"{now}"}}"#)),
        ("e", r#"{"until":null}"#.to_owned()),
        ("f", r#"{"until":true}"#.to_owned()),
        ("g", r#"{"other":1}"#.to_owned()),
        ("h", "[1]".to_owned()),
    ];
    for name in ["coupons", "lasting"] {
        put(&store, name, &documents).await;
    }
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"];
    clock.advance(Duration::from_secs(9));
    put(&store, "coupons", &[("z", "{}".to_owned())]).await;
    assert_eq!(keys(&store, "coupons").await, [&all[..], &["z"]].concat());
    clock.advance(Duration::from_secs(1));
    for name in ["coupons", "lasting"] {
        put(&store, name, &[("z", "{}".to_owned())]).await;
    }
    assert_eq!(keys(&store, "coupons").await, ["c", "d", "e", "f", "g", "h", "z"]);
    assert_eq!(keys(&store, "lasting").await, [&all[..], &["z"]].concat());
}

#[tokio::test]
async fn of_many_documents_that_have_expired_each_step_removes_some() {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let place = Place::new();
    let store = SqliteStore::builder(place.db()).clock(clock.clone()).open().await.unwrap();
    prepare(&store, "coupons", Some("until")).await;
    let until = clock.now().as_second() + 10;
    let names: Vec<String> = (0..450).map(|n| format!("{n:03}")).collect();
    let documents: Vec<_> =
        names.iter().map(|name| (&**name, format!(r#"{{"until":{until}}}"#))).collect();
    put(&store, "coupons", &documents).await;
    clock.advance(Duration::from_secs(10));
    for left in [250, 50, 0] {
        put(&store, "coupons", &[("z", "{}".to_owned())]).await;
        assert_eq!(keys(&store, "coupons").await.len(), left + 1);
    }
}

#[tokio::test]
async fn a_step_with_many_changes_removes_as_many_documents_that_have_expired() {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let place = Place::new();
    let store = SqliteStore::builder(place.db()).clock(clock.clone()).open().await.unwrap();
    prepare(&store, "coupons", Some("until")).await;
    let until = clock.now().as_second() + 10;
    let coupons = |from: usize, until: i64| -> Vec<(String, String)> {
        (from..from + 450).map(|n| (format!("{n:03}"), format!(r#"{{"until":{until}}}"#))).collect()
    };
    let expiring = coupons(0, until);
    let expiring: Vec<_> = expiring.iter().map(|(key, text)| (&**key, text.clone())).collect();
    put(&store, "coupons", &expiring).await;
    clock.advance(Duration::from_secs(10));
    let later = coupons(500, until + 10);
    let later: Vec<_> = later.iter().map(|(key, text)| (&**key, text.clone())).collect();
    put(&store, "coupons", &later[..449]).await;
    let left = keys(&store, "coupons").await;
    assert_eq!(left.iter().filter(|key| key.as_str() < "500").count(), 1);
}
