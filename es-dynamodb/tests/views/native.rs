//! What other programs see of a view.

use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveStatus};
use es_core::{Error, ViewQuery, ViewSchema, ViewStore as _};
use serde::{Deserialize, Serialize};

use crate::scene::{Scene, get, keys_by, list, prepare, put, try_write, view, write};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    status: String,
    lines: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<u64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    tablets: u32,
    drug: String,
}

fn order(status: &str) -> Order {
    let lines = vec![Line { tablets: 30, drug: "Ibuprofen".into() }];
    Order { status: status.into(), lines, paid_at: None }
}

fn json(order: &Order) -> String {
    serde_json::to_string(order).expect("an order is JSON")
}

#[tokio::test]
async fn another_program_reads_documents_by_key_and_by_index() {
    let scene = Scene::new().await;
    prepare(&scene.store, "orders", &["status"]).await;
    let [open, done] = ["open", "done"].map(order);
    let changes = vec![put("orders", "a", &json(&open)), put("orders", "b", &json(&done))];
    write(&scene.store, changes).await;

    let generation = scene.generation("orders").await;
    let by_key = scene
        .client
        .get_item()
        .table_name(scene.table("orders"))
        .key("es_generation", AttributeValue::S(generation.clone()))
        .key("es_key", AttributeValue::S("a".into()));
    let item = by_key.send().await.expect("the table can be read").item.expect("a document");
    assert!(!item.contains_key("es_text"), "the document is kept as text: {item:?}");
    assert_eq!(serde_dynamo::from_item::<_, Order>(item).expect("an order"), open);

    let by_index = scene
        .client
        .query()
        .table_name(scene.table("orders"))
        .index_name("by_status")
        .key_condition_expression("es_by_status = :status")
        .expression_attribute_values(":status", AttributeValue::S(format!("{generation}=done")));
    let items = by_index.send().await.expect("the index can be read").items.unwrap_or_default();
    let found: Vec<Order> = serde_dynamo::from_items(items).expect("orders");
    assert_eq!(found, [done]);
}

#[tokio::test]
async fn a_document_has_the_size_of_an_item_and_not_a_byte_more() {
    const LIMIT: usize = 400 * 1024;
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &["status"]).await;
    let generation = scene.generation("v").await;
    let own = ["es_generation", &generation, "es_key", "k", "es_hash", &"h".repeat(16)];
    let indexed = ["es_by_status", &generation, "=open", "status", "open"];
    let own: usize = own.iter().chain(&indexed).map(|text| text.len()).sum();
    let document = |len| format!("{{\"a\":\"{}\",\"status\":\"open\"}}", "x".repeat(len));
    let longest = document(LIMIT - own - "a".len());
    write(&scene.store, vec![put("v", "k", &longest)]).await;
    assert_eq!(get(&scene.store, "v", &["k"]).await, [Some(longest.clone())]);

    let before = scene.faults.requests("TransactWriteItems");
    let longer = document(LIMIT - own);
    let refused = try_write(&scene.store, vec![put("v", "k", &longer)]).await;
    let error = refused.expect_err("a document over the limit");
    assert!(matches!(error, Error::Encode { .. }), "{error:?}");
    let said = error.with_causes();
    assert!(said.contains("\"k\"") && said.contains("409600"), "{said}");
    assert_eq!(scene.faults.requests("TransactWriteItems"), before, "it was sent");
    assert_eq!(get(&scene.store, "v", &["k"]).await, [Some(longest)]);
}

