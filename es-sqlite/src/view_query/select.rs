//! The statements of a query, and running them.

use es_core::{Result, ViewDocument, ViewName};
use rusqlite::{Connection, Row, params_from_iter};

use super::cursor::{Position, QueryId};
use super::order::{Range, TotalOrder};
use super::plan::QueryPlan;
use super::sql::{Scalar, Sql};
use crate::errors::{Fault, unsigned};
use crate::views::{prepare_on, table};

/// A query as SQL.
#[derive(Debug)]
pub(super) struct Select {
    view: ViewName,
    filter: Sql,
    order: TotalOrder,
}

/// Some documents in their order.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) documents: Vec<ViewDocument>,
    /// The place of the last one, if there are more behind it.
    pub(super) more_after: Option<Position>,
}

/// The columns `key` and `document`; behind them are the values of the order.
const COLUMNS_BEFORE_VALUES: usize = 2;

impl Select {
    pub(super) fn new(view: ViewName, filter: Sql, order: TotalOrder) -> Self {
        Self { view, filter, order }
    }

    /// Which query this is, wherever a page begins and however long it is.
    pub(super) fn id(&self) -> Result<QueryId> {
        let order = self.documents(&Range::everything(), 0);
        QueryId::of(&(self.view.as_str(), &self.filter, order))
    }

    /// At most `limit` documents, from those after `position`. Call it in a snapshot.
    pub(super) fn page(
        &self,
        db: &Connection,
        position: Option<&Position>,
        limit: usize,
    ) -> Result<Found, Fault> {
        let mut found = Found::default();
        let mut last = None;
        for range in self.ranges(position) {
            // One more than there is room for tells whether the page is the last.
            let left = limit - found.documents.len();
            let statement = self.documents(&range, left.saturating_add(1));
            let mut select = prepare_on(db, &self.view, statement.text())?;
            let mut rows = select.query(params_from_iter(statement.values()))?;
            while let Some(row) = rows.next()? {
                if found.documents.len() == limit {
                    return Ok(Found { more_after: last, ..found });
                }
                found.documents.push(ViewDocument { key: row.get(0)?, document: row.get(1)? });
                if found.documents.len() == limit {
                    last = Some(self.position(row)?);
                }
            }
        }
        Ok(found)
    }

    pub(super) fn count(&self, db: &Connection) -> Result<u64, Fault> {
        let count = Sql::new(format!("SELECT count(*) FROM {} WHERE ", table(&self.view)));
        let count = count.append(&self.filter);
        let mut select = prepare_on(db, &self.view, count.text())?;
        let count = select.query_row(params_from_iter(count.values()), |row| row.get(0))?;
        Ok(unsigned("a count", count)?)
    }

    /// The plan for the page after `position`.
    pub(super) fn plan(
        &self,
        db: &Connection,
        position: Option<&Position>,
    ) -> Result<QueryPlan, Fault> {
        let mut steps = Vec::new();
        for range in self.ranges(position) {
            let statement = Sql::new("EXPLAIN QUERY PLAN ").append(&self.documents(&range, 1));
            let mut explain = prepare_on(db, &self.view, statement.text())?;
            let values = params_from_iter(statement.values());
            let lines = explain.query_map(values, |row| row.get("detail"))?;
            steps.extend(lines.collect::<Result<Vec<String>, _>>()?);
        }
        Ok(QueryPlan::new(self.view.clone(), steps))
    }

    /// What is to be gone through for the documents after `position`.
    fn ranges(&self, position: Option<&Position>) -> Vec<Range> {
        position.map_or_else(|| vec![Range::everything()], |at| self.order.ranges_after(at))
    }

    /// The documents in `range` that match.
    fn documents(&self, range: &Range, limit: usize) -> Sql {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let columns = [Sql::new("key"), Sql::new("document")];
        let columns = columns.into_iter().chain(self.order.values().cloned());
        let order = self.order.by_columns(range, COLUMNS_BEFORE_VALUES + 1);
        Sql::new("SELECT ")
            .append(&Sql::join(columns, ", "))
            .with(&format!(" FROM {} WHERE ", table(&self.view)))
            .append(&self.filter)
            .with(" AND ")
            .append(&range.condition)
            .with(&format!(" ORDER BY {order} LIMIT "))
            .bind(Scalar::Integer(limit))
    }

    fn position(&self, row: &Row<'_>) -> Result<Position, Fault> {
        let values = (COLUMNS_BEFORE_VALUES..).take(self.order.len());
        let values = values.map(|column| row.get(column)).collect::<Result<_, _>>()?;
        Ok(Position { values, key: row.get(0)? })
    }
}
