//! The data stream as a CloudFormation template.

use es_core::{Error, Result};
use serde_json::{Map, Value, json};

use crate::data_stream::{MAX_NAME_LEN, check_name};
use crate::options::{AWS_MANAGED_KEY, DEFAULT_RETENTION_HOURS};

/// A data stream as a CloudFormation template in JSON, with a registered consumer of enhanced fan-out for
/// each of `consumers`, as [`fan_out`](crate::KinesisFeed::fan_out) names them. It is the stream that
/// [`ensure`](crate::DataStream::ensure) makes.
///
/// Its parameters are
///
/// - `StreamName`;
/// - `Shards`: 0, the default, lets it be on demand;
/// - `RetentionHours`, how long it keeps records: 24 by default. A consumer that stands still for longer has
///   to begin its view again from the log;
/// - `EncryptionKey`, the key of KMS that it is encrypted with, by default the one that AWS manages for
///   Kinesis in the account.
///
/// When the stack goes, the stream stays, with what no consumer has read yet. Its outputs are `StreamName`
/// and `StreamArn`, and `ConsumerPatientCardsArn` for a consumer `patient-cards`.
///
/// The repository has the template without consumers as `es-kinesis/cloudformation/stream.json`.
///
/// # Errors
///
/// [`Error::InvalidId`] for a name that no consumer can have, and [`Error::Misuse`] when the names of two
/// consumers do not differ in letters and digits.
///
/// ```
/// # fn main() -> es_core::Result<()> {
/// let template = es_kinesis::cloudformation_template(&["patient-cards"])?;
/// assert!(template.contains(r#""ConsumerName": "patient-cards""#));
/// # Ok(()) }
/// ```
pub fn cloudformation_template(consumers: &[&str]) -> Result<String> {
    let mut resources = Map::new();
    let mut outputs = Map::new();
    resources.insert(STREAM.to_owned(), stream());
    outputs.insert("StreamName".to_owned(), json!({ "Value": { "Ref": STREAM } }));
    outputs.insert("StreamArn".to_owned(), json!({ "Value": arn_of_stream() }));
    for name in consumers {
        check_name("consumer of a data stream", name)?;
        let resource = format!("Consumer{}", camel_case(name));
        if resources.contains_key(&resource) {
            return Err(Error::Misuse(format!(
                "a template has one resource {resource}, which consumer {name} and another one would have"
            )));
        }
        // What CloudFormation calls a consumer by is its ARN.
        outputs.insert(format!("{resource}Arn"), json!({ "Value": { "Ref": resource } }));
        resources.insert(resource, consumer(name));
    }
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The data stream of an event-sourced application.",
        "Parameters": parameters(),
        "Conditions": { "IsOnDemand": { "Fn::Equals": [{ "Ref": "Shards" }, "0"] } },
        "Resources": resources,
        "Outputs": outputs,
    });
    Ok(format!("{template:#}\n"))
}

const STREAM: &str = "Stream";

fn parameters() -> Value {
    json!({
        "StreamName": {
            "Description": "The name of the data stream.",
            "Type": "String",
            "AllowedPattern": "[A-Za-z0-9_.-]+",
            "MaxLength": MAX_NAME_LEN,
        },
        "Shards": {
            "Description": "How many shards there are. 0: as many as it takes, on demand.",
            "Type": "Number",
            "Default": 0,
            "MinValue": 0,
        },
        "RetentionHours": {
            "Description": "How long records are kept, in hours.",
            "Type": "Number",
            "Default": DEFAULT_RETENTION_HOURS,
            "MinValue": 24,
            "MaxValue": 8760,
        },
        "EncryptionKey": {
            "Description": "ARN, id or alias of the KMS key that records are encrypted with.",
            "Type": "String",
            "Default": AWS_MANAGED_KEY,
            "MinLength": 1,
        },
    })
}

fn stream() -> Value {
    let unless_on_demand =
        |value: Value| json!({ "Fn::If": ["IsOnDemand", { "Ref": "AWS::NoValue" }, value] });
    json!({
        "Type": "AWS::Kinesis::Stream",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Name": { "Ref": "StreamName" },
            "StreamModeDetails": {
                "StreamMode": { "Fn::If": ["IsOnDemand", "ON_DEMAND", "PROVISIONED"] },
            },
            "ShardCount": unless_on_demand(json!({ "Ref": "Shards" })),
            "RetentionPeriodHours": { "Ref": "RetentionHours" },
            "StreamEncryption": {
                "EncryptionType": "KMS",
                "KeyId": { "Ref": "EncryptionKey" },
            },
        },
    })
}

fn consumer(name: &str) -> Value {
    json!({
        "Type": "AWS::Kinesis::StreamConsumer",
        "Properties": { "ConsumerName": name, "StreamARN": arn_of_stream() },
    })
}

fn arn_of_stream() -> Value {
    json!({ "Fn::GetAtt": [STREAM, "Arn"] })
}

/// As CloudFormation's names of resources have letters and digits only: `PatientCards`.
fn camel_case(name: &str) -> String {
    name.split(|letter: char| !letter.is_ascii_alphanumeric())
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}
