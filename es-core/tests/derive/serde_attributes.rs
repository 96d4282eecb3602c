//! serde's attributes in an event type.

use es_core::Event;

use super::{json, payload_error, read};

/// Neither `Clone` nor `Default`, and no serde derive: everything goes through `with`.
#[derive(Debug, PartialEq)]
struct Hex(Vec<u8>);

/// Functions that are generic, so that a reference to a reference would be another type.
mod hex {
    use std::borrow::Borrow;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::Hex;

    pub(super) trait Bytes {
        fn bytes(&self) -> &[u8];
    }

    impl Bytes for Hex {
        fn bytes(&self) -> &[u8] {
            self.0.borrow()
        }
    }

    pub(super) fn serialize<T: Bytes, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let hex: String = value.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&hex)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hex, D::Error> {
        let hex = String::deserialize(deserializer)?;
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
        bytes.collect::<Result<_, _>>().map(Hex).map_err(serde::de::Error::custom)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one() -> u32 {
    1
}

fn shout<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text.to_uppercase())
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Address {
    street: String,
}

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "A")]
#[serde(rename_all_fields = "camelCase")]
enum AnEvent {
    Attributed {
        #[serde(rename = "fullName", alias = "name")]
        a_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nick_name: Option<String>,
        #[serde(default, skip_serializing_if = "is_default")]
        age: u8,
        #[serde(default = "one")]
        visits: u32,
        #[serde(with = "hex")]
        key: Hex,
        #[serde(serialize_with = "shout")]
        loud: String,
        #[serde(skip)]
        cached: Option<u64>,
        #[serde(flatten)]
        address: Address,
    },
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    OwnRule {
        first_name: String,
    },
    #[serde(rename_all(serialize = "kebab-case"))]
    HalfRule {
        #[serde(alias = "first-name")]
        first_name: String,
    },
    #[serde(deny_unknown_fields)]
    Strict {
        first_name: String,
    },
    Newtype(#[serde(with = "hex")] Hex),
    r#Type {
        r#fn: u8,
    },
    Linked {
        previous: Option<Box<Self>>,
    },
}

/// Only for `Linked`, and of another form than what is stored.
impl serde::Serialize for AnEvent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for AnEvent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <String as serde::Deserialize>::deserialize(deserializer)?;
        Ok(Self::Strict { first_name: name })
    }
}

fn attributed() -> AnEvent {
    AnEvent::Attributed {
        a_name: "Ada".into(),
        nick_name: None,
        age: 0,
        visits: 1,
        key: Hex(vec![0xca, 0xfe]),
        loud: "hey".into(),
        cached: Some(5),
        address: Address { street: "Main".into() },
    }
}

#[test]
fn the_fields_are_written_as_their_attributes_say() {
    assert_eq!(
        json(&attributed()),
        r#"{"fullName":"Ada","visits":1,"key":"cafe","loud":"HEY","street":"Main"}"#
    );
}

#[test]
fn the_fields_are_read_as_their_attributes_say() {
    let payload =
        r#"{"name":"Ada","nickName":"A","age":3,"key":"cafe","loud":"hey","street":"Main"}"#;
    let mut expected = attributed();
    if let AnEvent::Attributed { nick_name, age, cached, .. } = &mut expected {
        (*nick_name, *age, *cached) = (Some("A".into()), 3, None);
    }
    assert_eq!(read::<AnEvent>("A:Attributed", 1, payload).unwrap(), expected);
}

#[test]
fn a_rule_of_the_variant_goes_before_that_of_the_enum() {
    let own = AnEvent::OwnRule { first_name: "Ada".into() };
    assert_eq!(json(&own), r#"{"FIRST_NAME":"Ada"}"#);
    assert_eq!(read::<AnEvent>("A:OwnRule", 1, &json(&own)).unwrap(), own);
}

#[test]
fn a_rule_for_one_direction_leaves_the_other_to_the_enum() {
    let half = AnEvent::HalfRule { first_name: "Ada".into() };
    assert_eq!(json(&half), r#"{"first-name":"Ada"}"#);
    for payload in [r#"{"first-name":"Ada"}"#, r#"{"firstName":"Ada"}"#] {
        assert_eq!(read::<AnEvent>("A:HalfRule", 1, payload).unwrap(), half);
    }
}

#[test]
fn unknown_fields_are_denied_where_that_was_said() {
    let known = r#"{"firstName":"Ada"}"#;
    assert!(read::<AnEvent>("A:Strict", 1, known).is_ok());
    let error = payload_error::<AnEvent>("A:Strict", 1, r#"{"firstName":"Ada","age":3}"#);
    assert!(error.contains("an unknown field, expected `firstName`"), "{error}");
}

#[test]
fn the_field_of_a_newtype_keeps_its_attributes() {
    let newtype = AnEvent::Newtype(Hex(vec![1, 2]));
    assert_eq!(json(&newtype), r#""0102""#);
    assert_eq!(read::<AnEvent>("A:Newtype", 1, &json(&newtype)).unwrap(), newtype);
}

#[test]
fn raw_identifiers_are_stored_without_their_mark() {
    let raw = AnEvent::r#Type { r#fn: 1 };
    assert_eq!((raw.name(), json(&raw).as_str()), ("A:Type", r#"{"fn":1}"#));
    assert_eq!(read::<AnEvent>("A:Type", 1, r#"{"fn":1}"#).unwrap(), raw);
}

#[test]
fn a_field_can_hold_the_enum_itself() {
    let previous = Box::new(AnEvent::Strict { first_name: "A:Strict".into() });
    let linked = AnEvent::Linked { previous: Some(previous) };
    assert_eq!(json(&linked), r#"{"previous":"A:Strict"}"#);
    assert_eq!(read::<AnEvent>("A:Linked", 1, &json(&linked)).unwrap(), linked);
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, Event)]
#[event(prefix = "B")]
#[serde(tag = "type", deny_unknown_fields)]
enum BothForms {
    #[serde(rename_all = "camelCase")]
    Happened {
        at_noon: bool,
    },
    Ended,
}

#[test]
fn the_enum_can_have_a_serde_form_of_its_own() {
    let happened = BothForms::Happened { at_noon: true };
    assert_eq!(json(&happened), r#"{"atNoon":true}"#);
    assert_eq!(serde_json::to_string(&happened).unwrap(), r#"{"type":"Happened","atNoon":true}"#);
    assert!(serde_json::from_str::<BothForms>(r#"{"type":"Ended"}"#).is_ok());
    assert!(read::<BothForms>("B:Ended", 1, r#"{"more":1}"#).is_err());
}
