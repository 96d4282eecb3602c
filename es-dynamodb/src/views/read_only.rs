//! Stores that only read views, which other programs write.
//!
//! They open a view where the others prepare it: nothing is begun, and no document is put into an index. What the view
//! has is served; what it does not have yet is told.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use es_core::{Error, Result, ViewDocument, ViewName, ViewQuery, ViewSchema};

use super::indexed_field::check_field;
use super::pointer::{Pointer, never_prepared};
use crate::store::DynamoStore;

/// The views that a store has opened, with the fields that its program lists them by.
#[derive(Debug, Default)]
pub(crate) struct OpenedViews {
    fields: Mutex<HashMap<ViewName, &'static [&'static str]>>,
}

impl OpenedViews {
    fn learn(&self, schema: &ViewSchema) {
        let mut fields = self.fields.lock().unwrap_or_else(PoisonError::into_inner);
        fields.insert(schema.name.clone(), schema.indexed_fields);
    }

    fn fields(&self, view: &ViewName) -> Option<&'static [&'static str]> {
        self.fields.lock().unwrap_or_else(PoisonError::into_inner).get(view).copied()
    }
}

impl DynamoStore {
    /// A store on the same tables, with the same clients, that only reads views: for a program whose views others write,
    /// as an API in front of functions. It need not be allowed to write into them.
    ///
    /// [`prepare`](es_core::ViewStore::prepare) looks whether the view is there, and changes nothing. A view that nobody has
    /// written yet has no documents then. A view that lacks an index, because the program that writes it was not started since
    /// the field was added to its schema, is read by key and listed by other fields; listing it by this one is
    /// [`Error::Unavailable`], which says so, until whoever writes it has prepared or rebuilt it. Writing views is
    /// [`Error::Misuse`].
    #[must_use]
    pub fn reading_views(&self) -> Self {
        self.that_reads_views()
    }

    /// Sees to it that a view can be read. It is one read when somebody has written it.
    pub(super) async fn open_view(&self, schema: &ViewSchema) -> Result<()> {
        let ViewSchema { name: view, indexed_fields, .. } = schema;
        for field in *indexed_fields {
            check_field(view, field)?;
        }
        match self.pointer_if_any(view).await? {
            // Of a view that is empty for as long as nobody writes it, it must be certain that somebody can.
            None => {
                let table = self.tables().view_definition(view, indexed_fields).name;
                self.check_indexes(&table, &[]).await?;
            }
            Some(found) => {
                for field in indexed_fields.iter().filter(|field| !found.lists_by(field)) {
                    tracing::warn!(%view, field, "{}", lacks(field));
                }
            }
        }
        self.opened_views().learn(schema);
        Ok(())
    }

    /// The pointer of a view that is to be read; none of one that has no documents because nobody has written it yet.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when there is none for any other reason.
    pub(super) async fn readable_pointer(&self, view: &ViewName) -> Result<Option<Pointer>> {
        if let Some(pointer) = self.known_pointers().of(view) {
            return Ok(Some(pointer));
        }
        match self.pointer_if_any(view).await? {
            None if self.opened_views().fields(view).is_none() => Err(never_prepared(view)),
            found => Ok(found),
        }
    }

    /// What is listed of a view that nobody has written yet.
    pub(super) fn listing_of_nothing(
        &self,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        match &query.equals {
            Some((field, _)) if !self.lists_by(view, field) => Err(self.not_listed_by(view, field)),
            _ => Ok(Vec::new()),
        }
    }

    /// Whether this program lists the view, which it only reads, by this field.
    fn lists_by(&self, view: &ViewName, field: &str) -> bool {
        self.opened_views().fields(view).is_some_and(|fields| fields.contains(&field))
    }

    /// Why a view cannot be listed by a field that it has no index of.
    pub(super) fn not_listed_by(&self, view: &ViewName, field: &str) -> Error {
        match self.lists_by(view, field) {
            true => Error::Unavailable {
                what: format!("listing view {view} by {field:?}"),
                source: lacks(field).into(),
            },
            false => Error::Misuse(format!(
                "view {view} cannot be listed by {field:?}: it is not indexed"
            )),
        }
    }

    /// Refuses to write where views are only read.
    pub(super) fn check_writes_views(&self) -> Result<()> {
        match self.only_reads_views() {
            true => Err(Error::Misuse("this store only reads views".to_owned())),
            false => Ok(()),
        }
    }
}

fn lacks(field: &str) -> String {
    format!(
        "the view lacks the index of {field:?}: the projector that writes it adds the index when it is started, and so does \
         a rebuild"
    )
}
