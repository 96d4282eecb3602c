//! How SQLite goes about a query.

use std::fmt;

use es_core::ViewName;

/// How SQLite finds and orders the documents of a query's next page, from
/// [`DocumentQuery::explain`](super::DocumentQuery::explain). Its text is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryPlan {
    view: ViewName,
    steps: Vec<String>,
}

impl QueryPlan {
    pub(super) fn new(view: ViewName, steps: Vec<String>) -> Self {
        Self { view, steps }
    }

    /// The lines of `EXPLAIN QUERY PLAN`. Their form is SQLite's, and may change with it. The page
    /// after a cursor has several statements, as it is made of several ranges.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Whether the index of the top-level field `name` finds the documents or gives their order.
    pub fn uses_index(&self, name: &str) -> bool {
        let prefix = format!("view_{}.", self.view);
        let indexes = self.steps.iter().filter_map(|step| step.split_once("INDEX "));
        let indexes = indexes.filter_map(|(_, index)| index.strip_prefix(&prefix));
        // What follows a name is a condition or the end; the number before it tells apart names that
        // are the same to SQLite.
        let fields = indexes.filter_map(|index| index.split(' ').next()?.split_once('.'));
        fields.into_iter().any(|(_, field)| field == name)
    }

    /// Whether documents are looked at one after the other, from the begin of an order, until the
    /// page is full. That is right where nearly all of them match.
    pub fn scans(&self) -> bool {
        self.steps.iter().any(|step| step.starts_with("SCAN"))
    }

    /// Whether all documents that match are sorted for the page.
    pub fn sorts(&self) -> bool {
        self.steps.iter().any(|step| step.contains("TEMP B-TREE"))
    }
}

impl fmt::Display for QueryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.steps.join("\n"))
    }
}
