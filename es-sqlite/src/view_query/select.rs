//! The statements of a query, and running them.

use es_core::{Result, ViewDocument, ViewName};
use rusqlite::{Connection, Row, params_from_iter};

use super::cursor::{Position, QueryId};
use super::order::{Range, TotalOrder};
use super::plan::QueryPlan;
use super::sql::{Scalar, Sql};
use crate::errors::{Fault, unsigned};
use crate::views::{on_view, table};

/// A query as SQL.
#[derive(Debug)]
pub(super) struct Select {
    view: ViewName,
    filter: Sql,
    order: TotalOrder,
}

/// Some documents in their order.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) documents: Vec<ViewDocument>,
    /// The place of the last one, if there are more behind it.
    pub(super) more_after: Option<Position>,
}

/// The columns `key` and `document`; behind them are the values of the order.
const COLUMNS_BEFORE_VALUES: usize = 2;

/// A statement with more values does not stay prepared: the next list has another length, and one of
/// 10,000 values takes 1.7 MB of a connection (SQLite's `SQLITE_STMTSTATUS_MEMUSED`).
const MOST_VALUES_KEPT: usize = 100;

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
        let mut documents = Vec::new();
        let mut last = None;
        for range in self.ranges(position) {
            // One more than there is room for tells whether the page is the last.
            let left = limit - documents.len();
            let mut more = false;
            self.run(db, &self.documents(&range, left.saturating_add(1)), |row| {
                more = documents.len() == limit;
                if !more {
                    documents.push(ViewDocument { key: row.get(0)?, document: row.get(1)? });
                }
                if !more && documents.len() == limit {
                    last = Some(self.position(row)?);
                }
                Ok(())
            })?;
            if more {
                return Ok(Found { documents, more_after: last });
            }
        }
        Ok(Found { documents, more_after: None })
    }

    pub(super) fn count(&self, db: &Connection) -> Result<u64, Fault> {
        let count = Sql::new(format!("SELECT count(*) FROM {} WHERE ", table(&self.view)));
        let mut counted = 0;
        self.run(db, &count.append(&self.filter), |row| {
            counted = unsigned("a count", row.get(0)?)?;
            Ok(())
        })?;
        Ok(counted)
    }

    /// The plan for the page after `position`.
    pub(super) fn plan(
        &self,
        db: &Connection,
        position: Option<&Position>,
    ) -> Result<QueryPlan, Fault> {
        let mut steps = Vec::new();
        for range in self.ranges(position) {
            let explain = Sql::new("EXPLAIN QUERY PLAN ").append(&self.documents(&range, 1));
            self.run(db, &explain, |row| {
                steps.push(row.get("detail")?);
                Ok(())
            })?;
        }
        Ok(QueryPlan::new(self.view.clone(), steps))
    }

    fn run(
        &self,
        db: &Connection,
        statement: &Sql,
        mut on_row: impl FnMut(&Row<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        on_view(db, &self.view, || {
            let mut prepared = db.prepare_cached(statement.text())?;
            let mut rows = prepared.query(params_from_iter(statement.values()))?;
            while let Some(row) = rows.next()? {
                on_row(row)?;
            }
            drop(rows);
            if statement.values().len() > MOST_VALUES_KEPT {
                prepared.discard();
            }
            Ok(())
        })
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
            .with(" + 0")
    }

    fn position(&self, row: &Row<'_>) -> Result<Position, Fault> {
        let values = (COLUMNS_BEFORE_VALUES..).take(self.order.len());
        let values = values.map(|column| row.get(column)).collect::<Result<_, _>>()?;
        Ok(Position { values, key: row.get(0)? })
    }
}
