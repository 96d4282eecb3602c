//! The CloudFormation templates describe the tables that the library makes.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use es_core::{Error, ViewName, ViewSchema, ViewStore as _};
use es_dynamodb::cloudformation_template;
use serde_json::{Value, json};
use support::Server;
use support::faults::Faults;

fn view(name: &str, indexed_fields: &'static [&'static str]) -> ViewSchema {
    ViewSchema {
        name: ViewName::new(name).expect("a valid name"),
        indexed_fields,
        expires_by: None,
    }
}

fn template(views: &[ViewSchema]) -> Value {
    let text = cloudformation_template(views).expect("views with names of their own");
    serde_json::from_str(&text).expect("a template is JSON")
}

/// The tables that a template describes, by name, as the requests that would make them.
fn described(template: &Value, prefix: &str) -> BTreeMap<String, Value> {
    let resources = template["Resources"].as_object().expect("resources");
    let tables = resources.values().map(|resource| {
        assert_eq!(resource["Type"], "AWS::DynamoDB::Table");
        assert_eq!(resource["DeletionPolicy"], "Retain", "the log outlives its stack");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain");
        let mut table = resource["Properties"].clone();
        let name = table["TableName"]["Fn::Sub"].as_str().expect("a name from the prefix");
        let name = name.replace("${Prefix}", prefix);
        table["TableName"] = json!(name);
        // CloudFormation has a stream by its being there.
        if let Some(stream) = table.get_mut("StreamSpecification") {
            stream["StreamEnabled"] = json!(true);
        }
        // What is used when there is an encryption key, and when there is none.
        let encryption = table["SSESpecification"]["Fn::If"].take();
        assert_eq!(encryption[0], "HasEncryptionKey");
        assert_eq!(encryption[2], json!({ "Ref": "AWS::NoValue" }));
        table["SSESpecification"] = json!({
            "Enabled": encryption[1]["SSEEnabled"],
            "SSEType": encryption[1]["SSEType"],
            "KMSMasterKeyId": encryption[1]["KMSMasterKeyId"]["Ref"],
        });
        (name, table)
    });
    tables.collect()
}

/// The tables that a store has made, by name: what it asked for, put together.
fn made(faults: &Faults) -> BTreeMap<String, Value> {
    let mut tables = BTreeMap::new();
    for sent in faults.sent() {
        let name = sent.body["TableName"].as_str().unwrap_or_default().to_owned();
        let table = tables.entry(name).or_insert_with(|| json!({}));
        let parts: &[&str] = match sent.operation.as_str() {
            "CreateTable" => {
                let Value::Object(body) = sent.body else { panic!("requests are objects") };
                table.as_object_mut().expect("an object").extend(body);
                continue;
            }
            "UpdateContinuousBackups" => &["PointInTimeRecoverySpecification"],
            "UpdateTimeToLive" => &["TimeToLiveSpecification"],
            _ => continue,
        };
        for part in parts {
            table[part] = sent.body[part].clone();
        }
    }
    tables
}

#[tokio::test]
async fn the_template_has_the_tables_that_the_library_makes() {
    let server = Server::start().await;
    let faults = Faults::none();
    let prefix = Server::prefix();
    let options = server.options(&prefix).encryption_key("EncryptionKey");
    let store = options.with_clients(faults.dynamodb(&server), faults.streams(&server));
    let store = store.expect("valid options");
    store.ensure_tables().await.expect("they can be made");
    assert_eq!(described(&template(&[]), &prefix), made(&faults));

    let views = [view("patient_cards", &["ward", "physician"]), view("beds", &[])];
    for view in &views {
        store.prepare(view).await.expect("it can be made");
    }
    assert_eq!(described(&template(&views), &prefix), made(&faults));
}

/// Compares a template in the repository, or writes it where `ES_ACCEPT_SCHEMA` is 1.
fn check_file(name: &str, template: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cloudformation").join(name);
    if std::env::var_os("ES_ACCEPT_SCHEMA").is_some_and(|accept| accept == "1") {
        std::fs::write(&path, format!("{template:#}\n")).expect("the file can be written");
    }
    let text = std::fs::read_to_string(&path).expect("the file is in the repository");
    let file: Value = serde_json::from_str(&text).expect("a template is JSON");
    assert_eq!(&file, template, "{name}: write it with ES_ACCEPT_SCHEMA=1");
}

#[test]
fn the_templates_in_the_repository_are_those_that_are_rendered() {
    check_file("tables.json", &template(&[]));
    check_file("tables-with-view.json", &template(&[view("patient_cards", &["ward"])]));
}

#[test]
fn an_indexed_field_of_a_view_is_an_index_of_its_table() {
    let template = template(&[view("patient_cards", &["ward", "physician"])]);
    let table = &template["Resources"]["ViewPatientCardsTable"]["Properties"];
    let names: Vec<_> =
        (0..2).map(|at| &table["GlobalSecondaryIndexes"][at]["IndexName"]).collect();
    assert_eq!(names, ["by_ward", "by_physician"]);
    let keys: Vec<_> = table["AttributeDefinitions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|attribute| attribute["AttributeName"].as_str().expect("a name"))
        .collect();
    assert_eq!(keys, ["es_generation", "es_key", "es_by_ward", "es_by_physician"]);
}

#[test]
fn views_that_have_no_place_in_a_template_are_refused() {
    let refused = cloudformation_template(&[view("beds", &["by ward"])]);
    assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
    for (one, other) in [("cards", "cards"), ("cards", "cards_"), ("a_b", "a__b")] {
        let refused = cloudformation_template(&[view(one, &[]), view(other, &[])]);
        assert!(matches!(refused, Err(Error::Misuse(_))), "{one} and {other}: {refused:?}");
    }
}
