//! Conditions on documents, and how they are combined.

use std::ops::Not;

use super::misuse::Misuse;
use super::sql::Sql;

/// A condition on a document: a comparison of a [`Field`](super::Field), or several combined with
/// [`and`](Self::and), [`or`](Self::or) and `!`. It holds or it does not: what a missing field has to
/// do with it is told at each comparison, and `!` turns exactly that around.
///
/// ```
/// use es_sqlite::{Filter, field};
///
/// let urgent = field("priority").ge(8).or(field("express").eq(true));
/// let waiting = !field("status").one_of(["shipped", "cancelled"]);
/// let filter = waiting.and(urgent);
///
/// // As many conditions as there are parameters of a request.
/// let (patient, drug) = (Some("Ada"), None::<&str>);
/// let asked = [patient.map(|p| field("patient").eq(p)), drug.map(|d| field("drug").eq(d))];
/// let filter = filter.and(Filter::all(asked.into_iter().flatten()));
/// ```
#[derive(Debug, Clone)]
#[must_use = "a filter does nothing until a query is run with it"]
pub struct Filter(Result<Condition, Misuse>);

#[derive(Debug, Clone)]
struct Condition {
    /// In parentheses, or a single word. `NULL` counts as false.
    sql: Sql,
    /// How many comparisons and `!` it has.
    size: usize,
}

impl Filter {
    /// The most conditions in the filter of a query: comparisons, and each `!` on top. It keeps
    /// statements well within what SQLite's parser takes.
    pub const MAX_CONDITIONS: usize = 200;

    /// The most values in the filter of a query, together with the fields that are not top-level
    /// names of ASCII letters, digits and `_`: those are passed to SQLite as values, too.
    pub const MAX_VALUES: usize = 10_000;

    /// What all of `filters` hold for: every document, if there is none.
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        filters.into_iter().reduce(Self::and).unwrap_or_else(|| Self::constant("TRUE"))
    }

    /// What any of `filters` holds for: no document, if there is none.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        filters.into_iter().reduce(Self::or).unwrap_or_else(|| Self::constant("FALSE"))
    }

    /// What both hold for.
    pub fn and(self, other: Self) -> Self {
        self.combine(" AND ", other)
    }

    /// What one of the two holds for, or both.
    pub fn or(self, other: Self) -> Self {
        self.combine(" OR ", other)
    }

    /// A single comparison.
    pub(super) fn comparison(sql: Result<Sql, Misuse>) -> Self {
        let in_parentheses = |sql| Sql::new("(").append(&sql).with(")");
        Self::checked(sql.map(|sql| Condition { sql: in_parentheses(sql), size: 1 }))
    }

    pub(super) fn constant(word: &str) -> Self {
        Self(Ok(Condition { sql: Sql::new(word), size: 0 }))
    }

    pub(super) fn into_sql(self) -> Result<Sql, Misuse> {
        self.0.map(|condition| condition.sql)
    }

    fn combine(self, operator: &str, other: Self) -> Self {
        let combine = |one: Condition, other: Condition| Condition {
            sql: Sql::new("(").append(&one.sql).with(operator).append(&other.sql).with(")"),
            size: one.size + other.size,
        };
        Self::checked(self.0.and_then(|one| Ok(combine(one, other.0?))))
    }

    /// Refuses what has become too large before it is made part of something larger.
    fn checked(condition: Result<Condition, Misuse>) -> Self {
        let over = |limit: usize, what: &str| {
            Err(Misuse::new(format!("a filter cannot have more than {limit} {what}")))
        };
        Self(condition.and_then(|condition| {
            if condition.size > Self::MAX_CONDITIONS {
                return over(Self::MAX_CONDITIONS, "conditions");
            }
            if condition.sql.values().len() > Self::MAX_VALUES {
                return over(Self::MAX_VALUES, "values");
            }
            Ok(condition)
        }))
    }
}

impl Not for Filter {
    type Output = Self;

    /// What the filter does not hold for.
    fn not(self) -> Self {
        let not = |condition: Condition| Condition {
            // Of a `NULL`, `NOT` would not make a true.
            sql: Sql::new("(").append(&condition.sql).with(" IS NOT TRUE)"),
            size: condition.size + 1,
        };
        Self::checked(self.0.map(not))
    }
}
