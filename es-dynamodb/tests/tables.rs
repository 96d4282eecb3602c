//! Making the tables.

mod support;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use es_core::Error;
use serde_json::json;
use support::Server;
use support::faults::{Fault, Faults};

#[tokio::test]
async fn tables_are_made_once() {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let store = server.store_with(server.options(&prefix)).await;
    store.ensure_tables().await.expect("a second time changes nothing");
    let pages = server.dynamodb().list_tables().into_paginator().items().send();
    let listed: Vec<_> = pages.try_collect().await.expect("tables can be listed");
    let ours: Vec<_> = listed.iter().filter(|name| name.starts_with(&prefix)).collect();
    assert_eq!(ours, [&format!("{prefix}events"), &format!("{prefix}state")]);
}

#[tokio::test]
async fn missing_tables_are_named() {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let store = server.options(&prefix).with_clients(server.dynamodb(), server.streams());
    let store = store.expect("valid options");
    let names = ["events", "state"].map(|table| format!("{prefix}{table}"));
    assert_eq!(store.missing_tables().await.expect("the server answers"), names);
    store.ensure_tables().await.expect("tables can be made");
    assert_eq!(store.missing_tables().await.expect("the server answers"), [""; 0]);
    let deleted = server.dynamodb().delete_table().table_name(&names[1]).send().await;
    deleted.expect("a table can be deleted");
    assert_eq!(store.missing_tables().await.expect("the server answers"), names[1..]);
}

#[tokio::test]
async fn tables_that_are_there_are_not_asked_for() {
    let server = Server::start().await;
    let faults = Faults::none();
    let store = server.store_behind(&faults).await;
    store.ensure_tables().await.expect("they are there");
    let asked = ["CreateTable", "UpdateTimeToLive"].map(|operation| faults.requests(operation));
    assert_eq!(asked, [0, 0], "roles that may not make tables can still look at them");
}

#[tokio::test]
async fn two_programs_can_make_the_tables_at_once() {
    let server = Server::start().await;
    let rival = server.options(&Server::prefix());
    for operation in ["CreateTable", "UpdateTimeToLive"] {
        let options = server.options(&Server::prefix());
        let rival = options.clone().with_clients(server.dynamodb(), server.streams());
        let rival = rival.expect("valid options");
        let faults = Faults::none();
        let store = options.with_clients(faults.dynamodb(&server), faults.streams(&server));
        faults.before(operation, 1, async move {
            rival.ensure_tables().await.expect("the rival makes them first");
        });
        store.expect("valid options").ensure_tables().await.expect("they are there");
        assert!(faults.requests(operation) > 0, "the rival was in between");
    }
    let stores = (0..4).map(|_| server.store_with(rival.clone()));
    futures::future::join_all(stores).await;
}

#[tokio::test]
async fn making_tables_gets_over_faults_that_pass() {
    let server = Server::start().await;
    for seed in 0..20 {
        let faults = Faults::seeded(seed).with_rates(Fault::PASSING, 0.1);
        let options = server.options(&Server::prefix());
        let store = options.with_clients(faults.dynamodb(&server), faults.streams(&server));
        let store = store.expect("valid options");
        while let Err(error) = store.ensure_tables().await {
            assert!(error.is_transient(), "{error:?}");
        }
        faults.stop();
        store.ensure_tables().await.expect("they are there, as they should be");
    }
}

#[tokio::test]
async fn tables_are_encrypted_with_the_key_that_is_asked_for() {
    let server = Server::start().await;
    let key = "alias/pharmacy";
    for (options, expected) in [
        (server.options(&Server::prefix()), json!(null)),
        (
            server.options(&Server::prefix()).encryption_key(key),
            json!({ "Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": key }),
        ),
    ] {
        let faults = Faults::none();
        let store = options.with_clients(faults.dynamodb(&server), faults.streams(&server));
        store.expect("valid options").ensure_tables().await.expect("they can be made");
        let sent = faults.sent();
        let creations: Vec<_> = sent.iter().filter(|it| it.operation == "CreateTable").collect();
        assert_eq!(creations.len(), 2);
        assert!(creations.iter().all(|it| it.body["SSESpecification"] == expected));
    }
}

/// A table of this name that another program has made.
async fn foreign_table(
    server: &Server,
    name: &str,
    sort_key: &str,
    stream: Option<StreamViewType>,
) {
    let mut request =
        server.dynamodb().create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (name, role) in [("pk", KeyType::Hash), (sort_key, KeyType::Range)] {
        let kind = if name == "sk" { ScalarAttributeType::N } else { ScalarAttributeType::S };
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
        let key = KeySchemaElement::builder().attribute_name(name).key_type(role);
        request = request
            .attribute_definitions(attribute.build().expect("complete"))
            .key_schema(key.build().expect("complete"));
    }
    if let Some(view) = stream {
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(view);
        request = request.stream_specification(stream.build().expect("complete"));
    }
    request.send().await.expect("the table can be made");
}

async fn misuse(server: &Server, prefix: &str) -> String {
    let store = server.options(prefix).with_clients(server.dynamodb(), server.streams());
    match store.expect("valid options").ensure_tables().await {
        Err(Error::Misuse(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_table_of_another_layout_is_refused_with_what_differs() {
    let server = Server::start().await;
    for (sort_key, stream, difference) in [
        (
            "version",
            Some(StreamViewType::NewImage),
            "its key is pk (S, HASH), version (S, RANGE), not pk (S, HASH), sk (N, RANGE)",
        ),
        ("sk", None, "it has no stream, and the feed needs one with NEW_IMAGE"),
        (
            "sk",
            Some(StreamViewType::KeysOnly),
            "its stream has KEYS_ONLY, and the feed needs NEW_IMAGE",
        ),
    ] {
        let prefix = Server::prefix();
        foreign_table(&server, &format!("{prefix}events"), sort_key, stream).await;
        assert_eq!(
            misuse(&server, &prefix).await,
            format!(
                "table {prefix}events has another layout: {difference}; choose another prefix, or \
                 another table"
            )
        );
    }
    // More than is needed does no harm.
    let prefix = Server::prefix();
    let both = Some(StreamViewType::NewAndOldImages);
    foreign_table(&server, &format!("{prefix}events"), "sk", both).await;
    server.store_with(server.options(&prefix)).await;
}

#[tokio::test]
async fn a_table_that_expires_by_another_attribute_is_refused() {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let state = format!("{prefix}state");
    server.store_with(server.options(&prefix)).await;
    for (enabled, attribute) in [(false, "es_expires_at"), (true, "deleted_at")] {
        let expiry = TimeToLiveSpecification::builder().enabled(enabled).attribute_name(attribute);
        let expiry = expiry.build().expect("complete");
        let set = server.dynamodb().update_time_to_live().table_name(&state);
        set.time_to_live_specification(expiry).send().await.expect("it can be set");
    }
    assert_eq!(
        misuse(&server, &prefix).await,
        format!(
            "table {state} has another layout: its time to live goes by deleted_at, not by \
             es_expires_at"
        )
    );
}
