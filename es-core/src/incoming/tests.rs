use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::cloud_events::{InvalidCloudEvent, Source};
use crate::message_queue::ReceiptHandle;

/// From the developer guide of SNS.
const SNS: &str = r#"{
  "Type" : "Notification",
  "MessageId" : "63a3f6b6-d533-4a47-aef9-fcf5cf758c76",
  "TopicArn" : "arn:aws:sns:us-west-2:123456789012:MyTopic",
  "Subject" : "Testing publish to subscribed queues",
  "Message" : "Hello world!",
  "Timestamp" : "2012-03-29T05:12:16.901Z",
  "SignatureVersion" : "1",
  "Signature" : "EXAMPLEnTrFPa3=",
  "SigningCertURL" : "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem",
  "UnsubscribeURL" : "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-west-2:123456789012:MyTopic:c7fe3a54-ab0e-4ec2-88e0-db410a0f2bee",
  "MessageAttributes" : {
    "type" : {"Type":"String","Value":"Order:Placed"},
    "total" : {"Type":"Number","Value":"12.5"},
    "raw" : {"Type":"Binary","Value":"3q2+7w=="}
  }
}"#;

/// From the user guide of EventBridge.
const EVENT_BRIDGE: &str = r#"{
  "version": "0",
  "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
  "detail-type": "EC2 Instance State-change Notification",
  "source": "aws.ec2",
  "account": "111122223333",
  "time": "2017-12-22T18:43:48Z",
  "region": "us-west-1",
  "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
  "detail": {"instance-id": "i-1234567890abcdef0", "state": "terminated"}
}"#;

/// From the user guide of S3, with another key and a version.
const S3: &str = r#"{
  "Records":[{
    "eventVersion":"2.1",
    "eventSource":"aws:s3",
    "awsRegion":"us-west-2",
    "eventTime":"1970-01-01T00:00:00.000Z",
    "eventName":"ObjectCreated:Put",
    "userIdentity":{"principalId":"AIDAJDPLRKLG7UEXAMPLE"},
    "requestParameters":{"sourceIPAddress":"172.16.0.1"},
    "responseElements":{
      "x-amz-request-id":"C3D13FE58DE4C810",
      "x-amz-id-2":"FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"
    },
    "s3":{
      "s3SchemaVersion":"1.0",
      "configurationId":"testConfigRule",
      "bucket":{
        "name":"amzn-s3-demo-bucket",
        "ownerIdentity":{"principalId":"A3NL1KOZZKExample"},
        "arn":"arn:aws:s3:::amzn-s3-demo-bucket"
      },
      "object":{
        "key":"a+b%2Fc",
        "size":1024,
        "eTag":"d41d8cd98f00b204e9800998ecf8427e",
        "versionId":"096fKKXTRTtl3on89fVO.nfljtsv6qko",
        "sequencer":"0055AED6DCD90281E5"
      }
    }
  }]
}"#;

/// From the user guide of S3.
const S3_TEST: &str = r#"{
  "Service":"Amazon S3",
  "Event":"s3:TestEvent",
  "Time":"2014-10-13T15:57:02.089Z",
  "Bucket":"amzn-s3-demo-bucket",
  "RequestId":"5582815E1AEA5ADF",
  "HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"
}"#;

/// From the user guide of S3, with another key.
const S3_BY_EVENT_BRIDGE: &str = r#"{
  "version": "0",
  "id": "17793124-05d4-b198-2fde-7ededc63b103",
  "detail-type": "Object Created",
  "source": "aws.s3",
  "account": "111122223333",
  "time": "2021-11-12T00:00:00Z",
  "region": "ca-central-1",
  "resources": ["arn:aws:s3:::amzn-s3-demo-bucket1"],
  "detail": {
    "version": "0",
    "bucket": {"name": "amzn-s3-demo-bucket1"},
    "object": {
      "key": "a+b%2Fc",
      "size": 5,
      "etag": "b1946ac92492d2347c6235b4d2611184",
      "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
      "sequencer": "617f08299329d189"
    },
    "request-id": "N4N7GDK58NMKJ12R",
    "requester": "123456789012",
    "source-ip-address": "1.2.3.4",
    "reason": "PutObject"
  }
}"#;

/// From the primer of CloudEvents.
const CLOUD_EVENT: &str = r#"{
  "specversion" : "1.0",
  "type" : "com.github.pull_request.opened",
  "source" : "https://github.com/cloudevents/spec/pull",
  "subject" : "123",
  "id" : "A234-1234-1234",
  "time" : "2018-04-05T17:31:00Z",
  "comexampleextension1" : "value",
  "datacontenttype" : "text/xml",
  "data" : "<much wow=\"xml\"/>"
}"#;

