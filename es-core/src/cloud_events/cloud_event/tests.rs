use bytes::Bytes;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::cloud_events::{decode, encode};
use crate::commit::{Commit, NewCommit};
use crate::encoded_events::EncodedEvents;
use crate::error::Error;
use crate::message_queue::{InvalidMessage, NewMessage, QueueName, QueueOptions};
use crate::metadata::Metadata;

fn source() -> Source {
    Source::new("/dispensary").unwrap()
}

fn upload() -> CloudEvent {
    CloudEvent::new("upload-17", source(), "ReportUploaded").unwrap()
}

fn commit(encoding: &str, events: &[(&str, u32, &[u8])]) -> Commit {
    let manifest: Vec<_> =
        events.iter().map(|(name, version, it)| format!("{name} {version} {}", it.len())).collect();
    let payloads: Vec<&[u8]> = events.iter().map(|(_, _, payload)| *payload).collect();
    let separator: &[u8] = if encoding == "json" { b"\n" } else { b"" };
    let payloads = Bytes::from(payloads.join(separator));
    let manifest = manifest.join("\n").into();
    let events = EncodedEvents::from_stored(encoding.parse().unwrap(), manifest, payloads).unwrap();
    let metadata = Metadata {
        correlation_id: Some("order 7".to_owned()),
        causation_id: Some(String::new()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        actor: Some("Dr Ada Secret".to_owned()),
        idempotency_key: Some("Secret".to_owned()),
        ..Metadata::new()
    };
    let at = Timestamp::from_microsecond(1_772_366_400_123_456).unwrap();
    let stream = StreamId::new("dispense", "d 1").unwrap();
    NewCommit::new(CommitId::from_bytes([7; 16]), at, metadata.encode().unwrap(), events)
        .place(stream, Version::new(3))
}

fn parse(event: &serde_json::Value) -> Result<CloudEvent, InvalidCloudEvent> {
    CloudEvent::parse(event.to_string().as_bytes())
}

#[test]
fn an_event_of_a_commit_is_one_object() {
    let payload: &[u8] = br#"{"by":"A\nB","amount":1.50}"#;
    let commit = commit("json", &[("Dispense:Started", 1, payload), ("Dispense:Ended", 2, b"{}")]);
    let events = CloudEvent::from_commit(&commit, &source()).unwrap();
    let expected = concat!(
        r#"{"specversion":"1.0","id":"07070707-0707-0707-0707-070707070707:3","source":"/dispensary","#,
        r#""type":"Dispense:Started","subject":"dispense:d 1","time":"2026-03-01T12:00:00.123456Z","#,
        r#""datacontenttype":"application/json","#,
        r#""commitid":"07070707-0707-0707-0707-070707070707","correlationid":"order 7","#,
        r#""schemaversion":1,"streamversion":3,"#,
        r#""traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","#,
        r#""data":{"by":"A\nB","amount":1.50}}"#,
    );
    assert_eq!(events[0].to_json().unwrap(), expected);
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].id(), "07070707-0707-0707-0707-070707070707:4");
    assert_eq!(events[1].commit_id(), Some(commit.id()));
    assert_eq!(events[1].stream(), Some(commit.stream().clone()));
    assert_eq!(events[1].stream_version(), Some(Version::new(4)));
    assert_eq!(events[1].schema_version(), Some(2));
    assert_eq!((events[1].correlation_id(), events[1].causation_id()), (Some("order 7"), None));
}

#[test]
fn who_acted_and_the_rest_of_the_metadata_stay_in_the_log() {
    let commit = commit("json", &[("A:B", 1, b"{}"), ("A:C", 1, b"{}")]);
    for event in CloudEvent::from_commit(&commit, &source()).unwrap() {
        assert!(!event.to_json().unwrap().contains("Secret"));
    }
}

#[test]
fn the_events_of_a_batch_are_those_of_its_commit() {
    let commit = commit("postcard", &[("A:B", 1, b"\xff\x00"), ("A:C", 2, b"")]);
    let batch = encode(&commit, &source()).unwrap();
    assert!(decode(&batch).is_ok());
    let read = CloudEvent::parse_batch(&batch).unwrap();
    let bare = |event: CloudEvent| {
        event.without_extension("commitmetadata").without_extension("commitchecksum")
    };
    let read: Vec<_> = read.into_iter().map(bare).collect();
    assert_eq!(read, CloudEvent::from_commit(&commit, &source()).unwrap());
}

