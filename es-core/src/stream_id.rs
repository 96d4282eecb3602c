//! The name of a stream: category and aggregate id.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Names the stream of one aggregate: the aggregate's category and its id, written
/// `category:id`.
///
/// A category cannot contain the separator, so two different pairs never share a written form,
/// whatever the id contains:
///
/// ```
/// use es_core::StreamId;
///
/// let stream = StreamId::new("dispense", "d:1")?;
/// assert_eq!(stream.to_string(), "dispense:d:1");
/// assert_eq!((stream.category(), stream.id()), ("dispense", "d:1"));
/// assert_eq!("dispense:d:1".parse::<StreamId>()?, stream);
/// assert!(StreamId::new("dispense:d", "1").is_err());
/// # Ok::<(), es_core::Error>(())
/// ```
///
/// Limits: [`MAX_CATEGORY_LEN`](Self::MAX_CATEGORY_LEN) and [`MAX_ID_LEN`](Self::MAX_ID_LEN). They
/// keep the written form inside the tightest key of the backends, the 256 characters of a Kinesis
/// partition key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    written: Arc<str>,
    category_len: u8,
}

/// Between category and id in the written form.
const SEPARATOR: char = ':';

impl StreamId {
    /// The longest category, in bytes.
    pub const MAX_CATEGORY_LEN: usize = 50;
    /// The longest aggregate id, in bytes of UTF-8.
    pub const MAX_ID_LEN: usize = 200;

    /// The stream of the aggregate `id` in `category`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when the category is not 1–50 ASCII letters, digits, `_` or `-`, or the
    /// id is empty, longer than 200 bytes, has control characters, noncharacters that no XML
    /// message may carry (U+FFFE, U+FFFF), or white space at an end.
    pub fn new(category: &str, id: &str) -> Result<Self> {
        check_category(category)?;
        check_id("aggregate id", id, Self::MAX_ID_LEN)?;
        // Put together on the stack, so that the name is allocated once: each load and each command has one.
        let mut written = [0; Self::MAX_CATEGORY_LEN + 1 + Self::MAX_ID_LEN];
        let (before, len) = (category.len(), category.len() + 1 + id.len());
        written[..before].copy_from_slice(category.as_bytes());
        written[before] = SEPARATOR as u8;
        written[before + 1..len].copy_from_slice(id.as_bytes());
        let written = std::str::from_utf8(&written[..len])
            .map_err(|_| Error::invalid_id("aggregate id", id, "it is not text"))?;
        Ok(Self { written: written.into(), category_len: category.len() as u8 })
    }

    /// The category, as in `dispense`.
    pub fn category(&self) -> &str {
        &self.written[..usize::from(self.category_len)]
    }

    /// The aggregate's id.
    pub fn id(&self) -> &str {
        &self.written[usize::from(self.category_len) + SEPARATOR.len_utf8()..]
    }

    /// The written form, `category:id`.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

pub(crate) fn check_category(category: &str) -> Result<()> {
    let reason = if category.is_empty() {
        "it is empty"
    } else if category.len() > StreamId::MAX_CATEGORY_LEN {
        "it is longer than 50 bytes"
    } else if !category.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        "it may have ASCII letters, digits, '_' and '-' only"
    } else {
        return Ok(());
    };
    Err(Error::invalid_id("category", category, reason))
}

/// Checks an id that travels as a key: see [`StreamId::new`].
pub(crate) fn check_id(what: &'static str, id: &str, max_len: usize) -> Result<()> {
    // As nearly all ids are: none of the reasons below can be true of it.
    if (1..=max_len).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let reason = if id.is_empty() {
        "it is empty"
    } else if id.len() > max_len {
        "it is too long"
    } else if id.chars().any(|c| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}')) {
        "it has control characters or noncharacters"
    } else if id.starts_with(char::is_whitespace) || id.ends_with(char::is_whitespace) {
        "it begins or ends with white space"
    } else {
        return Ok(());
    };
    Err(Error::invalid_id(what, id, reason))
}

impl std::str::FromStr for StreamId {
    type Err = Error;

    fn from_str(written: &str) -> Result<Self> {
        match written.split_once(SEPARATOR) {
            Some((category, id)) => Self::new(category, id),
            None => Err(Error::invalid_id("stream", written, "it has no ':' after the category")),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({:?})", &*self.written)
    }
}

impl Serialize for StreamId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_ids_are_refused() {
        let long = "x".repeat(201);
        for id in ["", " a", "a ", "a\nb", "a\0b", "\u{7f}", "\u{85}", "a\u{FFFE}", long.as_str()] {
            assert!(
                matches!(StreamId::new("c", id), Err(Error::InvalidId { .. })),
                "{id:?} was accepted"
            );
        }
        for category in ["", "a:b", "a b", "ä", &"c".repeat(51), "a/b", "a\n"] {
            assert!(StreamId::new(category, "1").is_err(), "{category:?} was accepted");
        }
        assert!(StreamId::new(&"c".repeat(50), &"ü".repeat(100)).is_ok());
        assert!("no-separator".parse::<StreamId>().is_err());
    }

    proptest! {
        #[test]
        fn two_pairs_never_share_a_written_form(
            a in ("[a-z:]{0,3}", "[a-z:]{0,4}"),
            b in ("[a-z:]{0,3}", "[a-z:]{0,4}"),
        ) {
            if let (Ok(x), Ok(y)) = (StreamId::new(&a.0, &a.1), StreamId::new(&b.0, &b.1)) {
                prop_assert_eq!(a == b, x.as_str() == y.as_str());
            }
        }

        #[test]
        fn a_written_form_reads_back(category in "[a-zA-Z0-9_-]{1,50}", id in "\\PC{1,60}") {
            if let Ok(stream) = StreamId::new(&category, &id) {
                let back: StreamId = stream.as_str().parse().unwrap();
                prop_assert_eq!(back.category(), category);
                prop_assert_eq!(back.id(), id);
            }
        }
    }
}
