//! Views that expire: removing documents whose time has come.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use es_core::{Timestamp, ViewChange, ViewName, ViewSchema};
use rusqlite::{Connection, params};

use crate::errors::Fault;
use crate::views::{document_field, table};

/// How many documents a step removes at most, unless it changes more: so no step is slow because of the past, and the
/// removing keeps up with the writing.
const REMOVED_PER_STEP: usize = 200;

/// The fields that documents expire by, of the views that were prepared through the store. Whoever writes
/// a view has prepared it.
#[derive(Debug, Default)]
pub(crate) struct ExpiringViews {
    fields: Mutex<HashMap<ViewName, &'static str>>,
}

impl ExpiringViews {
    pub(crate) fn learn(&self, schema: &ViewSchema) {
        let mut fields = self.fields.lock().unwrap_or_else(PoisonError::into_inner);
        match schema.expires_by {
            Some(field) => fields.insert(schema.name.clone(), field),
            None => fields.remove(&schema.name),
        };
    }

    /// Those of the views that the changes are of, each once.
    pub(crate) fn of(&self, changes: &[ViewChange]) -> Vec<(ViewName, &'static str)> {
        let fields = self.fields.lock().unwrap_or_else(PoisonError::into_inner);
        let mut expiring: Vec<_> = changes
            .iter()
            .filter_map(|change| Some((change.view.clone(), *fields.get(&change.view)?)))
            .collect();
        expiring.sort_unstable();
        expiring.dedup();
        expiring
    }
}

/// Removes documents whose time has come, those that expired first before others, in a step with so many changes.
pub(crate) fn remove_expired(
    db: &Connection,
    view: &ViewName,
    field: &str,
    now: Timestamp,
    changes: usize,
) -> Result<(), Fault> {
    let (table, expires_at) = (table(view), document_field(field));
    // What is no number never expires; fractions do with their second.
    let delete = format!(
        "DELETE FROM {table} WHERE key IN (\
         SELECT key FROM {table} WHERE {expires_at} < ?1 \
         AND json_type(document, '$.{field}') IN ('integer', 'real') \
         ORDER BY {expires_at} LIMIT ?2 + 0)"
    );
    let at_most = i64::try_from(changes.max(REMOVED_PER_STEP)).unwrap_or(i64::MAX);
    db.prepare_cached(&delete)?.execute(params![now.as_second() + 1, at_most])?;
    Ok(())
}
