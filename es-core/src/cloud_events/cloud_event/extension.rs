//! Attributes that the specification does not name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};

/// The value of an extension attribute. The other types of the specification (URIs, times, bytes) are
/// strings in JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Extension {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number. The specification has 32 bits; stream versions may need more.
    Integer(i64),
    /// A text.
    String(String),
}

impl fmt::Debug for Extension {
    /// Says the type only: it is not known what others put there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean(_) => "Boolean",
            Self::Integer(_) => "Integer",
            Self::String(_) => "String",
        })
    }
}

impl From<bool> for Extension {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Extension {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Extension {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

/// The extensions of one event, read from what is left of its JSON object.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Extensions(pub(super) BTreeMap<String, Extension>);

impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Attributes;

        impl<'de> Visitor<'de> for Attributes {
            type Value = Extensions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("extension attributes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extensions, A::Error> {
                let mut extensions = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Option<Extension>>()? {
                    if !is_name(&name) {
                        return Err(A::Error::custom("an extension has an illegal name"));
                    }
                    // `null` stands for an attribute that is not there.
                    let Some(value) = value else { continue };
                    match extensions.entry(name) {
                        Entry::Vacant(entry) => entry.insert(value),
                        Entry::Occupied(_) => {
                            return Err(A::Error::custom("an extension is there twice"));
                        }
                    };
                }
                Ok(Extensions(extensions))
            }
        }
        deserializer.deserialize_map(Attributes)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Whether an event that is made up here may have an extension of this name.
pub(super) fn check_name(name: &str) -> Result<()> {
    const TAKEN: [&str; 9] = [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "data",
    ];
    let reason = if !is_name(name) {
        "it may have lower-case ASCII letters and digits only"
    } else if name.len() > 20 {
        "it is longer than 20 bytes"
    } else if TAKEN.contains(&name) {
        "the specification has an attribute of this name"
    } else {
        return Ok(());
    };
    Err(Error::invalid_id("extension attribute", name, reason))
}