#[tokio::test]
async fn documents_expire_by_the_field_that_the_view_names() {
    let scene = Scene::new().await;
    let documents = [
        ("a", r#"{"expires":1893456000}"#, Some("1893456000")),
        ("b", r#"{"expires":1893456000.75}"#, Some("1893456000")),
        ("c", r#"{"expires":"1893456000"}"#, None),
        ("d", r#"{"other":1893456000}"#, None),
        ("e", r#"{"expires":null}"#, None),
    ];
    // A rebuild becomes the view itself.
    for name in ["carts", "carts_rebuild"] {
        let schema =
            ViewSchema { name: view(name), indexed_fields: &[], expires_by: Some("expires") };
        scene.store.prepare(&schema).await.expect("the view can be prepared");
        write(&scene.store, documents.map(|(key, json, _)| put(name, key, json)).into()).await;
        let generation = AttributeValue::S(scene.generation(name).await);
        let items = scene.items("carts").await;
        for (key, json, expected) in documents {
            let key = AttributeValue::S(key.into());
            let is_it = |item: &&crate::scene::Item| {
                item["es_key"] == key && item["es_generation"] == generation
            };
            let item = items.iter().find(is_it).expect("the document is in the table");
            let expires_at = item.get("es_expires_at").map(|at| at.as_n().expect("a number"));
            assert_eq!(expires_at.map(String::as_str), expected, "{json} in {name}");
        }
    }
    let described = scene.client.describe_time_to_live().table_name(scene.table("carts"));
    let described = described.send().await.expect("the table can be described");
    let expiry = described.time_to_live_description.expect("a description");
    assert_eq!(expiry.time_to_live_status(), Some(&TimeToLiveStatus::Enabled));
    assert_eq!(expiry.attribute_name(), Some("es_expires_at"));
}

#[tokio::test]
async fn views_that_do_not_expire_keep_their_fields_for_themselves() {
    let scene = Scene::new().await;
    prepare(&scene.store, "orders", &[]).await;
    write(&scene.store, vec![put("orders", "a", r#"{"expires":1}"#)]).await;
    assert!(!scene.items("orders").await[0].contains_key("es_expires_at"));
}

#[tokio::test]
async fn values_that_are_too_long_for_a_key_are_listed_apart() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &["status"]).await;
    let long = "x".repeat(5_000);
    let values = [long.clone(), format!("{long}y"), format!("{long}z"), "x".repeat(2_031)];
    for (n, value) in values.iter().enumerate() {
        let document = serde_json::json!({ "status": value }).to_string();
        write(&scene.store, vec![put("v", &n.to_string(), &document)]).await;
    }
    for (n, value) in values.iter().enumerate() {
        assert_eq!(keys_by(&scene.store, "v", "status", value).await, [n.to_string()]);
    }
}

#[tokio::test]
async fn listings_of_many_large_documents_take_several_pages() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &["status"]).await;
    let document = |n: usize| {
        format!("{{\"n\":{n},\"status\":\"open\",\"text\":\"{}\"}}", "x".repeat(150_000))
    };
    let expected: Vec<_> = (0..20).map(|n| (format!("{n:02}"), document(n))).collect();
    for (key, document) in &expected {
        write(&scene.store, vec![put("v", key, document)]).await;
    }
    let open = ViewQuery::default().equals("status", "open");
    for query in [ViewQuery::default(), open] {
        let before = scene.faults.requests("Query");
        assert!(list(&scene.store, "v", &query).await == expected, "{query:?}");
        assert!(scene.faults.requests("Query") >= before + 3, "3 MB in one page");
        assert!(list(&scene.store, "v", &query.limit(11)).await == expected[..11]);
    }
}

#[tokio::test]
async fn a_document_that_was_changed_by_hand_is_damaged() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &[]).await;
    write(&scene.store, vec![put("v", "a", r#"{"n":1}"#)]).await;
    let update = scene
        .client
        .update_item()
        .table_name(scene.table("v"))
        .key("es_generation", AttributeValue::S(scene.generation("v").await))
        .key("es_key", AttributeValue::S("a".into()))
        .update_expression("SET n = :n")
        .expression_attribute_values(":n", AttributeValue::N("2".into()));
    update.send().await.expect("the table can be changed");
    use es_core::ViewStore as _;
    let read = scene.store.get(&crate::scene::view("v"), &["a"]).await;
    match read {
        Err(Error::Corrupt { what, .. }) => assert_eq!(what, "document \"a\" of view v"),
        read => panic!("no damage was found: {read:?}"),
    }
}
