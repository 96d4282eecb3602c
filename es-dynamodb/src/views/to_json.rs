//! From attributes to the JSON text that they were made of.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::ser::{Error as _, Serialize, SerializeMap as _, Serializer};
use serde_json::value::RawValue;

use super::layout::Layout;
use super::number::Number;
use crate::item::{Damage, Item};

/// The fields as a JSON object, compact and in the order of the layout.
pub(super) fn to_json(fields: &Item, layout: &Layout) -> Result<String, Damage> {
    serde_json::to_string(&Object { fields, layout }).map_err(|error| error.to_string())
}

struct Object<'a> {
    fields: &'a Item,
    layout: &'a Layout,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut names: Vec<&String> = self.fields.keys().collect();
        self.layout.order(&mut names);
        let mut object = serializer.serialize_map(Some(names.len()))?;
        for name in names {
            if let Some(value) = self.fields.get(name) {
                object.serialize_entry(name, &Value { value, layout: self.layout })?;
            }
        }
        object.end()
    }
}

struct Value<'a> {
    value: &'a AttributeValue,
    layout: &'a Layout,
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let layout = self.layout;
        match self.value {
            AttributeValue::S(text) => serializer.serialize_str(text),
            AttributeValue::N(digits) => serialize_number(digits, serializer),
            AttributeValue::Bool(truth) => serializer.serialize_bool(*truth),
            AttributeValue::Null(_) => serializer.serialize_unit(),
            AttributeValue::L(values) => {
                serializer.collect_seq(values.iter().map(|value| Value { value, layout }))
            }
            AttributeValue::M(fields) => Object { fields, layout }.serialize(serializer),
            _ => Err(S::Error::custom("it has an attribute that no JSON value becomes")),
        }
    }
}

/// Digit by digit: no type of Rust has all numbers that DynamoDB has.
fn serialize_number<S: Serializer>(digits: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match digits.parse::<i64>() {
        // Nearly all; nothing has to be allocated for them.
        Ok(number) => serializer.serialize_i64(number),
        Err(_) => {
            // The notation in which numbers come back is not documented, only their value.
            let plain = Number::of_json(digits).map_or_else(|| digits.to_owned(), |n| n.plain);
            let number = RawValue::from_string(plain).map_err(S::Error::custom)?;
            number.serialize(serializer)
        }
    }
}
