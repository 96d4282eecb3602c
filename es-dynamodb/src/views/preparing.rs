//! Preparing views: their tables, indexes and pointers.

use es_core::{Result, ViewName, ViewSchema};

use super::indexed_field::check_field;
use super::pointer::Pointer;
use crate::attempts::Attempts;
use crate::options::TableCreation;
use crate::store::DynamoStore;
use crate::tables::IndexDefinition;

impl DynamoStore {
    /// Prepares a view. It is one read when there is nothing to do.
    pub(super) async fn prepare_view(&self, schema: &ViewSchema) -> Result<()> {
        let ViewSchema { name: view, indexed_fields, .. } = schema;
        self.expiring_views().learn(schema);
        for field in *indexed_fields {
            check_field(view, field)?;
        }
        let what = format!("preparing view {view}");
        let mut attempts = Attempts::default();
        loop {
            let is_prepared = match self.pointer_if_any(view).await? {
                None => self.begin_view(view, indexed_fields).await?,
                Some(found) => self.index_view(view, found, indexed_fields).await?,
            };
            if is_prepared {
                return Ok(());
            }
            attempts.pause(self, &what, "others changed it meanwhile").await?;
        }
    }

    /// Makes a view without documents; `false` if somebody else has made it.
    async fn begin_view(&self, view: &ViewName, fields: &[&str]) -> Result<bool> {
        let definition = self.tables().view_definition(view, fields);
        if self.options().table_creation == TableCreation::IfMissing {
            self.ensure_table(&definition).await?;
        }
        self.set_up_indexes(&definition.name, &definition.indexes).await?;
        let indexed = fields.iter().map(|&field| field.to_owned()).collect();
        let generation = self.new_generation();
        let begun = Pointer { table: definition.name, generation, indexed, indexing: Vec::new() };
        self.move_pointer(view, None, &begun).await
    }

    /// Adds what is missing to the indexed fields; those of an earlier schema stay, because its readers
    /// may still be there. `false` if the pointer was changed meanwhile.
    ///
    /// From the first change of the pointer on, writers put new documents into the indexes; then the old
    /// documents follow; the second change lets readers use the indexes.
    async fn index_view(&self, view: &ViewName, found: Pointer, fields: &[&str]) -> Result<bool> {
        let missing: Vec<String> = fields
            .iter()
            .filter(|field| !found.lists_by(field))
            .map(|&field| field.to_owned())
            .collect();
        if missing.is_empty() {
            return Ok(true);
        }
        let indexes: Vec<_> =
            missing.iter().map(|field| IndexDefinition::of_field(field)).collect();
        self.set_up_indexes(&found.table, &indexes).await?;
        let mut begun = found.clone();
        begun.indexing.extend(missing.iter().cloned());
        begun.indexing.sort_unstable();
        begun.indexing.dedup();
        if begun != found && !self.move_pointer(view, Some(&found), &begun).await? {
            return Ok(false);
        }
        self.index_documents(view, &begun, &missing).await?;
        let mut done = begun.clone();
        done.indexing.retain(|field| !missing.contains(field));
        done.indexed.extend(missing);
        self.move_pointer(view, Some(&begun), &done).await
    }

    async fn set_up_indexes(&self, table: &str, indexes: &[IndexDefinition]) -> Result<()> {
        match self.options().table_creation {
            TableCreation::IfMissing => self.ensure_indexes(table, indexes).await,
            TableCreation::Never => self.check_indexes(table, indexes).await,
        }
    }
}
