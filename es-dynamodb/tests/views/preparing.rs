//! Tables, indexes, and what becomes of documents that are older than an index.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use es_core::memory::MemoryStore;
use es_core::{Cost, Error, Projection, Repository, ViewQuery, ViewSchema, ViewStore as _};
use es_dynamodb::{DynamoStore, TableCreation};
use serde_json::{Value, json};

use crate::doc::{Account, AccountCommand, Statements};
use crate::scene::{Scene, keys_by, list_all, prepare, put, view, write};
use crate::support::faults::Fault;

async fn try_prepare(
    store: &DynamoStore,
    name: &str,
    fields: &'static [&'static str],
) -> Result<(), Error> {
    store.prepare(&ViewSchema { name: view(name), indexed_fields: fields, expires_by: None }).await
}

/// A store on the same tables that may not make any.
fn that_makes_none(scene: &Scene) -> DynamoStore {
    let options = scene.server.options(&scene.prefix).table_creation(TableCreation::Never);
    let (dynamodb, streams) = (scene.server.dynamodb(), scene.server.streams());
    options.with_clients(dynamodb, streams).expect("valid options")
}

fn assert_says(error: &Error, parts: &[&str]) {
    assert!(matches!(error, Error::Backend { .. }), "{error:?}");
    let said = error.with_causes();
    for part in parts {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
}

#[tokio::test]
async fn a_missing_table_is_named_where_none_may_be_made() {
    let scene = Scene::new().await;
    let store = that_makes_none(&scene);
    let error = try_prepare(&store, "v", &["status"]).await.expect_err("there is no table");
    assert_says(&error, &[&scene.table("v"), "CloudFormation"]);
    assert_eq!(scene.pointer("v").await, None, "the view counts as prepared");
    prepare(&scene.other, "v", &["status"]).await;
    prepare(&store, "v", &["status"]).await;
}

#[tokio::test]
async fn a_missing_index_is_named_where_none_may_be_made() {
    let scene = Scene::new().await;
    let store = that_makes_none(&scene);
    prepare(&scene.store, "v", &["status"]).await;
    let before = scene.pointer("v").await;
    for name in ["v", "v_rebuild"] {
        let error = try_prepare(&store, name, &["status", "owner"]).await;
        let error = error.expect_err("there is no index");
        assert_says(&error, &[&scene.table("v"), "by_owner", "CloudFormation"]);
        assert!(!error.with_causes().contains("by_status"), "{error:?}");
    }
    assert_eq!(scene.pointer("v").await, before);
    prepare(&scene.other, "v", &["status", "owner"]).await;
    prepare(&store, "v_rebuild", &["status", "owner"]).await;
}

/// Lets indexes look as AWS shows them for as long as they are filled. Local servers fill them at once.
#[derive(Debug, Clone)]
struct Filling {
    real: SharedHttpConnector,
    is_over: Arc<AtomicBool>,
}

impl HttpConnector for Filling {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { real, is_over } = self.clone();
        HttpConnectorFuture::new(async move {
            let mut answer = real.call(request).await?;
            let body = ByteStream::new(answer.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?.to_vec();
            let mut said: Value =
                serde_json::from_slice(&body).expect("DynamoDB's answers are JSON");
            let indexes = said.pointer_mut("/Table/GlobalSecondaryIndexes");
            if !is_over.load(Ordering::Relaxed)
                && let Some(Value::Array(indexes)) = indexes
            {
                indexes.iter_mut().for_each(|index| index["IndexStatus"] = json!("CREATING"));
            }
            let text = said.to_string();
            // Both are of the body that was.
            answer.headers_mut().remove("x-amz-crc32");
            answer.headers_mut().insert("content-length", text.len().to_string());
            *answer.body_mut() = SdkBody::from(text);
            Ok(answer)
        })
    }
}

#[tokio::test]
async fn an_index_that_is_being_made_elsewhere_is_waited_for() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &["status"]).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_over);
    let http = http_client_fn(move |settings, components| {
        let real = Builder::new().build_http().http_connector(settings, components);
        SharedHttpConnector::new(Filling { real, is_over: Arc::clone(&seen) })
    });
    let client = scene.server.dynamodb().config().to_builder().http_client(http).build();
    let client = aws_sdk_dynamodb::Client::from_conf(client);
    let options = scene.server.options(&scene.prefix).table_creation(TableCreation::Never);
    let store = options.with_clients(client, scene.server.streams()).expect("valid options");
    let error = try_prepare(&store, "v_rebuild", &["status"]).await;
    let Err(error @ Error::Unavailable { .. }) = error else { panic!("{error:?}") };
    assert!(error.with_causes().contains("by_status"), "{error:?}");
    assert_eq!(scene.pointer("v_rebuild").await, None, "readers would be refused");
    is_over.store(true, Ordering::Relaxed);
    prepare(&store, "v_rebuild", &["status"]).await;
}

