//! Items, read attribute by attribute, and what is wrong with them.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Why an item is not what was stored.
pub(crate) type Damage = String;

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn binary(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Takes the attributes of an item out of it, one by one, so that nothing is copied.
pub(crate) trait TakeAttribute {
    /// A text that must be there.
    fn take_text(&mut self, name: &str) -> Result<String, Damage>;
    /// A text, if there is one.
    fn take_text_if_any(&mut self, name: &str) -> Result<Option<String>, Damage>;
    /// Bytes that must be there.
    fn take_binary(&mut self, name: &str) -> Result<Vec<u8>, Damage>;
    /// A whole number that must be there.
    fn take_number<N: std::str::FromStr>(&mut self, name: &str) -> Result<N, Damage>;
    /// A whole number, if there is one.
    fn take_number_if_any<N: std::str::FromStr>(&mut self, name: &str)
    -> Result<Option<N>, Damage>;
}

impl TakeAttribute for Item {
    fn take_text(&mut self, name: &str) -> Result<String, Damage> {
        self.take_text_if_any(name)?.ok_or_else(|| missing(name))
    }

    fn take_text_if_any(&mut self, name: &str) -> Result<Option<String>, Damage> {
        match self.remove(name) {
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(format!("its attribute {name} is not a string")),
            None => Ok(None),
        }
    }

    fn take_binary(&mut self, name: &str) -> Result<Vec<u8>, Damage> {
        match self.remove(name) {
            Some(AttributeValue::B(blob)) => Ok(blob.into_inner()),
            Some(_) => Err(format!("its attribute {name} is not binary")),
            None => Err(missing(name)),
        }
    }

    fn take_number<N: std::str::FromStr>(&mut self, name: &str) -> Result<N, Damage> {
        self.take_number_if_any(name)?.ok_or_else(|| missing(name))
    }

    fn take_number_if_any<N: std::str::FromStr>(
        &mut self,
        name: &str,
    ) -> Result<Option<N>, Damage> {
        match self.remove(name) {
            Some(AttributeValue::N(digits)) => digits
                .parse()
                .map(Some)
                .map_err(|_| format!("its attribute {name} is {digits}, which is out of range")),
            Some(_) => Err(format!("its attribute {name} is not a number")),
            None => Ok(None),
        }
    }
}

fn missing(name: &str) -> Damage {
    format!("its attribute {name} is missing")
}