fn message(body: &str) -> ReceivedMessage {
    ReceivedMessage {
        id: MessageId::from_stored("m-1"),
        receipt: ReceiptHandle::from_stored("r-1"),
        body: body.to_owned(),
        attributes: [("from".to_owned(), "here".to_owned())].into(),
        group: None,
        deduplication_id: None,
        sent_at: Timestamp::UNIX_EPOCH,
        first_received_at: Timestamp::UNIX_EPOCH,
        receive_count: 1,
        moved_by_policy: false,
        dead_letter_source: None,
    }
}

fn all(body: &str) -> Vec<Incoming> {
    Incoming::of(&message(body)).unwrap()
}

fn one(body: &str) -> Incoming {
    let [one] = <[_; 1]>::try_from(all(body)).expect("one");
    one
}

fn no_cloud_event(body: &str) -> InvalidCloudEvent {
    match Incoming::of(&message(body)) {
        Err(Undecodable::CloudEvent(invalid)) => invalid,
        other => panic!("{body}: {other:?}"),
    }
}

fn malformed(body: &str) -> (Wrapping, String) {
    match Incoming::of(&message(body)) {
        Err(Undecodable::Malformed { wrapping, reason }) => (wrapping, reason),
        other => panic!("{body}: {other:?}"),
    }
}

/// The JSON text, changed.
fn with(json: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(json).unwrap();
    change(&mut value);
    value.to_string()
}

fn by_sns(text: &str) -> String {
    with(SNS, |notification| notification["Message"] = json!(text))
}

fn by_event_bridge(detail: &str) -> String {
    with(EVENT_BRIDGE, |event| event["detail"] = serde_json::from_str(detail).unwrap())
}