#[tokio::test]
async fn an_index_of_that_name_that_is_another_one_is_left_alone() {
    let scene = Scene::new().await;
    let attribute = |name: &str| {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(ScalarAttributeType::S).build().expect("an attribute")
    };
    let key = |name: &str, role| {
        let key = KeySchemaElement::builder().attribute_name(name).key_type(role);
        key.build().expect("a key")
    };
    let index = aws_sdk_dynamodb::types::GlobalSecondaryIndex::builder()
        .index_name("by_status")
        .key_schema(key("status", KeyType::Hash))
        .projection(
            aws_sdk_dynamodb::types::Projection::builder()
                .projection_type(aws_sdk_dynamodb::types::ProjectionType::KeysOnly)
                .build(),
        );
    let create = scene
        .client
        .create_table()
        .table_name(scene.table("v"))
        .billing_mode(aws_sdk_dynamodb::types::BillingMode::PayPerRequest)
        .attribute_definitions(attribute("es_generation"))
        .attribute_definitions(attribute("es_key"))
        .attribute_definitions(attribute("status"))
        .key_schema(key("es_generation", KeyType::Hash))
        .key_schema(key("es_key", KeyType::Range))
        .global_secondary_indexes(index.build().expect("an index"));
    create.send().await.expect("the table can be made");
    let error = try_prepare(&scene.store, "v", &["status"]).await.expect_err("another index");
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
    assert!(error.to_string().contains("by_status"), "{error}");
}

#[tokio::test]
async fn fields_without_plain_names_are_refused() {
    let scene = Scene::new().await;
    let refused = try_prepare(&scene.store, "v", &["status", "a.b"]).await;
    assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
    assert_eq!(scene.pointer("v").await, None);
}

#[tokio::test]
async fn preparing_again_is_one_read() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &["status", "owner"]).await;
    let before = scene.faults.all_requests();
    let (_, cost) = Cost::of(prepare(&scene.store, "v", &["owner"])).await;
    assert_eq!((cost.requests, cost.read_units, cost.write_units), (1, 1.0, 0.0));
    assert_eq!(scene.faults.all_requests(), before + 1);
}

const STATUSES: [&str; 3] = ["open", "done", "gone"];

/// More documents than are read at a time.
async fn write_many(scene: &Scene, name: &str) {
    let document = |n: usize| {
        let status = STATUSES[n % 3];
        format!("{{\"n\":{n},\"status\":\"{status}\",\"owner\":\"{}\"}}", n % 2)
    };
    let changes = (0..230).map(|n| put(name, &format!("{n:03}"), &document(n)));
    write(&scene.store, changes.collect()).await;
}

/// The keys of the documents whose number leaves this rest.
fn keys(divided_by: usize, rest: usize) -> Vec<String> {
    (rest..230).step_by(divided_by).map(|n| format!("{n:03}")).collect()
}

