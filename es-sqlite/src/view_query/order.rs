//! In which order documents come, and where in it the rest begins.

use super::cursor::Position;
use super::field::Field;
use super::misuse::Misuse;
use super::sql::{Scalar, Sql};

/// A field to order by and its direction, from [`Field::asc`] or [`Field::desc`]. A field alone means
/// ascending.
#[derive(Debug, Clone)]
#[must_use = "an order does nothing until a query is run with it"]
pub struct Order {
    field: Field,
    direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

impl Order {
    /// The most fields that a query can order by.
    pub const MAX_FIELDS: usize = 8;

    pub(super) fn new(field: Field, direction: Direction) -> Self {
        Self { field, direction }
    }
}

impl From<Field> for Order {
    fn from(field: Field) -> Self {
        field.asc()
    }
}

/// The order of a query: its fields, and the key at the end, so that no two documents are equal.
#[derive(Debug)]
pub(super) struct TotalOrder {
    fields: Vec<(Sql, Direction)>,
    /// That of the last field: an index has the keys of equal values in the same direction.
    key: Direction,
}

/// Documents that are next to each other in an order.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) condition: Sql,
    /// In how many fields of the order they are all equal, from the first one on.
    equal: usize,
}

impl TotalOrder {
    pub(super) fn of(order: &[Order]) -> Result<Self, Misuse> {
        if order.len() > Order::MAX_FIELDS {
            let most = Order::MAX_FIELDS;
            return Err(Misuse::new(format!("a query cannot order by more than {most} fields")));
        }
        let fields = order.iter().map(|order| Ok((order.field.value()?, order.direction)));
        let key = order.last().map_or(Direction::Ascending, |order| order.direction);
        Ok(Self { fields: fields.collect::<Result<_, _>>()?, key })
    }

    /// How many fields it has, the key not counted.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The values that make the order, the key not among them.
    pub(super) fn values(&self) -> impl Iterator<Item = &Sql> {
        self.fields.iter().map(|(value, _)| value)
    }

    /// The `ORDER BY` of a statement for `range` that has the key as its first column, and the values
    /// as those from `first_value` on, counted from 1. It leaves out what is equal in the range:
    /// SQLite does not see by itself that an index then gives the order.
    pub(super) fn by_columns(&self, range: &Range, first_value: usize) -> String {
        let values = self.fields.iter().zip(first_value..).skip(range.equal);
        let values =
            values.map(|((_, direction), column)| format!("{column} {}, ", direction.sql()));
        values.chain([format!("1 {}", self.key.sql())]).collect()
    }

    /// The documents after `position`, as ranges that are to be gone through one after the other. An
    /// index on the first field finds the begin of each; in one condition, with `OR`, they would have
    /// to be sorted for each page.
    pub(super) fn ranges_after(&self, position: &Position) -> Vec<Range> {
        let fields: Vec<_> = self.fields.iter().zip(&position.values).collect();
        let range = |same: usize, then: Sql, equal: usize| {
            let same = fields[..same].iter().map(|((field, _), value)| equals(field, value));
            Range { condition: Sql::join(same.chain([then]), " AND "), equal }
        };
        let key = Scalar::Text(position.key.clone());
        let key = Sql::new("key").with(self.key.comparison()).bind(key);
        let mut ranges = vec![range(fields.len(), key, fields.len())];
        for (at, ((field, direction), value)) in fields.iter().enumerate().rev() {
            ranges.extend(direction.beyond(field, value).map(|then| range(at, then, at)));
            if *direction == Direction::Descending && **value != Scalar::Null {
                ranges.push(range(at, equals(field, &Scalar::Null), at + 1));
            }
        }
        ranges
    }
}

impl Range {
    pub(super) fn everything() -> Self {
        Self { condition: Sql::new("TRUE"), equal: 0 }
    }
}

impl Direction {
    fn sql(self) -> &'static str {
        match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        }
    }

    fn comparison(self) -> &'static str {
        match self {
            Self::Ascending => " > ",
            Self::Descending => " < ",
        }
    }

    /// What comes after `value` in this direction and is not `NULL`, which is the least.
    fn beyond(self, field: &Sql, value: &Scalar) -> Option<Sql> {
        let compared = |how, value| Some(field.clone().with(how).bind(value));
        match (self, value) {
            // No comparison with `NULL` is ever true; this is the least of the others.
            (Self::Ascending, Scalar::Null) => compared(" >= ", Scalar::Real(f64::NEG_INFINITY)),
            (Self::Descending, Scalar::Null) => None,
            (_, value) => compared(self.comparison(), value.clone()),
        }
    }
}

fn equals(field: &Sql, value: &Scalar) -> Sql {
    match value {
        Scalar::Null => field.clone().with(" IS NULL"),
        value => field.clone().with(" = ").bind(value.clone()),
    }
}
