//! Putting documents into an index that were there before it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{Result, ViewDocument, ViewName};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::document::{Document, HASH};
use super::indexed_field::index_entries;
use super::pointer::Pointer;
use super::reading::{document_key, read_document};
use crate::item::Item;
use crate::partition_query::PartitionQuery;
use crate::store::DynamoStore;
use crate::tables::{VIEW_GENERATION, VIEW_KEY};

/// How many documents are read at a time.
const PAGE: usize = 100;
/// How many are written at a time.
const CONCURRENCY: usize = 8;

/// A document that is to be listed by these attributes, too.
struct Indexed {
    key: String,
    hash: AttributeValue,
    entries: Item,
}

impl DynamoStore {
    /// Gives all documents the attributes that they are listed by, for these fields.
    pub(super) async fn index_documents(
        &self,
        view: &ViewName,
        pointer: &Pointer,
        fields: &[String],
    ) -> Result<()> {
        let what = format!("indexing the documents of view {view}");
        let mut last: Option<String> = None;
        loop {
            let documents = PartitionQuery::new(&pointer.table, &pointer.generation)
                .keyed_by(VIEW_GENERATION, VIEW_KEY)
                .limit(PAGE);
            let documents = match last {
                Some(last) => documents.after(last),
                None => documents,
            };
            let mut page = Vec::new();
            for item in self.query(&what, documents).await? {
                page.push(to_be_indexed(view, pointer, fields, item)?);
            }
            last = page.last().map(|(key, _)| key.clone());
            if last.is_none() {
                return Ok(());
            }
            stream::iter(page.into_iter().filter_map(|(_, indexed)| indexed))
                .map(|indexed| self.index_document(&what, pointer, indexed))
                .buffer_unordered(CONCURRENCY)
                .try_collect::<()>()
                .await?;
        }
    }

    /// Adds the attributes to a document, unless it was changed since: who changed it has added them.
    async fn index_document(
        &self,
        what: &str,
        pointer: &Pointer,
        Indexed { key, hash, entries }: Indexed,
    ) -> Result<()> {
        let mut names = HashMap::from([("#hash".to_owned(), HASH.to_owned())]);
        let mut values = HashMap::from([(":hash".to_owned(), hash)]);
        let mut terms = Vec::new();
        for (n, (name, value)) in entries.into_iter().enumerate() {
            terms.push(format!("#{n} = :{n}"));
            names.insert(format!("#{n}"), name);
            values.insert(format!(":{n}"), value);
        }
        let update = self
            .dynamodb()
            .update_item()
            .table_name(&pointer.table)
            .set_key(Some(document_key(&pointer.generation, &key)))
            .update_expression(format!("SET {}", terms.join(", ")))
            .condition_expression("#hash = :hash")
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values));
        // A step that writes the document is a transaction.
        match self.past_transactions(|| update.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(refusal) if refusal.is_conditional_check_failed_exception() => Ok(()),
                _ => Err(self.failed(what, &pointer.table, error)),
            },
        }
    }
}

/// The document's key, and what it lacks, if anything.
fn to_be_indexed(
    view: &ViewName,
    pointer: &Pointer,
    fields: &[String],
    item: Item,
) -> Result<(String, Option<Indexed>)> {
    let before = item.clone();
    let ViewDocument { key, document } = read_document(view, item)?;
    let document = Document::of_json(view, &key, &document)?;
    let mut entries = index_entries(&pointer.generation, fields, &document);
    entries.retain(|name, value| before.get(name) != Some(value));
    let indexed = before.get(HASH).filter(|_| !entries.is_empty());
    let indexed = indexed.map(|hash| Indexed { key: key.clone(), hash: hash.clone(), entries });
    Ok((key, indexed))
}
