//! Items, read attribute by attribute, and what is wrong with them.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::tables::{PARTITION_KEY, SORT_KEY};

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

pub(crate) fn texts<'a>(values: impl IntoIterator<Item = &'a String>) -> AttributeValue {
    AttributeValue::L(values.into_iter().map(text).collect())
}

/// The key of an item in any table but those of views.
pub(crate) fn key(partition: impl Into<String>, sort: impl Into<String>) -> Item {
    let attributes = [(PARTITION_KEY, text(partition)), (SORT_KEY, text(sort))];
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Takes the attributes of an item out of it, one by one, so that nothing is copied.
pub(crate) trait TakeAttribute {
    /// A text that must be there.
    fn take_text(&mut self, name: &str) -> Result<String, Damage>;
    /// A text, if there is one.
    fn take_text_if_any(&mut self, name: &str) -> Result<Option<String>, Damage>;
    /// Bytes that must be there.
    fn take_binary(&mut self, name: &str) -> Result<Vec<u8>, Damage>;
    /// Bytes, if there are any.
    fn take_binary_if_any(&mut self, name: &str) -> Result<Option<Vec<u8>>, Damage>;
    /// Whether something is so; `false` if nothing is said.
    fn take_flag(&mut self, name: &str) -> Result<bool, Damage>;
    /// A list of texts, if there is one.
    fn take_texts_if_any(&mut self, name: &str) -> Result<Option<Vec<String>>, Damage>;
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
        self.take_binary_if_any(name)?.ok_or_else(|| missing(name))
    }

    fn take_binary_if_any(&mut self, name: &str) -> Result<Option<Vec<u8>>, Damage> {
        match self.remove(name) {
            Some(AttributeValue::B(blob)) => Ok(Some(blob.into_inner())),
            Some(_) => Err(format!("its attribute {name} is not binary")),
            None => Ok(None),
        }
    }

    fn take_flag(&mut self, name: &str) -> Result<bool, Damage> {
        match self.remove(name) {
            Some(AttributeValue::Bool(is_so)) => Ok(is_so),
            Some(_) => Err(format!("its attribute {name} is neither true nor false")),
            None => Ok(false),
        }
    }

    fn take_texts_if_any(&mut self, name: &str) -> Result<Option<Vec<String>>, Damage> {
        let not_texts = || format!("its attribute {name} is not a list of strings");
        let list = match self.remove(name) {
            Some(AttributeValue::L(list)) => list,
            Some(_) => return Err(not_texts()),
            None => return Ok(None),
        };
        let texts = list.into_iter().map(|value| match value {
            AttributeValue::S(text) => Ok(text),
            _ => Err(not_texts()),
        });
        texts.collect::<Result<_, _>>().map(Some)
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
