//! Documents as items: the fields of a document are attributes of their own, so that other programs and
//! indexes can use them, and the text comes back byte for byte.
//!
//! | attribute | |
//! |---|---|
//! | the top-level fields | natively, except those that DynamoDB does not keep: numbers of more than 38 digits or out of range, more than 32 levels, empty names, names that begin with `es_` |
//! | `es_hash` | the first 16 bytes of the SHA-256 of the text |
//! | `es_layout` | the order of the fields, if they are not sorted |
//! | `es_text` | the text, if the attributes do not give it back exactly |
//!
//! Whether they do is found out by trying, when the document is written. A document which is too large
//! to be kept both ways is kept as text only.

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{Error, ViewName};
use sha2::{Digest, Sha256};

use super::from_json::{Fields, fields_of};
use super::layout::Layout;
use super::to_json::to_json;
use crate::item::{Damage, Item, TakeAttribute, binary, text};
use crate::item_size::{MAX_ITEM_SIZE, item_size};

/// What the names of the framework's own attributes begin with.
pub(super) const OWN: &str = "es_";
/// What a step that replaces the document is conditional on.
pub(super) const HASH: &str = "es_hash";
const LAYOUT: &str = "es_layout";
const TEXT: &str = "es_text";

/// A document that is to be written.
#[derive(Debug)]
pub(super) struct Document<'a> {
    json: &'a str,
    /// The top-level fields that are kept as attributes.
    fields: Item,
    /// Those that could be if the framework's own attributes had no such names.
    unkept: Item,
    /// The attribute that the fields need to give back the text, or none; `None` when they cannot.
    layout: Option<Option<AttributeValue>>,
}

/// A document with its key is more than an item can have.
#[derive(Debug)]
struct TooLarge {
    size: usize,
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = self.size;
        write!(f, "it takes {size} bytes as an item of DynamoDB, over the limit of {MAX_ITEM_SIZE}")
    }
}

impl std::error::Error for TooLarge {}

impl<'a> Document<'a> {
    /// Reads a JSON text.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] when it is none.
    pub(super) fn of_json(view: &ViewName, key: &str, json: &'a str) -> Result<Self, Error> {
        let Fields { attributes, layout, come_back } =
            fields_of(json).map_err(|error| not_encoded(view, key, error))?;
        let (unkept, fields): (Item, Item) =
            attributes.into_iter().partition(|(name, _)| name.starts_with(OWN));
        let gives_back = |layout: &Layout| {
            come_back && to_json(&fields, layout).is_ok_and(|rendered| rendered == json)
        };
        let layout = layout.filter(gives_back).map(|layout| layout.to_attribute());
        Ok(Self { json, fields, unkept, layout })
    }

    /// The top-level field as an attribute, if DynamoDB can keep it.
    pub(super) fn field(&self, name: &str) -> Option<&AttributeValue> {
        self.fields.get(name).or_else(|| self.unkept.get(name))
    }

    /// The item, together with `own`: its key and what it is listed by.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] when it is too large.
    pub(super) fn to_item(&self, view: &ViewName, key: &str, own: Item) -> Result<Item, Error> {
        let mut item = own;
        item.insert(HASH.to_owned(), hash_of(self.json));
        let fields_size = item_size(&self.fields);
        if let Some(layout) = &self.layout {
            item.extend(layout.clone().map(|layout| (LAYOUT.to_owned(), layout)));
            if item_size(&item) + fields_size <= MAX_ITEM_SIZE {
                item.extend(self.fields.clone());
                return Ok(item);
            }
            item.remove(LAYOUT);
        }
        item.insert(TEXT.to_owned(), text(self.json));
        let size = item_size(&item);
        if size > MAX_ITEM_SIZE {
            return Err(not_encoded(view, key, TooLarge { size }));
        }
        if size + fields_size <= MAX_ITEM_SIZE {
            item.extend(self.fields.clone());
        }
        Ok(item)
    }
}

fn not_encoded(
    view: &ViewName,
    key: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::Encode { what: format!("document {key:?} of view {view}"), source: source.into() }
}

const HASH_LEN: usize = 16;

/// The hash of a document's text.
pub(super) fn hash_of(json: &str) -> AttributeValue {
    binary(&Sha256::digest(json)[..HASH_LEN])
}

/// The text of a stored document.
pub(super) fn text_of(mut item: Item) -> Result<String, Damage> {
    let hash = item.remove(HASH);
    let json = match item.take_text_if_any(TEXT)? {
        Some(json) => json,
        None => {
            let layout = Layout::from_attribute(item.remove(LAYOUT))?;
            item.retain(|name, _| !name.starts_with(OWN));
            to_json(&item, &layout)?
        }
    };
    if hash != Some(hash_of(&json)) {
        return Err("its fields are not those that were written".to_owned());
    }
    Ok(json)
}

#[cfg(test)]
mod tests;
