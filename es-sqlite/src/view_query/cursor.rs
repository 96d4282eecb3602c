//! Where a page ended, for the next one to begin.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use es_core::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::sql::Scalar;

/// The end of a page, from [`DocumentPage::next`](super::DocumentPage::next). Its text, from
/// `to_string` and for `parse`, needs no quoting in a URL; serde writes the same text.
///
/// It holds what the last document of the page had in the fields of the order, and its key, so it
/// stays good while documents change, also when that one is removed, and in another process. It ends
/// with the query: whoever filters or orders differently, or asks another view, is refused. A later
/// version of this crate may refuse it as well; the caller then begins with the first page.
///
/// The text is neither encrypted nor signed. Who changes it can begin elsewhere in the same query, and
/// do nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor(String);

/// A place in the order of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// One for each field of the order.
    pub(super) values: Vec<Scalar>,
    pub(super) key: String,
}

/// What tells a query from another: the begin of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QueryId(u64);

impl QueryId {
    /// The id of a query that consists of `parts`.
    pub(super) fn of(parts: &impl Serialize) -> Result<Self> {
        let digest = Sha256::digest(encode("a query", parts)?);
        let begin = digest.iter().take(8).fold(0, |begin, byte| begin << 8 | u64::from(*byte));
        Ok(Self(begin))
    }
}

impl Cursor {
    pub(super) fn new(query: QueryId, position: &Position) -> Result<Self> {
        Ok(Self(URL_SAFE_NO_PAD.encode(encode("a cursor", &(query, position))?)))
    }

    /// The place, if it is one in this query, whose order has so many fields.
    pub(super) fn position(&self, query: QueryId, fields: usize) -> Result<Position> {
        let (of, position) = decode(&self.0)?;
        if of != query {
            return Err(refused(&self.0, "it is of another query"));
        }
        // Somebody changed it: with fewer values it would leave documents out of the page.
        if position.values.len() != fields {
            return Err(refused(&self.0, "it is no place in the order of the query"));
        }
        Ok(position)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Cursor {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        decode(&text)?;
        Ok(Self(text))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::InvalidId`] when the text is not that of a cursor.
    fn from_str(text: &str) -> Result<Self> {
        text.to_owned().try_into()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.0
    }
}

fn encode(what: &str, value: &impl Serialize) -> Result<Vec<u8>> {
    postcard::to_stdvec(value)
        .map_err(|source| Error::Encode { what: what.to_owned(), source: source.into() })
}

fn decode(text: &str) -> Result<(QueryId, Position)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    match bytes.as_deref().map(postcard::take_from_bytes) {
        Some(Ok((cursor, []))) => Ok(cursor),
        _ => Err(refused(text, "it is not the text of a cursor")),
    }
}

fn refused(text: &str, reason: &'static str) -> Error {
    Error::InvalidId { what: "cursor", value: text.chars().take(64).collect(), reason }
}
