//! The fields of documents: how they are named, compared and read from the JSON text.

use super::filter::Filter;
use super::misuse::Misuse;
use super::order::{Direction, Order};
use super::sql::{Scalar, Sql};
use super::value::{FieldValue, Kind};
use crate::views::{document_field, is_plain_field};

/// The top-level field `name` of a document.
///
/// ```
/// use es_sqlite::field;
///
/// let adas = field("patient").field("name").eq("Ada");
/// let ready = field("status").eq("ready");
/// ```
pub fn field(name: impl Into<String>) -> Field {
    Field { names: vec![name.into()] }
}

/// A field of a document, to compare and to order by. Made with [`field()`].
///
/// Names are those in the JSON text, as serde writes them, upper and lower case told apart. Any name
/// can be asked for, apart from one with U+0000, which SQLite does not see whole; it never becomes
/// part of a statement. Elements of arrays are not fields.
///
/// # Comparisons
///
/// A value is a string, a number or a boolean, and is compared with such a one only: `gt(5)` holds
/// for no string. A field that is missing, null, an array or an object is neither equal to a value
/// nor before or after it. Hence `ne`, which is `!` of `eq`, holds for such a field.
///
/// - Numbers compare by value, integers and floats with each other. Integers that a document has
///   beyond 64 bits with sign are compared as the nearest `f64`.
/// - Strings compare by their UTF-8 bytes: upper case before lower case, no language's rules. Times
///   are strings here; ordered by time they are only if all are written in one zone and with the same
///   number of digits, which RFC 3339 leaves open.
/// - `false` is less than `true`.
#[derive(Debug, Clone)]
#[must_use = "a field is compared or ordered by"]
pub struct Field {
    /// From the top level inwards; at least one.
    names: Vec<String>,
}

/// A field as it appears in statements.
struct Operand {
    /// Its value; `NULL` if it is null or missing.
    value: Sql,
    /// Its JSON type; `NULL` if it is missing.
    json_type: Sql,
}

impl Field {
    /// The field `name` of the object in this field.
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Equal to `value`.
    pub fn eq(self, value: impl Into<FieldValue>) -> Filter {
        self.compare(" = ", value)
    }

    /// Not equal to `value`, also because there is nothing to compare. Counts as two conditions.
    pub fn ne(self, value: impl Into<FieldValue>) -> Filter {
        !self.eq(value)
    }

    /// Less than `value`.
    pub fn lt(self, value: impl Into<FieldValue>) -> Filter {
        self.compare(" < ", value)
    }

    /// Less than `value` or equal to it.
    pub fn le(self, value: impl Into<FieldValue>) -> Filter {
        self.compare(" <= ", value)
    }

    /// Greater than `value`.
    pub fn gt(self, value: impl Into<FieldValue>) -> Filter {
        self.compare(" > ", value)
    }

    /// Greater than `value` or equal to it.
    pub fn ge(self, value: impl Into<FieldValue>) -> Filter {
        self.compare(" >= ", value)
    }

    /// From `least` to `most`, both included. Counts as two conditions.
    pub fn between(self, least: impl Into<FieldValue>, most: impl Into<FieldValue>) -> Filter {
        self.clone().ge(least).and(self.le(most))
    }

    /// Equal to one of `values`; never, if there is none. Counts as one condition for each kind of
    /// value.
    pub fn one_of<T: Into<FieldValue>>(self, values: impl IntoIterator<Item = T>) -> Filter {
        // One more than is allowed is enough to be refused.
        let values = values.into_iter().take(Filter::MAX_VALUES + 1);
        let scalars: Result<Vec<_>, _> = values.map(|value| value.into().into_scalar()).collect();
        let scalars = match scalars {
            Ok(scalars) => scalars,
            Err(misuse) => return Filter::comparison(Err(misuse)),
        };
        let of_kind = |kind| {
            let scalars = scalars.iter().filter(move |(of, _)| *of == kind);
            let scalars = Sql::join(scalars.map(|(_, one)| Sql::default().bind(one.clone())), ", ");
            (!scalars.text().is_empty()).then(|| {
                self.compare_with(kind, |value| value.with(" IN (").append(&scalars).with(")"))
            })
        };
        Filter::any([Kind::Boolean, Kind::Number, Kind::Text].into_iter().filter_map(of_kind))
    }

