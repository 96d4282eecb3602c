//! Upcasters, renamed variants and aliases.

use es_core::{DecodeError, EncodedEvent, Event, EventSchema, Payload};

use super::{json, payload_error, read};

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Patient")]
enum PatientEvent {
    #[event(
        version = 3,
        upcast(from = 2, with = upcasters::add_country),
        upcast(from = 1, with = upcasters::split_name)
    )]
    Added { first: String, last: String, country: String },
    #[event(version = 2)]
    #[event(upcast(from = 1, with = Weight::from_pounds))]
    Weighed(Weight),
    #[event(version = 2, upcast(from = 1, with = Self::without_reason))]
    Left,
    #[event(name = "Seen", alias = "Visited", alias = "Person:Met")]
    Examined { by: String },
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Weight {
    grams: u32,
}

impl Weight {
    fn from_pounds(pounds: u32) -> Self {
        Self { grams: pounds * 454 }
    }
}

#[derive(serde::Deserialize)]
struct Reason {
    #[serde(rename = "reason")]
    _reason: String,
}

impl PatientEvent {
    fn without_reason(_: Reason) -> Self {
        Self::Left
    }
}

mod upcasters {
    use super::PatientEvent;

    #[derive(serde::Deserialize)]
    pub(super) struct AddedV1 {
        name: String,
    }

    #[derive(serde::Deserialize)]
    pub(super) struct AddedV2 {
        first: String,
        last: String,
    }

    pub(super) fn split_name(old: AddedV1) -> AddedV2 {
        let (first, last) = old.name.split_once(' ').unwrap_or(("", &old.name));
        AddedV2 { first: first.into(), last: last.into() }
    }

    pub(super) fn add_country(old: AddedV2) -> PatientEvent {
        PatientEvent::Added { first: old.first, last: old.last, country: "GB".into() }
    }
}

fn ada() -> PatientEvent {
    PatientEvent::Added { first: "Ada".into(), last: "Lovelace".into(), country: "GB".into() }
}

#[test]
fn the_newest_version_is_written() {
    let schemas = [("Patient:Added", 3), ("Patient:Weighed", 2), ("Patient:Left", 2)]
        .map(|(name, version)| EventSchema { name, version });
    assert_eq!(PatientEvent::SCHEMAS[..3], schemas);
    assert_eq!(ada().schema_version(), 3);
}

#[test]
fn older_versions_are_read_through_the_chain() {
    for (version, payload) in [
        (1, r#"{"name":"Ada Lovelace"}"#),
        (2, r#"{"first":"Ada","last":"Lovelace"}"#),
        (3, r#"{"first":"Ada","last":"Lovelace","country":"GB"}"#),
    ] {
        assert_eq!(read::<PatientEvent>("Patient:Added", version, payload).unwrap(), ada());
    }
}

#[test]
fn each_version_reads_its_own_payload_only() {
    let error = payload_error::<PatientEvent>("Patient:Added", 3, r#"{"name":"Ada"}"#);
    assert!(error.contains("missing field `first`"), "{error}");
    let error = payload_error::<PatientEvent>("Patient:Added", 1, r#"{"first":"Ada"}"#);
    assert!(error.contains("missing field `name`"), "{error}");
}

#[test]
fn versions_outside_of_the_chain_are_unknown() {
    for version in [0, 4] {
        let error = read::<PatientEvent>("Patient:Added", version, "{}").unwrap_err();
        assert!(matches!(error, DecodeError::UnknownVersion { newest: 3 }), "{version}");
    }
}

#[test]
fn the_last_upcaster_of_a_newtype_gives_its_inner_type() {
    let weighed: PatientEvent = read("Patient:Weighed", 1, "2").unwrap();
    assert_eq!(weighed, PatientEvent::Weighed(Weight { grams: 908 }));
    assert_eq!(json(&weighed), r#"{"grams":908}"#);
}

#[test]
fn the_last_upcaster_of_a_unit_gives_the_enum() {
    let left: PatientEvent = read("Patient:Left", 1, r#"{"reason":"well"}"#).unwrap();
    assert_eq!(left, PatientEvent::Left);
}

#[test]
fn upcasters_read_every_codec() {
    let payload = Payload::Postcard(b"\x0cAda Lovelace");
    let old = EncodedEvent { name: "Patient:Added", schema_version: 1, payload };
    assert_eq!(PatientEvent::decode(old).unwrap(), ada());
}

#[test]
fn a_variant_can_be_renamed_while_the_stored_name_stays() {
    let examined = PatientEvent::Examined { by: "Bob".into() };
    assert_eq!(examined.name(), "Patient:Seen");
    assert_eq!(PatientEvent::SCHEMAS[3].name, "Patient:Seen");
    assert!(read::<PatientEvent>("Patient:Examined", 1, &json(&examined)).is_err());
}

#[test]
fn aliases_are_read_as_the_variant() {
    let examined = PatientEvent::Examined { by: "Bob".into() };
    for name in ["Patient:Seen", "Patient:Visited", "Person:Met"] {
        assert_eq!(read::<PatientEvent>(name, 1, r#"{"by":"Bob"}"#).unwrap(), examined);
    }
}
