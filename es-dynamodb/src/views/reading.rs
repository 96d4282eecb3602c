//! Reading documents.
//!
//! Documents are read where the pointer was last seen to point. The pointer is read beside them, and
//! again after them if something is missing: what was read counts if it pointed there all the time. So
//! nobody sees a part of one build and a part of another, nor a build that is being removed.

use std::collections::{BTreeSet, HashMap};

use es_core::{Error, Result, ViewDocument, ViewName, ViewQuery, check_view_key};
use futures::try_join;

use super::document::text_of;
use super::indexed_field::index_key;
use super::pointer::Pointer;
use crate::item::{Item, TakeAttribute, text};
use crate::partition_query::PartitionQuery;
use crate::store::DynamoStore;
use crate::tables::{IndexDefinition, VIEW_GENERATION, VIEW_KEY};

/// The key of a document in the table of its view.
pub(super) fn document_key(generation: &str, key: &str) -> Item {
    let attributes = [(VIEW_GENERATION, text(generation)), (VIEW_KEY, text(key))];
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The key and the text of a document.
pub(super) fn read_document(view: &ViewName, mut item: Item) -> Result<ViewDocument> {
    let key = item.take_text(VIEW_KEY).unwrap_or_default();
    match text_of(item) {
        Ok(document) => Ok(ViewDocument { key, document }),
        Err(reason) => {
            Err(Error::Corrupt { what: format!("document {key:?} of view {view}"), reason })
        }
    }
}

impl DynamoStore {
    pub(super) async fn documents(
        &self,
        view: &ViewName,
        keys: &[&str],
    ) -> Result<Vec<Option<String>>> {
        let what = format!("reading documents of view {view}");
        // No document has a key that is not valid, and DynamoDB refuses to look for some of them.
        let asked: BTreeSet<&str> =
            keys.iter().copied().filter(|key| check_view_key(key).is_ok()).collect();
        let Some(mut known) = self.readable_pointer(view).await? else {
            return Ok(vec![None; keys.len()]);
        };
        for _ in 0..MAX_READS {
            let places = asked.iter().map(|key| document_key(&known.generation, key)).collect();
            let (found, mut now) =
                try_join!(self.get_items(&what, &known.table, places), self.pointer(view))?;
            if now.generation == known.generation && found.len() < asked.len() {
                now = self.pointer(view).await?;
            }
            if now.generation == known.generation {
                let found: HashMap<String, String> = found
                    .into_iter()
                    .map(|item| read_document(view, item))
                    .map(|document| document.map(|found| (found.key, found.document)))
                    .collect::<Result<_>>()?;
                return Ok(keys.iter().map(|&key| found.get(key).cloned()).collect());
            }
            known = now;
        }
        Err(moved_too_often(what))
    }

    pub(super) async fn listing(
        &self,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        let what = format!("listing view {view}");
        let Some(mut known) = self.readable_pointer(view).await? else {
            return self.listing_of_nothing(view, query);
        };
        for _ in 0..MAX_READS {
            if !can_be_listed(&known, query) {
                known = self.pointer(view).await?;
                if let Some((field, _)) = query.equals.as_ref()
                    && !can_be_listed(&known, query)
                {
                    return Err(self.not_listed_by(view, field));
                }
            }
            let found = self.query(&what, partition_query(&known, query)).await?;
            let now = self.pointer(view).await?;
            if now.generation == known.generation {
                return found.into_iter().map(|item| read_document(view, item)).collect();
            }
            known = now;
        }
        Err(moved_too_often(what))
    }
}

/// How often documents are read anew because others have taken their place meanwhile.
const MAX_READS: usize = 16;

fn moved_too_often(what: String) -> Error {
    let source = format!("{MAX_READS} times others took the place of the documents").into();
    Error::Unavailable { what, source }
}

fn can_be_listed(pointer: &Pointer, query: &ViewQuery) -> bool {
    query.equals.as_ref().is_none_or(|(field, _)| pointer.lists_by(field))
}

/// The longest sort key, in bytes.
const MAX_SORT_KEY_LEN: usize = 1024;

fn partition_query<'a>(pointer: &'a Pointer, query: &'a ViewQuery) -> PartitionQuery<'a> {
    let documents = match &query.equals {
        None => PartitionQuery::new(&pointer.table, &pointer.generation)
            .keyed_by(VIEW_GENERATION, VIEW_KEY),
        Some((field, value)) => {
            let IndexDefinition { name, partition_key, sort_key } =
                IndexDefinition::of_field(field);
            PartitionQuery::new(&pointer.table, index_key(&pointer.generation, value))
                .keyed_by(partition_key, sort_key)
                .in_index(name)
        }
    };
    let documents = documents.limit(query.limit);
    match query.after.as_deref() {
        None | Some("") => documents,
        // All keys are shorter: what comes after the beginning comes after the whole, too.
        Some(after) => documents.after(&after[..after.floor_char_boundary(MAX_SORT_KEY_LEN)]),
    }
}
