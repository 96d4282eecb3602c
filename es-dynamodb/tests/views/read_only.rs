//! Stores that read views which other programs write.

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{Adoption, ConsumerId, Cost, Error, Result, ViewQuery, ViewSchema, ViewStore as _};
use es_dynamodb::DynamoStore;

use crate::scene::{
    Scene, beside_the_feed, consumer, get, keys_by, list_all, prepare, put, try_write, view, write,
};

async fn open(store: &DynamoStore, name: &str, fields: &'static [&'static str]) -> Result<()> {
    store.prepare(&ViewSchema { name: view(name), indexed_fields: fields, expires_by: None }).await
}

async fn try_list_by(store: &DynamoStore, field: &str) -> Result<()> {
    let query = ViewQuery::default().equals(field, "x");
    store.list(&view("v"), &query).await.map(drop)
}

/// The table is there, as a template has made it, and nobody has prepared the view.
async fn forget(scene: &Scene, name: &str) {
    let key = [("pk", format!("view#{name}")), ("sk", "pointer".to_owned())];
    let key = key.map(|(attribute, value)| (attribute.to_owned(), AttributeValue::S(value)));
    let remove = scene.client.delete_item().table_name(format!("{}state", scene.prefix));
    remove.set_key(Some(key.into())).send().await.expect("the pointer can be removed");
}

#[tokio::test]
async fn a_view_that_lacks_an_index_is_served_but_for_listing_by_it_until_its_writer_adds_it() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &["owner"]).await;
    let document = r#"{"owner":"x","status":"open"}"#;
    write(&scene.store, vec![put("v", "a", document), put("v", "b", "{}")]).await;
    let before = scene.pointer("v").await;

    let reading = scene.other.reading_views();
    let (opened, cost) = Cost::of(open(&reading, "v", &["owner", "status"])).await;
    opened.expect("the view is there");
    assert_eq!((cost.requests, cost.write_units), (1, 0.0));
    assert_eq!(scene.pointer("v").await, before, "a reader has changed it");
    assert_eq!(get(&reading, "v", &["a"]).await[0].as_deref(), Some(document));
    assert_eq!(list_all(&reading, "v").await.len(), 2);
    assert_eq!(keys_by(&reading, "v", "owner", "x").await, ["a"]);
    let lacking = try_list_by(&reading, "status").await;
    let Err(error @ Error::Unavailable { .. }) = lacking else { panic!("{lacking:?}") };
    let said = error.with_causes();
    for part in ["v", "lacks the index of \"status\"", "projector", "rebuild"] {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
    // Nobody in this program lists the view by that.
    let never = try_list_by(&reading, "color").await;
    assert!(matches!(never, Err(Error::Misuse(_))), "{never:?}");

    prepare(&scene.store, "v", &["owner", "status"]).await;
    assert_eq!(keys_by(&reading, "v", "status", "open").await, ["a"]);
}

#[tokio::test]
async fn a_view_that_nobody_has_written_has_no_documents_and_stays_as_it_is() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &["status"]).await;
    forget(&scene, "v").await;
    let reading = scene.other.reading_views();
    let unopened = reading.get(&view("v"), &["a"]).await;
    assert!(matches!(unopened, Err(Error::Misuse(_))), "{unopened:?}");

    open(&reading, "v", &["status"]).await.expect("its table is there");
    assert_eq!(get(&reading, "v", &["a", "b"]).await, [None, None]);
    assert_eq!(list_all(&reading, "v").await, []);
    try_list_by(&reading, "status").await.expect("there is nothing to list");
    let never = try_list_by(&reading, "color").await;
    assert!(matches!(never, Err(Error::Misuse(_))), "{never:?}");
    assert_eq!(scene.pointer("v").await, None, "a reader has prepared it");

    prepare(&scene.store, "v", &["status"]).await;
    write(&scene.store, vec![put("v", "a", r#"{"status":"x"}"#)]).await;
    assert_eq!(keys_by(&reading, "v", "status", "x").await, ["a"]);
    assert_eq!(get(&reading, "v", &["a"]).await.len(), 1);
}

#[tokio::test]
async fn a_view_whose_table_is_missing_is_no_empty_view() {
    let scene = Scene::new().await;
    let missing = open(&scene.other.reading_views(), "v", &[]).await;
    let Err(error @ Error::Backend { .. }) = missing else { panic!("{missing:?}") };
    assert!(error.with_causes().contains(&scene.table("v")), "{error:?}");
}

#[tokio::test]
async fn who_only_reads_views_writes_none() {
    let scene = Scene::new().await;
    for name in ["v", "v_rebuild"] {
        prepare(&scene.store, name, &[]).await;
    }
    write(&scene.store, vec![put("v", "a", "{}")]).await;
    let reading = scene.store.reading_views();
    let adoption = Adoption {
        from: ConsumerId::new("orders_v2").expect("a valid name"),
        to: consumer(),
        based_on: Vec::new(),
        backwards: false,
        replaces_dead_letters: false,
    };
    let refused = [
        try_write(&reading, vec![put("v", "b", "{}")]).await,
        reading.clear(&view("v"), &consumer()).await,
        reading.swap(&view("v_rebuild"), &view("v"), &adoption).await.map(drop),
    ];
    for refused in refused {
        let Err(Error::Misuse(said)) = refused else { panic!("{refused:?}") };
        assert!(said.contains("only reads views"), "{said}");
    }
    assert_eq!(list_all(&scene.other, "v").await.len(), 1);
    // The rest of the store is as it was, and so is the store that it came from.
    scene.store.write(vec![put("v", "b", "{}")], beside_the_feed()).await.expect("it writes");
    assert_eq!(list_all(&reading, "v").await.len(), 2);
}