fn time(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn a_cloud_event_that_was_put_on_a_bus_is_the_one_that_it_was() {
    let event = CloudEvent::new("e-1", Source::new("/shop").unwrap(), "Order:Placed").unwrap();
    let event = event.with_traceparent("00-1-2-01").with_data(&json!({ "item": "tea" })).unwrap();
    let on_bus = |id: &str| {
        let detail = event.to_detail().unwrap();
        json!({ "id": id, "detail-type": "Order:Placed", "source": "/shop",
            "time": "2017-12-22T18:43:48Z", "detail": detail })
    };
    let [first, again] = ["b-1", "b-2"].map(|id| one(&on_bus(id).to_string()));
    assert_eq!(first.as_cloud_event(), Some(&event));
    assert_eq!(first.id(), one(&event.to_json().unwrap()).id());
    assert_eq!(first.id(), again.id(), "though the bus has named it twice");
    assert_eq!(first.json::<Value>().unwrap(), json!({ "item": "tea" }));

    let mut broken = on_bus("b-1");
    broken["detail"]["cloudevent"]["time"] = json!("yesterday");
    let refused = Incoming::of(&message(&broken.to_string())).unwrap_err();
    assert!(matches!(refused, Undecodable::CloudEvent(_)), "{refused}");
    // A detail that only looks like one.
    broken["detail"]["cloudevent"] = json!("yes");
    assert_eq!(one(&broken.to_string()).as_cloud_event(), None);
}

#[test]
fn text_of_no_known_wrapping_is_as_it_was_sent() {
    let others = [
        "hello",
        " ",
        "{",
        "[1,",
        r#"{"specversion":"1.0""#,
        "{}",
        "[]",
        "[{}]",
        "17",
        "\"text\"",
        "null",
        r#"{"Type":"Notification","about":"others have a Type, too"}"#,
        r#"{"Type":"SubscriptionConfirmation","MessageId":"1","TopicArn":"a"}"#,
        r#"{"Type":7,"MessageId":"1","TopicArn":"a"}"#,
        r#"{"Records":[]}"#,
        r#"{"Records":{"s3":{}}}"#,
        r#"{"Records":[{"kinesis":{}}]}"#,
        r#"{"Event":"s3:Other"}"#,
        r#"{"a":1,"a":2}"#,
    ];
    for text in others {
        let incoming = one(text);
        assert_eq!((incoming.body(), incoming.id()), (text, "m-1"), "{text}");
        assert_eq!((incoming.kind(), incoming.source(), incoming.time()), (None, None, None));
        assert_eq!(incoming.attributes(), &message("").attributes);
        assert_eq!((incoming.message_id().as_str(), incoming.group()), ("m-1", None));
        assert!(incoming.as_s3_object().is_none());
    }
    assert_eq!(one("[1,2]").json::<Vec<u8>>().unwrap(), [1, 2]);
}

#[test]
fn how_often_a_message_was_received_is_which_attempt_it_is() {
    let again = ReceivedMessage { receive_count: 3, ..message(SNS) };
    assert_eq!((one(SNS).attempt(), Incoming::of(&again).unwrap()[0].attempt()), (1, 3));
}

#[test]
fn a_deduplication_id_is_no_identity() {
    let sent = ReceivedMessage {
        deduplication_id: Some("nightly".to_owned()),
        group: Some("reports".to_owned()),
        ..message("run the report")
    };
    let incoming = &Incoming::of(&sent).unwrap()[0];
    // Tomorrow the same text comes with the same one.
    assert_eq!(incoming.id(), "m-1");
    assert_eq!((incoming.deduplication_id(), incoming.group()), (Some("nightly"), Some("reports")));
}

#[test]
fn a_claim_check_is_undecodable_however_it_comes() {
    let pointer = r#"["software.amazon.payloadoffloading.PayloadS3Pointer",{}]"#;
    let mut plain = message(pointer);
    plain.attributes.insert("ExtendedPayloadSize".to_owned(), "300000".to_owned());
    assert_eq!(Incoming::of(&plain), Err(Undecodable::ClaimCheck));
    let by_sns = with(SNS, |notification| {
        notification["Message"] = pointer.into();
        notification["MessageAttributes"]["ExtendedPayloadSize"] =
            serde_json::json!({ "Type": "Number", "Value": "300000" });
    });
    assert_eq!(Incoming::of(&message(&by_sns)), Err(Undecodable::ClaimCheck));
}

#[test]
fn a_message_brings_ten_thousand_events_at_most() {
    let event = r#"{"specversion":"1.0","id":"1","source":"/a","type":"b"}"#;
    let batch = |events: usize| format!("[{}]", vec![event; events].join(","));
    assert_eq!(all(&batch(10_000)).len(), 10_000);
    let too_many = Incoming::of(&message(&batch(10_001)));
    assert_eq!(too_many, Err(Undecodable::TooMany { limit: 10_000 }));
    let record = r#"{"eventName":"a","eventTime":"2026-03-01T12:00:00Z","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}"#;
    let records = |count: usize| format!("{{\"Records\":[{}]}}", vec![record; count].join(","));
    assert_eq!(all(&records(10_000)).len(), 10_000);
    let too_many = Incoming::of(&message(&records(10_001)));
    assert_eq!(too_many, Err(Undecodable::TooMany { limit: 10_000 }));
}

#[test]
fn a_notification_of_sns_is_its_message_with_its_attributes() {
    let incoming = one(SNS);
    assert_eq!(incoming.body(), "Hello world!");
    assert_eq!(incoming.id(), "63a3f6b6-d533-4a47-aef9-fcf5cf758c76");
    assert_eq!(incoming.source(), Some("arn:aws:sns:us-west-2:123456789012:MyTopic"));
    assert_eq!(incoming.time(), time("2012-03-29T05:12:16.901Z"));
    let attributes =
        [("from", "here"), ("raw", "3q2+7w=="), ("total", "12.5"), ("type", "Order:Placed")];
    assert!(incoming.attributes().iter().map(|(k, v)| (&**k, &**v)).eq(attributes));
    let bare = with(SNS, |it| drop(it.as_object_mut().unwrap().remove("MessageAttributes")));
    assert_eq!(one(&bare).attributes().len(), 1);
}

#[test]
fn an_event_of_event_bridge_is_its_detail() {
    let incoming = one(EVENT_BRIDGE);
    assert_eq!(incoming.id(), "eventbridge 6a7e8feb-b491-4cf7-a9f1-bf3703467718");
    assert_eq!(incoming.kind(), Some("EC2 Instance State-change Notification"));
    assert_eq!(incoming.source(), Some("aws.ec2"));
    assert_eq!(incoming.time(), time("2017-12-22T18:43:48Z"));
    assert_eq!(incoming.json::<Value>().unwrap()["state"], "terminated");
    assert_eq!(incoming.body(), r#"{"instance-id": "i-1234567890abcdef0", "state": "terminated"}"#);
}

#[test]
fn a_notification_of_s3_names_the_object_as_requests_do() {
    let incoming = one(S3);
    let object = incoming.as_s3_object().unwrap();
    let expected = S3Object {
        bucket: "amzn-s3-demo-bucket".to_owned(),
        key: "a b/c".to_owned(),
        version: Some("096fKKXTRTtl3on89fVO.nfljtsv6qko".to_owned()),
        size: Some(1024),
        etag: Some("d41d8cd98f00b204e9800998ecf8427e".to_owned()),
        sequencer: Some("0055AED6DCD90281E5".to_owned()),
    };
    assert_eq!(object, &expected);
    assert_eq!(incoming.kind(), Some("ObjectCreated:Put"));
    assert_eq!(incoming.source(), Some("aws.s3"));
    assert_eq!(incoming.time(), time("1970-01-01T00:00:00Z"));
    assert_eq!(
        incoming.id(),
        "s3 amzn-s3-demo-bucket 096fKKXTRTtl3on89fVO.nfljtsv6qko 0055AED6DCD90281E5 a b/c"
    );
    assert_eq!(incoming.json::<Value>().unwrap()["s3"]["configurationId"], "testConfigRule");
}

#[test]
fn each_record_of_a_notification_of_s3_is_one() {
    let two = with(S3, |notification| {
        let mut removed = notification["Records"][0].clone();
        removed["eventName"] = json!("ObjectRemoved:Delete");
        removed["s3"]["object"] = json!({"key": "%C3%A4", "sequencer": "0055AED6DCD90281E6"});
        notification["Records"].as_array_mut().unwrap().push(removed);
    });
    let [created, removed] = &all(&two)[..] else { panic!("not two") };
    assert_eq!(created.id(), one(S3).id());
    let object = removed.as_s3_object().unwrap();
    assert_eq!(
        (&*object.key, object.size, &object.etag, &object.version),
        ("ä", None, &None, &None)
    );
    assert_eq!(removed.id(), "s3 amzn-s3-demo-bucket - 0055AED6DCD90281E6 ä");
    assert_eq!(removed.kind(), Some("ObjectRemoved:Delete"));
}

#[test]
fn changes_of_an_object_without_a_sequencer_are_told_apart_by_name_and_time() {
    let tagged = |name: &str, at: &str| {
        one(&with(S3, |notification| {
            let record = &mut notification["Records"][0];
            record["eventName"] = json!(name);
            record["eventTime"] = json!(at);
            record["s3"]["object"].as_object_mut().unwrap().remove("sequencer");
        }))
    };
    let noon = "2026-03-01T12:00:00.000Z";
    let put = tagged("ObjectTagging:Put", noon);
    assert_eq!(put.id(), tagged("ObjectTagging:Put", noon).id());
    assert_ne!(put.id(), tagged("ObjectTagging:Delete", noon).id());
    assert_ne!(put.id(), tagged("ObjectTagging:Put", "2026-03-01T12:00:00.001Z").id());
}

#[test]
fn the_test_event_of_s3_is_nothing() {
    assert_eq!(all(S3_TEST), []);
    assert_eq!(all(&by_sns(S3_TEST)), []);
}

#[test]
fn an_object_by_way_of_event_bridge_has_its_key_as_it_is() {
    let incoming = one(S3_BY_EVENT_BRIDGE);
    let object = incoming.as_s3_object().unwrap();
    assert_eq!((&*object.bucket, &*object.key), ("amzn-s3-demo-bucket1", "a+b%2Fc"));
    assert_eq!(object.size, Some(5));
    assert_eq!(object.etag.as_deref(), Some("b1946ac92492d2347c6235b4d2611184"));
    assert_eq!(object.version.as_deref(), Some("IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"));
    assert_eq!(incoming.kind(), Some("Object Created"));
    assert_eq!(incoming.time(), time("2021-11-12T00:00:00Z"));
    assert_eq!(
        incoming.id(),
        "s3 amzn-s3-demo-bucket1 IYV3p45BT0ac8hjHg1houSdS1a.Mro8e 617f08299329d189 a+b%2Fc"
    );
    let others = with(S3_BY_EVENT_BRIDGE, |event| event["source"] = json!("com.example"));
    assert!(one(&others).as_s3_object().is_none(), "only S3 speaks for S3");
}

#[test]
fn an_object_by_way_of_sns_is_the_same_object() {
    for direct in [S3, S3_BY_EVENT_BRIDGE] {
        let (direct, by_sns) = (one(direct), one(&by_sns(direct)));
        assert_eq!(direct.as_s3_object(), by_sns.as_s3_object());
        assert_eq!((direct.id(), direct.kind()), (by_sns.id(), by_sns.kind()));
        assert_eq!(direct.time(), by_sns.time());
        assert_eq!(by_sns.attributes()["total"], "12.5");
    }
}

#[test]
fn a_cloud_event_is_the_same_whatever_it_came_in() {
    let direct = one(CLOUD_EVENT);
    assert_eq!(
        direct.id(),
        "cloudevent 40 https://github.com/cloudevents/spec/pull A234-1234-1234"
    );
    assert_eq!(direct.kind(), Some("com.github.pull_request.opened"));
    assert_eq!(direct.source(), Some("https://github.com/cloudevents/spec/pull"));
    assert_eq!(direct.time(), time("2018-04-05T17:31:00Z"));
    assert_eq!(direct.body(), CLOUD_EVENT);
    let wrapped = [by_sns(CLOUD_EVENT), by_event_bridge(CLOUD_EVENT)];
    for incoming in wrapped.iter().map(|body| one(body)) {
        assert_eq!((incoming.id(), incoming.kind()), (direct.id(), direct.kind()));
        assert_eq!((incoming.source(), incoming.time()), (direct.source(), direct.time()));
    }
}

#[test]
fn each_event_of_a_batch_is_one() {
    let another = with(CLOUD_EVENT, |event| event["id"] = json!("B"));
    let [first, second] = &all(&format!("[{CLOUD_EVENT},{another}]"))[..] else {
        panic!("not two")
    };
    assert_eq!(first.id(), one(CLOUD_EVENT).id());
    assert_eq!(second.id(), "cloudevent 40 https://github.com/cloudevents/spec/pull B");
    assert_eq!(second.body(), another);
    let broken = no_cloud_event(&format!("[{CLOUD_EVENT},{{}}]"));
    assert!(matches!(broken, InvalidCloudEvent::Format(_)), "{broken}");
}

#[test]
fn the_json_of_a_cloud_event_is_its_data() {
    let data = json!({"pages": 3});
    let json = with(CLOUD_EVENT, |event| {
        event["datacontenttype"] = json!("application/json");
        event["data"] = data.clone();
    });
    let incoming = one(&json);
    assert_eq!(incoming.json::<Value>().unwrap(), data);
    assert_eq!(incoming.as_cloud_event().unwrap().subject(), Some("123"));
    assert_eq!(incoming.body(), json);
    assert!(incoming.as_s3_object().is_none() && one("{}").as_cloud_event().is_none());
}

#[test]
fn what_says_that_it_is_a_cloud_event_and_is_none_is_undecodable() {
    for field in ["id", "source", "type"] {
        let without = with(CLOUD_EVENT, |event| drop(event.as_object_mut().unwrap().remove(field)));
        for body in [by_sns(&without), without] {
            let invalid = no_cloud_event(&body);
            let expected = format!("missing field `{field}`");
            let InvalidCloudEvent::Format(reason) = invalid else { panic!("{invalid}") };
            assert!(reason.starts_with(&expected), "{reason}");
        }
    }
    let another_version = with(CLOUD_EVENT, |event| event["specversion"] = json!("0.3"));
    assert_eq!(no_cloud_event(&another_version), InvalidCloudEvent::SpecVersion);
    let twice = r#"{"specversion":"1.0","specversion":"1.0"}"#;
    assert!(matches!(no_cloud_event(twice), InvalidCloudEvent::Format(_)));
}

#[test]
fn what_is_not_what_it_says_is_undecodable() {
    let samples: [(_, _, &[&str]); 2] = [
        (Wrapping::Sns, SNS, &["MessageId", "TopicArn", "Timestamp", "Message"]),
        (Wrapping::EventBridge, EVENT_BRIDGE, &["id", "source", "time", "detail"]),
    ];
    for (sample, json, fields) in samples {
        for field in fields {
            let without = with(json, |value| drop(value.as_object_mut().unwrap().remove(*field)));
            let (wrapping, reason) = malformed(&without);
            assert_eq!(wrapping, sample);
            assert!(reason.starts_with(&format!("missing field `{field}`")), "{reason}");
        }
    }
    let broken = [
        (Wrapping::Sns, with(SNS, |it| it["Message"] = json!({}))),
        (Wrapping::Sns, with(SNS, |it| it["MessageAttributes"] = json!({"a": "b"}))),
        (Wrapping::EventBridge, with(EVENT_BRIDGE, |it| it["detail-type"] = json!(7))),
        (Wrapping::S3, with(S3, |it| it["Records"][0]["s3"]["object"]["key"] = json!("%ff"))),
        (Wrapping::S3, with(S3, |it| it["Records"][0]["s3"]["bucket"] = json!("b"))),
        (Wrapping::S3, with(S3, |it| it["Records"].as_array_mut().unwrap().push(json!({})))),
        (Wrapping::S3, with(S3_BY_EVENT_BRIDGE, |it| it["detail"]["object"]["key"] = json!(1))),
    ];
    for (expected, body) in &broken {
        assert_eq!(&malformed(body).0, expected, "{body}");
        assert_eq!(&malformed(&by_sns(body)).0, expected, "{body}");
    }
}

#[test]
fn an_undecodable_message_is_not_quoted() {
    let secrets = [
        with(CLOUD_EVENT, |it| it["time"] = json!("s3cret")),
        with(SNS, |it| it["Message"] = json!(["s3cret"])),
        with(EVENT_BRIDGE, |it| it["id"] = json!({"s3cret": "s3cret"})),
        with(S3, |it| it["Records"][0]["s3"]["object"]["key"] = json!("s3cret%ff")),
    ];
    for body in secrets {
        let error = Incoming::of(&message(&body)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
    let incoming = one(r#"{"token":"s3cret"}"#);
    assert!(!format!("{incoming:?}").contains("s3cret"));
    let refused = incoming.json::<u8>().unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("s3cret"));
}

#[test]
fn wrappings_are_taken_off_up_to_a_limit() {
    let wrapped = |times: usize| (0..times).fold("core".to_owned(), |text, _| by_sns(&text));
    assert_eq!(one(&wrapped(Incoming::MAX_WRAPPINGS)).body(), "core");
    let deeper = Incoming::of(&message(&wrapped(Incoming::MAX_WRAPPINGS + 1)));
    assert_eq!(deeper, Err(Undecodable::TooDeep { limit: Incoming::MAX_WRAPPINGS }));
    // What needs no stack is no wrapping.
    let brackets = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(one(&brackets).body(), brackets);
}

#[test]
fn ids_fit_into_records_of_what_was_done() {
    let long = |n: usize| with(CLOUD_EVENT, |it| it["id"] = json!("x".repeat(n)));
    let longest = IdempotentRequest::MAX_KEY_LEN;
    let at_most = longest - "cloudevent 40 https://github.com/cloudevents/spec/pull ".len();
    assert_eq!(one(&long(at_most)).id().len(), longest);
    let hashed = one(&long(at_most + 1));
    assert!(hashed.id().starts_with("sha256 ") && hashed.id().len() == 71, "{}", hashed.id());
    assert_ne!(hashed.id(), one(&long(at_most + 2)).id());
}

/// Texts that are nearly right: samples with a part that is replaced or cut out.
fn nearly() -> impl Strategy<Value = String> {
    let samples = vec![SNS, EVENT_BRIDGE, S3, S3_TEST, S3_BY_EVENT_BRIDGE, CLOUD_EVENT];
    let sample = proptest::sample::select(samples);
    (sample, any::<proptest::sample::Index>(), 0..20_usize, "[\\]\\[{}\",:a-z0-9%+\u{e4}]{0,8}")
        .prop_map(|(sample, at, len, put)| {
            let characters: Vec<char> = sample.chars().collect();
            let at = at.index(characters.len());
            let (before, rest) = characters.split_at(at);
            let after = &rest[len.min(rest.len())..];
            before.iter().chain(&put.chars().collect::<Vec<_>>()).chain(after).collect()
        })
}

proptest! {
    #[test]
    fn whatever_comes_is_decoded_or_refused(body in ".*", wrapped in any::<bool>()) {
        let body = if wrapped { by_sns(&body) } else { body };
        for incoming in Incoming::of(&message(&body)).into_iter().flatten() {
            prop_assert!(!incoming.id().is_empty());
            prop_assert!(incoming.id().len() <= IdempotentRequest::MAX_KEY_LEN);
        }
    }

    #[test]
    fn what_is_nearly_right_is_decoded_or_refused(body in nearly(), wrapped in any::<bool>()) {
        let body = if wrapped { by_sns(&body) } else { body };
        for incoming in Incoming::of(&message(&body)).into_iter().flatten() {
            prop_assert!(!incoming.id().is_empty());
            prop_assert!(incoming.id().len() <= IdempotentRequest::MAX_KEY_LEN);
        }
    }
}
