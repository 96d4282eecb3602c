//! What fields are compared with.

use super::misuse::Misuse;
use super::sql::Scalar;

/// A string, a number or a boolean that a [`Field`](super::Field) is compared with. Made with `into`
/// from `&str`, `String`, `bool`, `f64` and the integers up to 64 bits.
///
/// Integers are exact. A query with an integer above [`i64::MAX`] or with a NaN is refused: SQLite
/// has no such integers, and nothing can be said of a NaN.
///
/// An own type is compared by what it is in the documents:
///
/// ```
/// use es_sqlite::{FieldValue, field};
///
/// enum Status { Open, Shipped }
///
/// impl From<Status> for FieldValue {
///     fn from(status: Status) -> Self {
///         match status {
///             Status::Open => "open".into(),
///             Status::Shipped => "shipped".into(),
///         }
///     }
/// }
///
/// let open = field("status").ne(Status::Shipped);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FieldValue(Result<(Kind, Scalar), Misuse>);

/// What can be compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Number,
    Text,
}

impl FieldValue {
    pub(super) fn into_scalar(self) -> Result<(Kind, Scalar), Misuse> {
        self.0
    }

    fn integer<I: Copy + ToString + TryInto<i64>>(integer: I) -> Self {
        let too_large = |_| {
            let integer = integer.to_string();
            Misuse::new(format!("a field cannot be compared with {integer}: it has over 63 bits"))
        };
        let integer = integer.try_into().map_err(too_large);
        Self(integer.map(|integer| (Kind::Number, Scalar::Integer(integer))))
    }
}

impl Kind {
    /// The results of SQLite's `json_type` for values of this kind.
    pub(super) fn json_types(self) -> &'static str {
        match self {
            Self::Boolean => "('true', 'false')",
            Self::Number => "('integer', 'real')",
            Self::Text => "('text')",
        }
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self(Ok((Kind::Text, Scalar::Text(text))))
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for FieldValue {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<bool> for FieldValue {
    fn from(boolean: bool) -> Self {
        Self(Ok((Kind::Boolean, Scalar::Integer(boolean.into()))))
    }
}

impl From<f64> for FieldValue {
    fn from(real: f64) -> Self {
        // SQLite would take it for NULL.
        if real.is_nan() {
            return Self(Err(Misuse::new("a field cannot be compared with NaN")));
        }
        Self(Ok((Kind::Number, Scalar::Real(real))))
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => {$(
        impl From<$integer> for FieldValue {
            fn from(integer: $integer) -> Self {
                Self::integer(integer)
            }
        }
    )*};
}

from_integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
