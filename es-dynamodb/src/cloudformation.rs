//! The tables as a CloudFormation template.

use es_core::{Error, Result, ViewSchema};
use serde_json::{Map, Value, json};

use crate::tables::{IndexDefinition, TableDefinition, TableNames};
use crate::views::check_field;

/// The tables of an application as a CloudFormation template in JSON: those of the log and the state,
/// and one for each of `views`. They are the tables that
/// [`ensure_tables`](crate::DynamoStore::ensure_tables) and the preparation of the views make.
///
/// Its parameters are `Prefix`, the [prefix](crate::DynamoStore::builder) of the tables' names, and
/// `EncryptionKey`, the key of KMS that they are encrypted with; without it, it is DynamoDB's own. When
/// the stack goes, the tables stay. Its outputs are the ARNs of the tables and of the stream of the log,
/// for policies and other stacks: `EventsTableArn`, `EventsStreamArn`, `StateTableArn`, and
/// `ViewPatientCardsTableArn` for a view `patient_cards`.
///
/// The repository has a template without views as `es-dynamodb/cloudformation/tables.json`, and one
/// with a view that has an indexed field as `tables-with-view.json` beside it.
///
/// CloudFormation adds one index to a table that exists per update of the stack: deploy several new
/// indexed fields of one view one after the other. New tables have all of theirs at once.
///
/// # Errors
///
/// [`Error::Misuse`] for a field that cannot be indexed, and when two views have the same table, or names
/// that differ in underscores only.
///
/// ```
/// use es_core::{ViewName, ViewSchema};
///
/// # fn main() -> es_core::Result<()> {
/// let cards = ViewSchema { name: ViewName::new("patient_cards")?, indexed_fields: &["ward"], expires_by: None };
/// let template = es_dynamodb::cloudformation_template(&[cards])?;
/// assert!(template.contains(r#""Fn::Sub": "${Prefix}view_patient_cards""#));
/// # Ok(()) }
/// ```
pub fn cloudformation_template(views: &[ViewSchema]) -> Result<String> {
    let names = TableNames::new("")?;
    let mut template = Template::default();
    template.add("EventsTable", &names.events_definition());
    let stream = json!({ "Fn::GetAtt": ["EventsTable", "StreamArn"] });
    template.outputs.insert("EventsStreamArn".to_owned(), json!({ "Value": stream }));
    template.add("StateTable", &names.state_definition());
    for view in views {
        for field in view.indexed_fields {
            check_field(&view.name, field)?;
        }
        let resource = format!("View{}Table", camel_case(view.name.as_str()));
        if template.resources.contains_key(&resource) {
            return Err(Error::Misuse(format!(
                "a template has one resource {resource}, which view {} and another one would have",
                view.name
            )));
        }
        template.add(&resource, &names.view_definition(&view.name, view.indexed_fields));
    }
    Ok(template.render())
}

#[derive(Default)]
struct Template {
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
}

impl Template {
    fn add(&mut self, resource: &str, table: &TableDefinition) {
        let arn = json!({ "Fn::GetAtt": [resource, "Arn"] });
        self.outputs.insert(format!("{resource}Arn"), json!({ "Value": arn }));
        self.resources.insert(
            resource.to_owned(),
            json!({
                "Type": "AWS::DynamoDB::Table",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": properties(table),
            }),
        );
    }

    fn render(self) -> String {
        let template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": "The tables of an event-sourced application.",
            "Parameters": {
                "Prefix": {
                    "Description": "What the names of the tables begin with.",
                    "Type": "String",
                    "Default": "",
                    "AllowedPattern": "[A-Za-z0-9_.-]*",
                    "MaxLength": TableNames::MAX_PREFIX_LEN,
                },
                "EncryptionKey": {
                    "Description": "ARN, id or alias of the KMS key that the tables are encrypted with. Empty: the key that DynamoDB owns.",
                    "Type": "String",
                    "Default": "",
                },
            },
            "Conditions": {
                "HasEncryptionKey": { "Fn::Not": [{ "Fn::Equals": [{ "Ref": "EncryptionKey" }, ""] }] },
            },
            "Resources": self.resources,
            "Outputs": self.outputs,
        });
        format!("{template:#}\n")
    }
}

fn properties(table: &TableDefinition) -> Value {
    let keys: Vec<_> = table
        .key_attributes()
        .map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind.as_str() }))
        .collect();
    let mut properties = json!({
        "TableName": { "Fn::Sub": format!("${{Prefix}}{}", table.name) },
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": keys,
        "KeySchema": key_schema(table.partition_key.name, table.sort_key.name),
        "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true },
        "SSESpecification": {
            "Fn::If": [
                "HasEncryptionKey",
                {
                    "SSEEnabled": true,
                    "SSEType": "KMS",
                    "KMSMasterKeyId": { "Ref": "EncryptionKey" },
                },
                { "Ref": "AWS::NoValue" },
            ],
        },
    });
    if !table.indexes.is_empty() {
        let indexes: Vec<_> = table.indexes.iter().map(index_properties).collect();
        properties["GlobalSecondaryIndexes"] = indexes.into();
    }
    if table.has_stream {
        properties["StreamSpecification"] = json!({ "StreamViewType": "NEW_IMAGE" });
    }
    if let Some(attribute) = table.expires_by {
        properties["TimeToLiveSpecification"] =
            json!({ "AttributeName": attribute, "Enabled": true });
    }
    properties
}

fn index_properties(index: &IndexDefinition) -> Value {
    json!({
        "IndexName": index.name,
        "KeySchema": key_schema(&index.partition_key, index.sort_key),
        "Projection": { "ProjectionType": "ALL" },
    })
}

fn key_schema(partition_key: &str, sort_key: &str) -> Value {
    json!([
        { "AttributeName": partition_key, "KeyType": "HASH" },
        { "AttributeName": sort_key, "KeyType": "RANGE" },
    ])
}

/// As CloudFormation's names of resources have letters and digits only: `PatientCards`.
fn camel_case(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}
