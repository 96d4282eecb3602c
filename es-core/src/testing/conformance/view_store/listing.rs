//! Which documents are listed, and in which order.

use super::{Store, assert_misuse, list_by, list_keys, prepare, put, remove, write};
use crate::testing::conformance::sample::hostile_ids;
use crate::view_store::ViewQuery;

pub(super) async fn a_listing_is_ordered_by_the_bytes_of_the_keys(store: Store) {
    let v = prepare(&store, "v").await;
    let mut keys = [
        "b", "a", "B", "A", "aa", "a b", "a-b", "a_b", "a1", "a10", "a2", "1", "10", "2", "é", "e",
        "f", "z", "\u{e000}", "🦀", "\u{ffee}", "日", "ß", "~", "!", "Z",
    ];
    write(&store, keys.map(|key| put(&v, key, "{}")).into()).await;
    keys.sort_unstable();
    assert_eq!(list_keys(&store, &v, &ViewQuery::default()).await, keys);
}

pub(super) async fn a_listing_has_no_more_than_its_limit(store: Store) {
    let v = prepare(&store, "v").await;
    let keys: Vec<String> = (0..120).map(|n| format!("{n:03}")).collect();
    for keys in keys.chunks(40) {
        write(&store, keys.iter().map(|key| put(&v, key, "{}")).collect()).await;
    }
    assert_eq!(list_keys(&store, &v, &ViewQuery::default()).await, keys[..100]);
    for limit in [1, 2, 99, 120, 121, 5_000] {
        let listed = list_keys(&store, &v, &ViewQuery::default().limit(limit)).await;
        assert_eq!(listed, keys[..limit.min(120)], "limited to {limit}");
    }
}

pub(super) async fn paging_sees_every_document_once(store: Store) {
    let v = prepare(&store, "v").await;
    let mut keys = hostile_ids();
    keys.sort();
    for keys in keys.chunks(20) {
        write(&store, keys.iter().map(|key| put(&v, key, "{}")).collect()).await;
    }
    for limit in [1, 2, 7, keys.len(), 1_000] {
        let paged = list_by(&store, &v, ViewQuery::default().limit(limit)).await;
        let paged: Vec<String> = paged.into_iter().map(|(key, _)| key).collect();
        assert_eq!(paged, keys, "by {limit}");
    }
    // A page begins after a key, whether there is such a document or not.
    for (after, first) in
        [("\u{1}", 0), (&*format!("{}\u{1}", keys[3]), 4), ("\u{10ffff}x", keys.len())]
    {
        let listed = list_keys(&store, &v, &ViewQuery::default().after(after).limit(1_000)).await;
        assert_eq!(listed, keys[first..], "after {after:?}");
    }
}

pub(super) async fn a_listing_is_filtered_by_an_indexed_field(store: Store) {
    let v = prepare(&store, "v").await;
    let documents = [
        ("a", r#"{"status":"open","owner":"x"}"#),
        ("b", r#"{"status":"done","owner":"x"}"#),
        ("c", r#"{"owner":"open"}"#),
        ("d", r#"{"status":"open"}"#),
        ("e", r#"{"other":"open","nested":{"status":"open"}}"#),
        ("f", "{}"),
    ];
    write(&store, documents.map(|(key, document)| put(&v, key, document)).into()).await;
    let cases = [
        ("status", "open", vec!["a", "d"]),
        ("status", "done", vec!["b"]),
        ("owner", "x", vec!["a", "b"]),
        ("owner", "open", vec!["c"]),
        ("status", "missing", vec![]),
        ("status", "", vec![]),
    ];
    for (field, value, expected) in cases {
        let query = ViewQuery::default().equals(field, value);
        assert_eq!(list_keys(&store, &v, &query).await, expected, "{field} = {value:?}");
    }
}

pub(super) async fn a_filter_compares_whole_strings(store: Store) {
    let v = prepare(&store, "v").await;
    let strings = [
        "open", "Open", "open ", "ope", "opens", "", "%", "_", "op%", "é", "e\u{301}", "1", "1.0",
        "true", "null", "'", "\"", "\\", "a\nb", "\0", "a\0b", "🦀",
    ];
    let mut changes = Vec::new();
    for (n, string) in strings.iter().enumerate() {
        let document = serde_json::json!({ "status": string }).to_string();
        changes.push(put(&v, &format!("{n:02}"), &document));
    }
    let others = ["1", "1.0", "true", "null", r#"["open"]"#, r#"{"open":"open"}"#];
    for (n, other) in others.iter().enumerate() {
        changes.push(put(&v, &format!("other-{n}"), &format!("{{\"status\":{other}}}")));
    }
    changes.push(put(&v, "no object", r#""open""#));
    write(&store, changes).await;
    for (n, string) in strings.iter().enumerate() {
        let query = ViewQuery::default().equals("status", *string);
        let listed = list_keys(&store, &v, &query).await;
        assert_eq!(listed, [format!("{n:02}")], "status = {string:?}");
    }
}

pub(super) async fn a_filtered_listing_is_paged(store: Store) {
    let v = prepare(&store, "v").await;
    let keys: Vec<String> = (0..90).map(|n| format!("{n:02}")).collect();
    let status = |n: usize| if n.is_multiple_of(3) { "open" } else { "done" };
    for (at, some) in keys.chunks(30).enumerate() {
        let document = |n: usize| format!("{{\"status\":\"{}\"}}", status(at * 30 + n));
        let changes = some.iter().enumerate().map(|(n, key)| put(&v, key, &document(n)));
        write(&store, changes.collect()).await;
    }
    let open: Vec<String> = keys.iter().step_by(3).cloned().collect();
    for limit in [1, 4, 30, 31] {
        // A limit counts what matches, not what was looked at.
        let query = ViewQuery::default().equals("status", "open").limit(limit);
        let first = list_keys(&store, &v, &query).await;
        assert_eq!(first, open[..limit.min(30)], "the first {limit}");
        let paged = list_by(&store, &v, query).await;
        let paged: Vec<String> = paged.into_iter().map(|(key, _)| key).collect();
        assert_eq!(paged, open, "by {limit}");
    }
}

pub(super) async fn a_filter_follows_the_documents(store: Store) {
    let v = prepare(&store, "v").await;
    let open = ViewQuery::default().equals("status", "open");
    let done = ViewQuery::default().equals("status", "done");
    write(&store, ["a", "b", "c"].map(|key| put(&v, key, r#"{"status":"open"}"#)).into()).await;
    write(&store, vec![put(&v, "b", r#"{"status":"done"}"#), remove(&v, "c")]).await;
    assert_eq!(list_keys(&store, &v, &open).await, ["a"]);
    assert_eq!(list_keys(&store, &v, &done).await, ["b"]);
    write(&store, vec![put(&v, "a", "{}"), put(&v, "b", r#"{"status":"open"}"#)]).await;
    assert_eq!(list_keys(&store, &v, &open).await, ["b"]);
    assert_eq!(list_keys(&store, &v, &done).await, [] as [&str; 0]);
}

pub(super) async fn a_filter_on_a_field_that_is_not_indexed_is_an_error(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, vec![put(&v, "a", r#"{"status":"x","name":"x"}"#)]).await;
    for field in
        ["name", "Status", "status ", "", "missing", "$.status", "status' OR 1=1 --", "key"]
    {
        let query = ViewQuery::default().equals(field, "x");
        assert_misuse(store.list(&v, &query).await, &format!("a filter on {field:?}"));
    }
}