#[tokio::test]
async fn documents_that_were_there_before_are_put_into_a_new_index() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &["owner"]).await;
    write_many(&scene, "v").await;
    write(&scene.store, vec![put("v", "x", "{}"), put("v", "y", r#"{"status":1}"#)]).await;
    let before = list_all(&scene.store, "v").await;
    prepare(&scene.store, "v", &["status"]).await;
    for (rest, status) in STATUSES.iter().enumerate() {
        assert_eq!(keys_by(&scene.store, "v", "status", status).await, keys(3, rest));
    }
    assert_eq!(keys_by(&scene.store, "v", "owner", "1").await, keys(2, 1));
    assert!(list_all(&scene.store, "v").await == before, "documents have changed");
}

#[tokio::test]
async fn an_index_that_is_not_filled_yet_is_not_used() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &[]).await;
    write_many(&scene, "v").await;
    for nth in 100..1_000 {
        scene.faults.at("UpdateItem", nth, Fault::Throttled);
    }
    let failed = try_prepare(&scene.store, "v", &["status"]).await;
    assert!(matches!(failed, Err(Error::Unavailable { .. })), "{failed:?}");
    scene.faults.stop();
    let open = ViewQuery::default().equals("status", "open");
    for store in [&scene.store, &scene.other] {
        let listed = store.list(&view("v"), &open).await;
        assert!(matches!(listed, Err(Error::Misuse(_))), "{listed:?}");
    }
    // What is written meanwhile is in it.
    write(&scene.other, vec![put("v", "x", r#"{"status":"open"}"#)]).await;
    prepare(&scene.other, "v", &["status"]).await;
    let expected: Vec<String> = keys(3, 0).into_iter().chain(["x".to_owned()]).collect();
    assert_eq!(keys_by(&scene.store, "v", "status", "open").await, expected);
}

#[tokio::test]
async fn writers_with_an_earlier_schema_keep_indexes_of_a_later_one() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &["status"]).await;
    write(&scene.store, vec![put("v", "a", r#"{"owner":"x"}"#)]).await;
    prepare(&scene.other, "v", &["owner"]).await;
    write(&scene.store, vec![put("v", "b", r#"{"owner":"x","status":"open"}"#)]).await;
    assert_eq!(keys_by(&scene.other, "v", "owner", "x").await, ["a", "b"]);
    assert_eq!(keys_by(&scene.other, "v", "status", "open").await, ["b"]);
    assert_eq!(keys_by(&scene.store, "v", "owner", "x").await, ["a", "b"]);
}

#[tokio::test]
async fn a_document_that_changes_while_it_is_indexed_keeps_its_new_value() {
    let scene = Scene::new().await;
    prepare(&scene.store, "v", &[]).await;
    let changes = ["a", "b"].map(|key| put("v", key, r#"{"status":"open"}"#));
    write(&scene.store, changes.into()).await;
    let other = scene.other.clone();
    scene.faults.before("UpdateItem", 1, async move {
        let changes = ["a", "b"].map(|key| put("v", key, r#"{"status":"done"}"#));
        write(&other, changes.into()).await;
    });
    prepare(&scene.store, "v", &["status"]).await;
    assert_eq!(keys_by(&scene.store, "v", "status", "open").await, [] as [&str; 0]);
    assert_eq!(keys_by(&scene.store, "v", "status", "done").await, ["a", "b"]);
}

#[tokio::test]
async fn a_projection_that_nobody_prepared_takes_what_is_pushed_in_tables_that_a_template_made() {
    let scene = Scene::new().await;
    // A template makes the table of the view, and nothing in it.
    prepare(&scene.store, "statements_v1", &[]).await;
    let key = [("pk", "view#statements_v1"), ("sk", "pointer")];
    let key = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
    let remove = scene.client.delete_item().table_name(format!("{}state", scene.prefix));
    remove.set_key(Some(key.into())).send().await.expect("the pointer can be removed");
    let log = Arc::new(MemoryStore::new());
    let accounts = Repository::<Account>::new(log.clone());
    let credited = accounts.execute("a-1", AccountCommand::Credit(5)).await;
    let commit = credited.expect("nothing is against it").commit().expect("a commit").clone();

    let views = Arc::new(that_makes_none(&scene));
    let made = async { Projection::new(Statements, log.clone(), log, views) };
    let (statements, cost) = Cost::of(made).await;
    let statements = statements.expect("a valid name");
    assert_eq!(cost.requests, 0);
    let pushed = statements.push(vec![commit], Duration::from_secs(60)).await;
    assert_eq!((pushed.applied, pushed.left.len()), (1, 0), "{:?}", pushed.error);
    let statement = statements.view().get("a-1").await.expect("it can be read");
    assert_eq!(statement.expect("it is there").balance, 5);
}
