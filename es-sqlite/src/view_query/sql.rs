//! Pieces of statements together with the values that are bound to them.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};

/// SQL text and the values of its `?`, in their order. The text is made of this crate's words and of
/// names that were checked; all that a caller says is in the values.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Sql {
    text: String,
    values: Vec<Scalar>,
}

impl Sql {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    pub(super) fn with(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    pub(super) fn bind(mut self, value: Scalar) -> Self {
        self.text.push('?');
        self.values.push(value);
        self
    }

    pub(super) fn append(mut self, other: &Self) -> Self {
        self.text.push_str(&other.text);
        self.values.extend_from_slice(&other.values);
        self
    }

    /// All parts, with `separator` between them.
    pub(super) fn join(parts: impl IntoIterator<Item = Self>, separator: &str) -> Self {
        let join = |joined: Self, part: Self| joined.with(separator).append(&part);
        parts.into_iter().reduce(join).unwrap_or_default()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn values(&self) -> &[Scalar] {
        &self.values
    }
}

/// A value as SQLite compares it: `NULL` before numbers before texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Scalar {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

impl ToSql for Scalar {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl FromSql for Scalar {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Real(real) => Self::Real(real),
            ValueRef::Text(_) => Self::Text(value.as_str()?.to_owned()),
            ValueRef::Blob(_) => return Err(FromSqlError::InvalidType),
        })
    }
}
