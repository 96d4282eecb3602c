//! The CloudFormation template describes the stream that the library makes.

mod support;

use std::path::Path;
use std::sync::Arc;

use es_core::Error;
use es_core::testing::VirtualClock;
use es_kinesis::{Capacity, DataStream, cloudformation_template};
use serde_json::{Value, json};
use support::fake_kinesis::FakeKinesis;

fn template(consumers: &[&str]) -> Value {
    let text = cloudformation_template(consumers).expect("consumers with names of their own");
    serde_json::from_str(&text).expect("a template is JSON")
}

/// What CloudFormation makes of a value, with parameters that are called like themselves.
fn resolved(value: &Value, is_on_demand: bool) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key("Ref") => fields["Ref"].clone(),
        Value::Object(fields) if fields.contains_key("Fn::If") => {
            let choice = &fields["Fn::If"];
            assert_eq!(choice[0], "IsOnDemand");
            resolved(&choice[if is_on_demand { 1 } else { 2 }], is_on_demand)
        }
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| (name.clone(), resolved(value, is_on_demand)));
            fields.filter(|(_, value)| value != "AWS::NoValue").collect()
        }
        other => other.clone(),
    }
}

/// The stream that a template describes, as the requests that would make it.
fn described(template: &Value, is_on_demand: bool) -> Value {
    let stream = &template["Resources"]["Stream"];
    assert_eq!(stream["Type"], "AWS::Kinesis::Stream");
    assert_eq!(stream["DeletionPolicy"], "Retain", "what is not read yet outlives its stack");
    assert_eq!(stream["UpdateReplacePolicy"], "Retain");
    resolved(&stream["Properties"], is_on_demand)
}

/// The stream that was made: what was asked for, put together, with parameters for their values.
fn made(kinesis: &FakeKinesis) -> Value {
    let mut stream = json!({});
    for request in kinesis.requests() {
        let body = request.body;
        match request.operation.as_str() {
            "CreateStream" => {
                stream["Name"] = body["StreamName"].clone();
                stream["StreamModeDetails"] = body["StreamModeDetails"].clone();
                if !body["ShardCount"].is_null() {
                    assert_eq!(body["ShardCount"], 7);
                    stream["ShardCount"] = "Shards".into();
                }
            }
            "StartStreamEncryption" => {
                stream["StreamEncryption"] =
                    json!({ "EncryptionType": body["EncryptionType"], "KeyId": body["KeyId"] });
            }
            "IncreaseStreamRetentionPeriod" => {
                assert_eq!(body["RetentionPeriodHours"], 77);
                stream["RetentionPeriodHours"] = "RetentionHours".into();
            }
            _ => {}
        }
    }
    stream
}

#[tokio::test]
async fn the_template_has_the_stream_that_the_library_makes() {
    for (capacity, is_on_demand) in [(Capacity::OnDemand, true), (Capacity::Shards(7), false)] {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        let kinesis = FakeKinesis::new(clock.clone(), 0);
        let options = DataStream::builder("StreamName").clock(clock);
        let options = options.encryption_key("EncryptionKey").retention_hours(77);
        let stream = options.with_client(kinesis.client()).expect("a valid name");
        stream.ensure(capacity).await.expect("it can be made");
        assert_eq!(described(&template(&[]), is_on_demand), made(&kinesis));
    }
}

#[tokio::test]
async fn what_is_not_said_is_the_same_for_both() {
    let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
    let kinesis = FakeKinesis::new(clock.clone(), 0);
    let stream = DataStream::builder("orders").clock(clock).with_client(kinesis.client());
    stream.expect("a valid name").ensure(Capacity::OnDemand).await.expect("it can be made");
    let summary = kinesis.plain_client().describe_stream_summary().stream_name("orders").send();
    let summary = summary.await.expect("the stream").stream_description_summary.expect("one");
    let parameters = &template(&[])["Parameters"];
    assert_eq!(parameters["RetentionHours"]["Default"], summary.retention_period_hours);
    assert_eq!(parameters["EncryptionKey"]["Default"], summary.key_id.expect("it is encrypted"));
}

/// Writes the file where `ES_ACCEPT_SCHEMA` is 1.
#[test]
fn the_template_in_the_repository_is_the_one_that_is_rendered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cloudformation/stream.json");
    let rendered = cloudformation_template(&[]).expect("a template");
    if std::env::var_os("ES_ACCEPT_SCHEMA").is_some_and(|accept| accept == "1") {
        std::fs::write(&path, &rendered).expect("the file can be written");
    }
    let file = std::fs::read_to_string(&path).expect("the file is in the repository");
    assert_eq!(file.replace("\r\n", "\n"), rendered, "write it with ES_ACCEPT_SCHEMA=1");
}

#[test]
fn consumers_of_fan_out_are_registered() {
    let template = template(&["patient-cards", "beds"]);
    let consumer = &template["Resources"]["ConsumerPatientCards"];
    assert_eq!(consumer["Type"], "AWS::Kinesis::StreamConsumer");
    let stream = json!({ "Fn::GetAtt": ["Stream", "Arn"] });
    let expected = json!({ "ConsumerName": "patient-cards", "StreamARN": stream });
    assert_eq!(consumer["Properties"], expected);
    let outputs = template["Outputs"].as_object().expect("outputs");
    let names: Vec<_> = outputs.keys().map(String::as_str).collect();
    assert_eq!(names, ["ConsumerBedsArn", "ConsumerPatientCardsArn", "StreamArn", "StreamName"]);
}

#[test]
fn consumers_that_have_no_place_in_a_template_are_refused() {
    for name in ["", "patient cards", "ä"] {
        let refused = cloudformation_template(&[name]);
        assert!(matches!(refused, Err(Error::InvalidId { .. })), "{name}: {refused:?}");
    }
    for (one, other) in [("cards", "cards"), ("a-b", "a_b"), ("beds", "Beds.")] {
        let refused = cloudformation_template(&[one, other]);
        assert!(matches!(refused, Err(Error::Misuse(_))), "{one} and {other}: {refused:?}");
    }
}