    /// Null or missing: what an `Option` reads as `None`.
    pub fn is_null(self) -> Filter {
        Filter::comparison(self.operand().map(|operand| operand.value.with(" IS NULL")))
    }

    /// In the document, be it as null.
    pub fn exists(self) -> Filter {
        Filter::comparison(self.operand().map(|operand| operand.json_type.with(" IS NOT NULL")))
    }

    /// A string that begins with `prefix`. Counts as two conditions.
    pub fn starts_with(self, prefix: impl Into<String>) -> Filter {
        let prefix = prefix.into();
        let behind = behind_all_that_start_with(&prefix);
        let from = self.clone().ge(prefix);
        match behind {
            Some(behind) => from.and(self.lt(behind)),
            None => from,
        }
    }

    /// A string that has `part` in it. No index helps to find it.
    pub fn contains(self, part: impl Into<String>) -> Filter {
        let part = Scalar::Text(part.into());
        self.compare_with(Kind::Text, |value| {
            Sql::new("instr(").append(&value).with(", ").bind(part).with(") > 0")
        })
    }

    /// From the least value up: nulls and missing fields, then numbers, then strings.
    pub fn asc(self) -> Order {
        Order::new(self, Direction::Ascending)
    }

    /// From the greatest value down: strings, then numbers, then nulls and missing fields.
    pub fn desc(self) -> Order {
        Order::new(self, Direction::Descending)
    }

    /// The field's value, or the text of its array or object, as SQLite orders them.
    pub(super) fn value(&self) -> Result<Sql, Misuse> {
        self.operand().map(|operand| operand.value)
    }

    fn compare(self, operator: &str, value: impl Into<FieldValue>) -> Filter {
        match value.into().into_scalar() {
            Ok((kind, scalar)) => {
                self.compare_with(kind, |value| value.with(operator).bind(scalar))
            }
            Err(misuse) => Filter::comparison(Err(misuse)),
        }
    }

    /// A comparison that holds for values of `kind` only. The look at the type comes on top, because
    /// SQLite's values do not tell `true` from 1 and an object from a string.
    fn compare_with(&self, kind: Kind, compare: impl FnOnce(Sql) -> Sql) -> Filter {
        Filter::comparison(self.operand().map(|Operand { value, json_type }| {
            compare(value).with(" AND ").append(&json_type).with(" IN ").with(kind.json_types())
        }))
    }

    fn operand(&self) -> Result<Operand, Misuse> {
        if let [name] = &*self.names
            && is_plain_field(name)
        {
            let json_type = Sql::new(format!("json_type(document, '$.{name}')"));
            return Ok(Operand { value: Sql::new(document_field(name)), json_type });
        }
        let path = Scalar::Text(self.path()?);
        Ok(Operand {
            value: Sql::new("document ->> ").bind(path.clone()),
            json_type: Sql::new("json_type(document, ").bind(path).with(")"),
        })
    }

    /// As SQLite's JSON functions take it, every name quoted.
    fn path(&self) -> Result<String, Misuse> {
        let mut path = "$".to_owned();
        for name in &self.names {
            if name.contains('\0') {
                return Err(Misuse::new(format!("the field {name:?} has U+0000 in its name")));
            }
            path.push_str(".\"");
            path.push_str(&name.replace('\\', "\\\\").replace('"', "\\\""));
            path.push('"');
        }
        Ok(path)
    }
}

/// The least string that is greater than all that start with `prefix`; `None` if no string is. Byte
/// order of UTF-8 is the order of characters.
fn behind_all_that_start_with(prefix: &str) -> Option<String> {
    let (at, last) = prefix.char_indices().rfind(|(_, last)| *last != char::MAX)?;
    // A range of characters steps over the surrogates.
    let next = (last..=char::MAX).nth(1)?;
    Some(format!("{}{next}", &prefix[..at]))
}
