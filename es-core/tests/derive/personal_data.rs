//! What of an event is personal data.

use es_core::{Event, PersonalData, PersonalPart};

use super::json;

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Address {
    street: String,
}

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Patient")]
#[serde(rename_all_fields = "camelCase")]
enum PatientEvent {
    Registered {
        #[event(personal)]
        full_name: String,
        #[event(personal)]
        #[serde(rename = "mail", alias = "email")]
        e_mail: String,
        #[event(personal)]
        #[serde(rename(serialize = "out", deserialize = "in"))]
        renamed_both: u8,
        #[event(personal)]
        #[serde(with = "serde_bytes_like")]
        r#type: Address,
        ward_number: u8,
    },
    #[event(personal, name = "NoteTaken", alias = "Noted")]
    Note {
        text: String,
    },
    Weighed(#[event(personal)] f64),
    Discharged,
}

/// Any attribute of serde beside the mark.
mod serde_bytes_like {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::Address;

    pub(super) fn serialize<S: Serializer>(value: &Address, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
        Address::deserialize(from)
    }
}

#[test]
fn marked_fields_are_listed_as_they_are_stored() {
    let listed: Vec<_> = PatientEvent::PERSONAL.iter().map(|it| (it.event, it.part)).collect();
    let expected = [
        ("Patient:Registered", PersonalPart::Fields(&["fullName", "mail", "out", "type"])),
        ("Patient:NoteTaken", PersonalPart::Everything),
        ("Patient:Weighed", PersonalPart::Everything),
    ];
    assert_eq!(listed, expected);
}

macro_rules! rule {
    ($($name:ident $rule:literal),*) => {
        $(
            #[derive(Debug, Event)]
            #[event(prefix = $rule)]
            enum $name {
                #[serde(rename_all = $rule)]
                Happened {
                    #[event(personal)]
                    one: u8,
                    #[event(personal)]
                    two_words: u8,
                    #[event(personal)]
                    _odd_name: u8,
                    #[event(personal)]
                    r#fn: u8,
                },
            }
        )*

        /// What is marked, and what serde writes, under each rule.
        fn under_every_rule() -> Vec<(&'static str, PersonalPart, String)> {
            vec![$({
                let event = $name::Happened { one: 1, two_words: 1, _odd_name: 1, r#fn: 1 };
                ($rule, $name::PERSONAL[0].part, json(&event))
            }),*]
        }
    };
}

rule!(
    Lower "lowercase", Upper "UPPERCASE", Pascal "PascalCase", Camel "camelCase",
    Snake "snake_case", Screaming "SCREAMING_SNAKE_CASE", Kebab "kebab-case",
    ScreamingKebab "SCREAMING-KEBAB-CASE"
);

#[test]
fn under_every_rule_of_serde_the_names_are_those_that_serde_writes() {
    for (rule, part, written) in under_every_rule() {
        let PersonalPart::Fields(marked) = part else { panic!("{rule}: {part:?}") };
        let mut written: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&written).unwrap();
        for name in marked {
            assert!(written.remove(*name).is_some(), "{rule}: {name} is not written");
        }
        assert!(written.is_empty(), "{rule}: {written:?} is not marked");
    }
}

#[derive(Debug, Event)]
#[event(prefix = "Till")]
enum TillEvent {
    Opened,
}

#[derive(Debug, Event)]
#[event(union)]
enum ClinicEvent {
    Till(TillEvent),
    Patient(PatientEvent),
}

#[derive(Debug, Event)]
#[event(prefix = "Visit")]
enum VisitEvent {
    Begun {
        #[event(personal)]
        reason: String,
    },
}

#[derive(Debug, Event)]
#[event(union)]
enum EveryEvent {
    Clinic(ClinicEvent),
    Visit(VisitEvent),
}

#[test]
fn a_union_has_the_marks_of_its_parts() {
    assert_eq!(TillEvent::PERSONAL, []);
    assert_eq!(ClinicEvent::PERSONAL, PatientEvent::PERSONAL);
    assert_eq!(EveryEvent::PERSONAL[..3], *PatientEvent::PERSONAL);
    let reason = PersonalData { event: "Visit:Begun", part: PersonalPart::Fields(&["reason"]) };
    assert_eq!(EveryEvent::PERSONAL[3..], [reason]);
}

#[test]
fn a_mark_changes_nothing_about_what_is_stored() {
    let event = PatientEvent::Registered {
        full_name: "Ada".into(),
        e_mail: "a@b".into(),
        renamed_both: 1,
        r#type: Address { street: "Main".into() },
        ward_number: 7,
    };
    let stored =
        r#"{"fullName":"Ada","mail":"a@b","out":1,"type":{"street":"Main"},"wardNumber":7}"#;
    assert_eq!(json(&event), stored);
    let note = PatientEvent::Note { text: "n".into() };
    assert_eq!((note.name(), json(&note)), ("Patient:NoteTaken", r#"{"text":"n"}"#.to_owned()));
}
