//! Fields that documents can be listed by.
//!
//! A document whose top-level field is a string has the attribute `es_by_<field>`, the partition key of
//! the index `by_<field>`. It is made of the generation and the string, so that builds of a view are
//! apart and an empty string is no empty key.

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{Error, Result, ViewName};
use sha2::{Digest, Sha256};

use super::document::Document;
use crate::item::{Item, text};
use crate::tables::IndexDefinition;

/// The longest name of a field that can be indexed. Names of indexes and of their keys have limits of
/// 255 characters.
const MAX_FIELD_LEN: usize = 64;
/// The longest partition key, in bytes.
const MAX_KEY_LEN: usize = 2048;

/// The name of a field becomes part of the name of an index.
pub(crate) fn check_field(view: &ViewName, field: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let digit_first = field.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let fits = (1..=MAX_FIELD_LEN).contains(&field.len());
    if fits && !digit_first && field.bytes().all(plain) {
        return Ok(());
    }
    Err(Error::Misuse(format!(
        "view {view} cannot be indexed by {field:?}: a field is up to {MAX_FIELD_LEN} ASCII letters, \
         digits and '_', no digit first"
    )))
}

/// What a document is listed by, of these fields.
pub(super) fn index_entries<'a>(
    generation: &str,
    fields: impl IntoIterator<Item = &'a String>,
    document: &Document<'_>,
) -> Item {
    let entry = |field: &String| match document.field(field) {
        Some(AttributeValue::S(value)) => {
            let IndexDefinition { partition_key, .. } = IndexDefinition::of_field(field);
            Some((partition_key, text(index_key(generation, value))))
        }
        _ => None,
    };
    fields.into_iter().filter_map(entry).collect()
}

/// What the attribute is for documents whose field is `value`. A value that is too long for a key is
/// there as its SHA-256; no value is mistaken for another's.
pub(super) fn index_key(generation: &str, value: &str) -> String {
    let whole = format!("{generation}={value}");
    if whole.len() <= MAX_KEY_LEN {
        return whole;
    }
    format!("{generation}#{}", hex::encode(Sha256::digest(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(value: &str) -> String {
        index_key("0123456789abcdef", value)
    }

    #[test]
    fn values_are_in_the_index_as_they_are_while_they_fit() {
        assert_eq!(key_of(""), "0123456789abcdef=");
        assert_eq!(key_of("open"), "0123456789abcdef=open");
        let longest = "x".repeat(MAX_KEY_LEN - 17);
        assert_eq!(key_of(&longest), format!("0123456789abcdef={longest}"));
    }

    #[test]
    fn values_that_are_too_long_are_kept_apart() {
        let long = "x".repeat(MAX_KEY_LEN - 16);
        let keys = [key_of(&long), key_of(&format!("{long}y")), key_of(&format!("{long}z"))];
        assert!(keys.iter().all(|key| key.len() < 100), "{keys:?}");
        assert!(keys[0] != keys[1] && keys[1] != keys[2]);
        // Nobody can write a value that stands in the index as another's hash does.
        let (_, hash) = keys[0].split_once('#').expect("a hash");
        assert_ne!(key_of(hash), keys[0]);
    }

    #[test]
    fn fields_have_plain_names() {
        let view = ViewName::new("v").expect("a valid name");
        for field in ["status", "_a1", "ownerId", &*"f".repeat(64)] {
            assert!(check_field(&view, field).is_ok(), "{field:?} is refused");
        }
        for field in ["", "1a", "a.b", "a b", "ä", "a-b", &*"f".repeat(65)] {
            assert!(
                matches!(check_field(&view, field), Err(Error::Misuse(_))),
                "{field:?} is taken"
            );
        }
    }
}
