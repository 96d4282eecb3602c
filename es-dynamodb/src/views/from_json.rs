//! From a JSON text to attributes, as `serde_dynamo` would make them of the value.
//!
//! Numbers are taken from the text: a `serde_json::Value` has only those of 64 bits.

use std::collections::BTreeSet;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::layout::Layout;
use super::number::Number;
use crate::item::{Item, number, text};

/// The fields of a document, as attributes.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Those that DynamoDB can keep.
    pub(super) attributes: Item,
    /// The order of all fields, if it can be noted.
    pub(super) layout: Option<Layout>,
    /// Whether all that is in the attributes comes back from DynamoDB in the same notation.
    pub(super) come_back: bool,
}

/// The fields of a JSON object; none of any other JSON text.
pub(super) fn fields_of(json: &str) -> Result<Fields, serde_json::Error> {
    let document: &RawValue = serde_json::from_str(json)?;
    let mut reading = Reading { lists: BTreeSet::new(), come_back: true };
    if !document.get().starts_with('{') {
        // A look into a string, the only other kind that can turn out not to be one.
        match reading.value(document, 0) {
            Err(Unfit::NotJson(error)) => return Err(error),
            _ => return Ok(Fields::default()),
        }
    }
    let Entries { names, values } = serde_json::from_str(document.get())?;
    reading.note(&names);
    let mut attributes = Item::with_capacity(names.len());
    for (name, value) in names.into_iter().zip(values) {
        match reading.field(&name, value, 0) {
            Ok(value) => drop(attributes.insert(name, value)),
            // Of two fields of one name the last one counts, even if it cannot be kept.
            Err(Unfit::NotKept) => drop(attributes.remove(&name)),
            Err(Unfit::NotJson(error)) => return Err(error),
        }
    }
    let Reading { lists, come_back } = reading;
    Ok(Fields { attributes, layout: Layout::of(lists), come_back })
}

/// Why a value has no attribute.
enum Unfit {
    NotJson(serde_json::Error),
    /// DynamoDB does not keep it: its number is out of range, it is nested too deeply, a name in it is
    /// empty or too long.
    NotKept,
}

impl From<serde_json::Error> for Unfit {
    fn from(error: serde_json::Error) -> Self {
        Self::NotJson(error)
    }
}

/// A document while it is read.
struct Reading {
    /// The fields of all its objects, each list once.
    lists: BTreeSet<Vec<String>>,
    come_back: bool,
}

impl Reading {
    /// How many lists and maps an attribute may have inside each other.
    const MAX_LEVELS: usize = 31;
    /// The longest name of an attribute, in bytes.
    const MAX_NAME_LEN: usize = 65_535;

    fn note(&mut self, names: &[String]) {
        if !self.lists.contains(names) {
            self.lists.insert(names.to_vec());
        }
    }

    fn field(
        &mut self,
        name: &str,
        value: &RawValue,
        levels: usize,
    ) -> Result<AttributeValue, Unfit> {
        if name.is_empty() || name.len() > Self::MAX_NAME_LEN {
            return Err(Unfit::NotKept);
        }
        self.value(value, levels)
    }

    /// The attribute of a value that is inside of so many lists and maps.
    fn value(&mut self, value: &RawValue, levels: usize) -> Result<AttributeValue, Unfit> {
        let json = value.get();
        match json.as_bytes().first() {
            Some(b'"') => Ok(text(serde_json::from_str::<String>(json)?)),
            Some(b't' | b'f') => Ok(AttributeValue::Bool(json == "true")),
            Some(b'n') => Ok(AttributeValue::Null(true)),
            Some(b'[' | b'{') if levels == Self::MAX_LEVELS => Err(Unfit::NotKept),
            Some(b'[') => {
                let elements: Vec<&RawValue> = serde_json::from_str(json)?;
                let elements = elements.into_iter().map(|element| self.value(element, levels + 1));
                Ok(AttributeValue::L(elements.collect::<Result<_, _>>()?))
            }
            Some(b'{') => {
                let Entries { names, values } = serde_json::from_str(json)?;
                self.note(&names);
                let entry = |(name, value): (String, &RawValue)| {
                    let value = self.field(&name, value, levels + 1)?;
                    Ok((name, value))
                };
                let entries = names.into_iter().zip(values).map(entry);
                Ok(AttributeValue::M(entries.collect::<Result<_, Unfit>>()?))
            }
            _ => {
                let found = Number::of_json(json).ok_or(Unfit::NotKept)?;
                self.come_back &= found.comes_back;
                Ok(number(found.plain))
            }
        }
    }
}

/// The fields of one object as they stand, doubles too.
struct Entries<'a> {
    names: Vec<String>,
    values: Vec<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfObject;

        impl<'de> Visitor<'de> for OfObject {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Entries { names: Vec::new(), values: Vec::new() };
                while let Some((name, value)) = map.next_entry()? {
                    entries.names.push(name);
                    entries.values.push(value);
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(OfObject)
    }
}