#[test]
fn of_a_foreign_event_only_the_required_attributes_are_required() {
    let least = json!({ "specversion": "1.0", "id": "1", "source": "urn:x", "type": "com.x.Done" });
    let event = parse(&least).unwrap();
    assert_eq!((event.id(), event.source(), event.event_type()), ("1", "urn:x", "com.x.Done"));
    assert_eq!((event.subject(), event.time(), event.data()), (None, None, None));
    assert!(event.stream().is_none() && event.schema_version().is_none());
    for required in ["specversion", "id", "source", "type"] {
        let mut event = least.clone();
        event.as_object_mut().unwrap().remove(required);
        let refused = parse(&event).unwrap_err().to_string();
        assert!(refused.contains(required), "{refused}");
    }
}

#[test]
fn a_foreign_event_keeps_what_is_not_known() {
    let foreign = json!({
        "specversion": "1.0", "id": "1", "source": "/subscriptions/s".repeat(40), "type": "t",
        "subject": "blobs/ä", "time": "2026-03-01T13:00:00.5+01:00", "dataschema": "urn:schema",
        "schemaversion": "2.1", "commitid": 7, "urgent": true, "nothing": null,
        "datacontenttype": "text/plain", "data": "hello",
    });
    let event = parse(&foreign).unwrap();
    assert_eq!(event.time(), Some("2026-03-01T12:00:00.5Z".parse().unwrap()));
    assert_eq!(event.data_schema(), Some("urn:schema"));
    assert_eq!((event.schema_version(), event.commit_id()), (None, None), "they mean others");
    assert_eq!(event.extensions()["schemaversion"], "2.1".into());
    assert_eq!(event.extensions()["commitid"], 7.into());
    assert_eq!(event.extensions()["urgent"], true.into());
    assert!(!event.extensions().contains_key("nothing"));
    assert_eq!(event.data_as::<String>().unwrap(), "hello");
    assert_eq!(CloudEvent::parse(event.to_json().unwrap().as_bytes()), Ok(event));
}

#[test]
fn null_is_data_and_no_attribute() {
    let mut event = json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t" });
    event["subject"] = serde_json::Value::Null;
    event["data"] = serde_json::Value::Null;
    let event = parse(&event).unwrap();
    assert_eq!((event.subject(), event.data()), (None, Some(EventData::Json("null"))));
    assert_eq!(event.data_as::<Option<u8>>().unwrap(), None);
}

#[test]
fn what_is_no_cloud_event_is_refused_without_saying_what_it_is() {
    let good = json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": 1 });
    assert!(parse(&good).is_ok());
    let changes = [
        ("specversion", json!("0.3")),
        ("specversion", json!(1.0)),
        ("id", json!("")),
        ("id", json!(7777)),
        ("source", json!("")),
        ("type", json!("")),
        ("subject", json!("")),
        ("time", json!("Secret")),
        ("time", json!(7777)),
        ("datacontenttype", json!("")),
        ("dataschema", json!("")),
        ("data_base64", json!("Secret!")),
        ("data_base64", json!("AAAA")),
        ("Secret", json!("an illegal name")),
        ("price", json!(7777.5)),
        ("list", json!(["Secret"])),
        ("object", json!({ "Secret": 7777 })),
        ("big", json!(u64::MAX)),
    ];
    for (attribute, value) in changes {
        let mut event = good.clone();
        event[attribute] = value;
        let refused = parse(&event).expect_err(attribute).to_string();
        assert!(!refused.contains("Secret") && !refused.contains("7777"), "{attribute}: {refused}");
    }
    let twice = r#"{"specversion":"1.0","id":"1","source":"s","type":"t","a":"1","a":"2"}"#;
    let known_twice = r#"{"specversion":"1.0","id":"1","id":"2","source":"s","type":"t"}"#;
    for text in [twice, known_twice, "", "Secret", "[]", "{", "null", "{}", "\"Secret\""] {
        let refused = CloudEvent::parse(text.as_bytes()).expect_err(text).to_string();
        assert!(!refused.contains("Secret"), "{refused}");
    }
    assert!(CloudEvent::parse(b"\xff").is_err());
    let deep = format!(
        r#"{{"specversion":"1.0","id":"1","source":"s","type":"t","a":{}"#,
        "[".repeat(200_000)
    );
    assert!(CloudEvent::parse(deep.as_bytes()).is_err());
}

