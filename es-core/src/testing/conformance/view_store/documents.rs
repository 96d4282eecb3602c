//! Documents come back as they were written.

use super::{Store, assert_view, get, get_one, list, list_by, prepare, put, remove, write};
use crate::testing::conformance::sample::hostile_ids;
use crate::view_store::{MAX_VIEW_KEY_LEN, ViewName, ViewQuery};

pub(super) async fn written_documents_come_back(store: Store) {
    let v = prepare(&store, "v").await;
    assert_view(&store, &v, &[]).await;
    assert_eq!(get(&store, &v, &["a", "b"]).await, [None, None]);
    write(&store, vec![put(&v, "a", r#"{"n":1}"#), put(&v, "b", r#"{"n":2}"#)]).await;
    assert_view(&store, &v, &[("a", r#"{"n":1}"#), ("b", r#"{"n":2}"#)]).await;
    assert_eq!(get(&store, &v, &["c", ""]).await, [None, None]);
}

/// As they were written means the text: the order of fields, numbers as they stand.
pub(super) async fn documents_of_every_kind_come_back(store: Store) {
    let v = prepare(&store, "v").await;
    let texts = [
        "",
        " ",
        "ü",
        "日本語",
        "🦀👩‍👩‍👧",
        "'",
        "\"",
        "\\",
        "a\nb",
        "\0",
        "%",
        "$.a",
        "\u{10ffff}",
        "\u{2028}",
    ];
    let mut documents: Vec<String> = texts
        .iter()
        .map(|text| serde_json::json!({ "status": text, text.to_string(): [text] }).to_string())
        .collect();
    documents.extend(
        [
            "{}",
            r#"{"z":1,"a":2,"m":3}"#,
            r#"{"n":1.0}"#,
            r#"{"n":18446744073709551615}"#,
            r#"{"n":-9223372036854775808}"#,
            r#"{"n":0.1}"#,
            r#"{"n":1e300}"#,
            r#"{"n":null}"#,
            r#"{"status":null,"owner":{"status":"x"}}"#,
            r#"{"status":["open"],"owner":1}"#,
            r#"{"status":"a\u00e9\ud83e\udd80b"}"#,
            r#"{"a":{"b":{"c":[[[]],{}]}}}"#,
            r#"{"":"","$":"","a.b":"","a b":"","'":""}"#,
        ]
        .map(str::to_owned),
    );
    documents.push(serde_json::json!({ "long": "x".repeat(100_000) }).to_string());
    for (n, documents) in documents.chunks(10).enumerate() {
        let key = |at: usize| format!("{n}-{at}");
        let changes = documents.iter().enumerate().map(|(at, text)| put(&v, &key(at), text));
        let changes = changes.collect();
        write(&store, changes).await;
        for (at, document) in documents.iter().enumerate() {
            assert_eq!(get_one(&store, &v, &key(at)).await.as_ref(), Some(document));
        }
    }
    assert_eq!(list_by(&store, &v, ViewQuery::default()).await.len(), documents.len());
}

pub(super) async fn keys_of_every_kind_are_kept_apart(store: Store) {
    let v = prepare(&store, "v").await;
    let mut keys = hostile_ids();
    keys.push("k".repeat(MAX_VIEW_KEY_LEN));
    keys.push(format!("{}l", "k".repeat(MAX_VIEW_KEY_LEN - 1)));
    keys.push("🦀".repeat(MAX_VIEW_KEY_LEN / 4));
    let document = |key: &str| serde_json::json!({ "status": key }).to_string();
    for keys in keys.chunks(10) {
        write(&store, keys.iter().map(|key| put(&v, key, &document(key))).collect()).await;
    }
    keys.sort();
    let documents: Vec<String> = keys.iter().map(|key| document(key)).collect();
    let expected: Vec<(&str, &str)> =
        keys.iter().zip(&documents).map(|(key, document)| (&**key, &**document)).collect();
    assert_view(&store, &v, &expected).await;
    for &(key, document) in &expected {
        let with_this_status = ViewQuery::default().equals("status", key);
        let listed = list(&store, &v, &with_this_status).await;
        assert_eq!(listed, [(key.to_owned(), document.to_owned())], "status {key:?}");
    }
}

pub(super) async fn a_document_is_overwritten_and_removed(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, vec![put(&v, "a", r#"{"n":1}"#), put(&v, "b", r#"{"n":1}"#)]).await;
    write(&store, vec![put(&v, "a", r#"{"n":2}"#)]).await;
    assert_view(&store, &v, &[("a", r#"{"n":2}"#), ("b", r#"{"n":1}"#)]).await;
    write(&store, vec![put(&v, "c", r#"{}"#), remove(&v, "a"), put(&v, "b", r#"{"n":2}"#)]).await;
    assert_view(&store, &v, &[("b", r#"{"n":2}"#), ("c", "{}")]).await;
    write(&store, vec![remove(&v, "a"), remove(&v, "never")]).await;
    assert_view(&store, &v, &[("b", r#"{"n":2}"#), ("c", "{}")]).await;
    write(&store, vec![put(&v, "a", r#"{"n":3}"#)]).await;
    assert_eq!(get_one(&store, &v, "a").await.as_deref(), Some(r#"{"n":3}"#));
}

pub(super) async fn of_changes_of_one_key_the_last_counts(store: Store) {
    let v = prepare(&store, "v").await;
    let changes = vec![
        put(&v, "a", r#"{"status":"1"}"#),
        put(&v, "b", r#"{"status":"1"}"#),
        put(&v, "a", r#"{"status":"2"}"#),
        remove(&v, "b"),
        remove(&v, "c"),
        put(&v, "c", r#"{"status":"3"}"#),
        put(&v, "d", "{}"),
        remove(&v, "d"),
        put(&v, "d", r#"{"status":"4"}"#),
    ];
    write(&store, changes).await;
    let expected =
        [("a", r#"{"status":"2"}"#), ("c", r#"{"status":"3"}"#), ("d", r#"{"status":"4"}"#)];
    assert_view(&store, &v, &expected).await;
    let ones = ViewQuery::default().equals("status", "1");
    assert_eq!(list(&store, &v, &ones).await, [], "an earlier change is listed");
}

pub(super) async fn documents_come_in_the_order_asked_for(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, ["a", "b", "c"].map(|key| put(&v, key, &format!("\"{key}\""))).into()).await;
    let some = |key: &str| Some(format!("\"{key}\""));
    let found = get(&store, &v, &["c", "x", "a", "a", "b"]).await;
    assert_eq!(found, [some("c"), None, some("a"), some("a"), some("b")]);
    assert_eq!(get(&store, &v, &[]).await, [] as [Option<String>; 0]);
    // More than a batch read takes of most databases at once.
    let many: Vec<&str> = (0..250).map(|n| ["a", "b", "x"][n % 3]).collect();
    let expected: Vec<_> = (0..250).map(|n| [some("a"), some("b"), None][n % 3].clone()).collect();
    assert_eq!(get(&store, &v, &many).await, expected);
}

pub(super) async fn views_are_kept_apart(store: Store) {
    let longest = "v".repeat(48);
    let names = ["v", "v_", "v1", "_v", "vv", "select", "table", "commits", &*longest];
    let mut views = Vec::new();
    for name in names {
        views.push(prepare(&store, name).await);
    }
    let document = |view: &ViewName| format!("{{\"status\":\"{view}\"}}");
    let changes = views.iter().map(|view| put(view, "k", &document(view)));
    write(&store, changes.collect()).await;
    for view in &views {
        assert_view(&store, view, &[("k", &document(view))]).await;
    }
    write(&store, vec![remove(&views[0], "k")]).await;
    assert_view(&store, &views[0], &[]).await;
    for view in &views[1..] {
        assert_view(&store, view, &[("k", &document(view))]).await;
    }
}