#[test]
fn an_event_that_is_made_up_has_names_that_travel() {
    assert!(CloudEvent::new("", source(), "t").is_err());
    assert!(CloudEvent::new("1", source(), "").is_err());
    assert!(CloudEvent::new("a\nb", source(), "t").is_err());
    assert!(CloudEvent::new(&"1".repeat(257), source(), "t").is_err());
    assert!(upload().with_subject(" ").is_err());
    for name in ["", "Upper", "a_b", "id", "data", "subject", &"a".repeat(21)] {
        assert!(upload().with_extension(name, 1).is_err(), "{name:?} was taken");
    }
    let event = upload().with_extension("pages", 3).unwrap();
    assert_eq!(event.extensions()["pages"], Extension::Integer(3));
    assert_eq!(event.without_extension("pages"), upload());
    assert_eq!(upload().with_correlation_id(""), upload());
}

#[test]
fn bytes_are_read_by_their_content_type() {
    let with = |content_type: Option<&str>, bytes: &[u8]| {
        let event = upload();
        let data = Some(Data::Binary(Bytes::copy_from_slice(bytes)));
        CloudEvent { content_type: content_type.map(str::to_owned), data, ..event }
    };
    assert_eq!(with(None, b"[1]").data_as::<Vec<u8>>().unwrap(), [1]);
    assert_eq!(with(Some("Application/JSON; charset=utf-8"), b"7").data_as::<u8>().unwrap(), 7);
    assert_eq!(with(Some("application/problem+json"), b"7").data_as::<u8>().unwrap(), 7);
    assert_eq!(with(Some(POSTCARD), &[7]).data_as::<u8>().unwrap(), 7);
    assert!(with(Some("image/png"), b"7").data_as::<u8>().is_err());
    assert!(with(None, b"\xff").data_as::<u8>().is_err());
    assert!(upload().data_as::<()>().is_err());
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Started {
    patient: String,
}

#[derive(Debug, PartialEq, crate::Event)]
#[event(prefix = "Dispense")]
enum Dispensing {
    #[event(version = 2, upcast(from = 1, with = started_1))]
    Started {
        patient: String,
        urgent: bool,
    },
    Ended,
}

fn started_1(old: Started) -> Dispensing {
    Dispensing::Started { patient: old.patient, urgent: false }
}

#[test]
fn an_event_of_a_log_is_read_through_its_upcasters() {
    let old: &[u8] = br#"{"patient":"Ada"}"#;
    let commit = commit("json", &[("Dispense:Started", 1, old), ("Dispense:Ended", 1, b"{}")]);
    let events = CloudEvent::from_commit(&commit, &source()).unwrap();
    let started = Dispensing::Started { patient: "Ada".to_owned(), urgent: false };
    assert_eq!(events[0].event::<Dispensing>().unwrap(), started);
    assert_eq!(events[1].event::<Dispensing>().unwrap(), Dispensing::Ended);

    let foreign = upload().with_data(&json!({ "patient": "Ada" })).unwrap();
    assert!(matches!(foreign.event::<Dispensing>(), Err(DecodeError::Payload(_))));
    let notice = events[0].clone().without_data();
    assert!(matches!(notice.event::<Dispensing>(), Err(DecodeError::Payload(_))));
    let newer = events[0].clone().with_extension("schemaversion", 3).unwrap();
    let refused = newer.event::<Dispensing>();
    assert!(matches!(refused, Err(DecodeError::UnknownVersion { newest: 2 })), "{refused:?}");
}

fn is_taken(queue: &str, message: &NewMessage) -> Result<(), InvalidMessage> {
    match message.check(&QueueName::new(queue).unwrap(), &QueueOptions::default()) {
        Ok(()) => Ok(()),
        Err(Error::InvalidMessage { source, .. }) => Err(source),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_message_says_outside_what_filters_need() {
    let event = upload().with_subject("report:17").unwrap();
    let message = event.message().unwrap();
    let attributes: Vec<_> =
        message.attributes.iter().map(|(name, value)| (&**name, &**value)).collect();
    let expected = [("category", "report"), ("source", "/dispensary"), ("type", "ReportUploaded")];
    assert_eq!(attributes, expected);
    assert!(!upload().message().unwrap().attributes.contains_key("category"));
    assert_eq!(is_taken("q", &message), Ok(()));
}

#[test]
fn what_messages_cannot_carry_is_escaped() {
    let event = upload().with_data("a\u{FFFE}\u{FFFF}\u{0}").unwrap();
    let message = event.message().unwrap();
    assert_eq!(is_taken("q", &message), Ok(()));
    let received = CloudEvent::parse(message.body.as_bytes()).unwrap();
    assert_eq!(received.data_as::<String>().unwrap(), "a\u{FFFE}\u{FFFF}\u{0}");
}

#[test]
fn the_group_of_a_fifo_message_is_its_subject() {
    let ids = |event: &CloudEvent| {
        let message = event.fifo_message().unwrap();
        assert_eq!(is_taken("q.fifo", &message), Ok(()));
        (message.group.unwrap(), message.deduplication_id.unwrap())
    };
    let event = upload().with_subject("report:17").unwrap();
    assert_eq!(ids(&event), ("report:17".to_owned(), "upload-17".to_owned()));
    assert_eq!(ids(&upload()).0, "upload-17", "it follows nothing");

    let group = |subject: &str| ids(&upload().with_subject(subject).unwrap()).0;
    let (long, other) = ("r:".to_owned() + &"ä".repeat(100), "r:a b".to_owned());
    assert_eq!((group(&long).len(), group(&other).len()), (64, 64));
    assert_ne!(group(&long), group(&other));
    assert_eq!(group(&long), group(&long));
}

#[test]
fn nothing_that_is_in_it_is_in_debug_output() {
    let event = upload()
        .with_data("Secret")
        .unwrap()
        .with_extension("name", "Secret")
        .unwrap()
        .with_correlation_id("Secret");
    let text = format!("{event:?} {:?}", event.extensions());
    assert!(!text.contains("Secret") && text.contains("upload-17"), "{text}");
}

fn extension() -> impl Strategy<Value = Extension> {
    prop_oneof![
        any::<bool>().prop_map(Extension::Boolean),
        any::<i64>().prop_map(Extension::Integer),
        any::<String>().prop_map(Extension::String),
    ]
}

fn event_data() -> impl Strategy<Value = Option<Data>> {
    let json = prop_oneof![
        Just(json!(null)),
        any::<String>().prop_map(|text| json!(text)),
        any::<i64>().prop_map(|number| json!({ "ä\"": [number, {}] })),
    ];
    prop_oneof![
        Just(None),
        json.prop_map(|json| Some(Data::Json(to_raw_value(&json).unwrap()))),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Some(Data::Binary(bytes.into()))),
    ]
}

prop_compose! {
    fn any_event()(
        (id, source, name) in (".{1,9}", ".{1,9}", ".{1,9}"),
        subject in prop::option::of(".{1,9}"),
        time in prop::option::of(-377_705_023_201_i64..253_402_207_200),
        (content_type, data_schema) in (prop::option::of(".{1,9}"), prop::option::of(".{1,9}")),
        extensions in prop::collection::btree_map("x[a-z0-9]{0,6}", extension(), 0..4),
        data in event_data(),
    ) -> CloudEvent {
        let time = time.map(|second| Timestamp::from_second(second).unwrap());
        CloudEvent { id, source, name, subject, time, content_type, data_schema, extensions, data }
    }
}

proptest! {
    #[test]
    fn any_event_comes_back(event in any_event()) {
        let json = event.to_json().unwrap();
        prop_assert_eq!(CloudEvent::parse(json.as_bytes()), Ok(event.clone()));
        let batch = format!("[{json},{json}]");
        prop_assert_eq!(CloudEvent::parse_batch(batch.as_bytes()), Ok(vec![event.clone(), event]));
    }

    #[test]
    fn any_event_of_a_commit_is_the_event_that_was_appended(
        payloads in prop::collection::vec(any::<String>(), 1..4),
    ) {
        let payloads: Vec<_> = payloads.iter().map(|it| serde_json::to_vec(it).unwrap()).collect();
        let events: Vec<_> = payloads.iter().map(|payload| ("A:B", 1, &**payload)).collect();
        let read = CloudEvent::from_commit(&commit("json", &events), &source()).unwrap();
        prop_assert_eq!(read.len(), payloads.len());
        for (event, payload) in read.iter().zip(&payloads) {
            let text = std::str::from_utf8(payload).unwrap();
            prop_assert_eq!(event.data(), Some(EventData::Json(text)), "byte for byte");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = CloudEvent::parse(&bytes);
        let _ = CloudEvent::parse_batch(&bytes);
    }
}
