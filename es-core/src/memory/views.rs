//! Views: documents under keys, written together with the progress that they show.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use serde_json::Value;

use super::{MemoryStore, ReadSide};
use crate::checkpoint_store::{Adopted, Adoption, ConsumerId, Progress};
use crate::error::{Error, Result};
use crate::view_store::{
    ViewChange, ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore, check_swap,
    check_view_key,
};

#[derive(Default)]
pub(super) struct Views {
    prepared: HashMap<ViewName, Documents>,
}

#[derive(Default)]
struct Documents {
    indexed_fields: Vec<&'static str>,
    by_key: BTreeMap<String, Document>,
}

struct Document {
    json: String,
    /// The top-level fields that are strings, of those that are indexed.
    indexed: Vec<(&'static str, String)>,
}

#[async_trait]
impl ViewStore for MemoryStore {
    async fn prepare(&self, view: &ViewSchema) -> Result<()> {
        let mut read_side = self.read_side();
        let documents = read_side.views.prepared.entry(view.name.clone()).or_default();
        documents.index(&view.name, view.indexed_fields)
    }

    async fn get(&self, view: &ViewName, keys: &[&str]) -> Result<Vec<Option<String>>> {
        let read_side = self.read_side();
        let documents = read_side.views.of(view)?;
        let document = |key: &&str| Some(documents.by_key.get(*key)?.json.clone());
        Ok(keys.iter().map(document).collect())
    }

    async fn list(&self, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>> {
        let read_side = self.read_side();
        read_side.views.of(view)?.list(view, query)
    }

    async fn write(&self, changes: Vec<ViewChange>, progress: Progress) -> Result<()> {
        self.check_step(&progress, changes.len())?;
        let mut read_side = self.read_side();
        let ReadSide { progress: book, views } = &mut *read_side;
        // Everything that can fail comes before the first change: the step is whole or not at all.
        let replaced = changes.iter().all(|change| views.is_as_found(change));
        let changes: Vec<_> =
            changes.into_iter().map(|change| views.checked(change)).collect::<Result<_>>()?;
        book.check(&progress)?;
        if !replaced {
            return Err(progress.fenced());
        }
        for (view, key, document) in changes {
            let Some(documents) = views.prepared.get_mut(&view) else { continue };
            match document {
                Some(document) => documents.by_key.insert(key, document),
                None => documents.by_key.remove(&key),
            };
        }
        book.advance(progress);
        Ok(())
    }

    async fn clear(&self, view: &ViewName, progress_of: &ConsumerId) -> Result<()> {
        let mut read_side = self.read_side();
        if let Some(documents) = read_side.views.prepared.get_mut(view) {
            documents.by_key.clear();
        }
        read_side.progress.reset(progress_of);
        Ok(())
    }

    async fn swap(&self, from: &ViewName, to: &ViewName, adoption: &Adoption) -> Result<Adopted> {
        check_swap(from, to)?;
        let mut read_side = self.read_side();
        let ReadSide { progress, views } = &mut *read_side;
        views.of(from)?;
        let adopted = progress.adopt(adoption)?;
        if adopted == Adopted::Done
            && let Some(documents) = views.prepared.remove(from)
        {
            views.prepared.insert(to.clone(), documents);
        }
        Ok(adopted)
    }
}

impl Views {
    fn of(&self, view: &ViewName) -> Result<&Documents> {
        self.prepared
            .get(view)
            .ok_or_else(|| Error::Misuse(format!("view {view} was never prepared in this store")))
    }

    /// Whether what the change replaces is still there.
    fn is_as_found(&self, change: &ViewChange) -> bool {
        let documents = self.prepared.get(&change.view);
        let current = documents.and_then(|documents| documents.by_key.get(&change.key));
        change.replaces.allows(current.map(|document| document.json.as_str()))
    }

    /// A change that can be made.
    fn checked(&self, change: ViewChange) -> Result<(ViewName, String, Option<Document>)> {
        let ViewChange { view, key, document, .. } = change;
        let fields = &self.of(&view)?.indexed_fields;
        check_view_key(&key)?;
        let document = match document {
            Some(json) => Some(Document::parse(&view, &key, json, fields)?),
            None => None,
        };
        Ok((view, key, document))
    }
}

impl Documents {
    /// Adds indexed fields. Fields of an earlier schema stay: its readers may still be there.
    fn index(&mut self, view: &ViewName, fields: &[&'static str]) -> Result<()> {
        let before = self.indexed_fields.len();
        for &field in fields {
            if !self.indexed_fields.contains(&field) {
                self.indexed_fields.push(field);
            }
        }
        if self.indexed_fields.len() == before {
            return Ok(());
        }
        for (key, document) in &mut self.by_key {
            let json = std::mem::take(&mut document.json);
            *document = Document::parse(view, key, json, &self.indexed_fields)?;
        }
        Ok(())
    }

    fn list(&self, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>> {
        if let Some((field, _)) = &query.equals
            && !self.indexed_fields.contains(&field.as_str())
        {
            let message = format!("view {view} cannot be listed by {field:?}: it is not indexed");
            return Err(Error::Misuse(message));
        }
        let after = query.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let matching = self
            .by_key
            .range::<str, _>((after, Bound::Unbounded))
            .filter(|(_, document)| document.matches(query));
        let listed = matching.take(query.limit).map(|(key, document)| ViewDocument {
            key: key.clone(),
            document: document.json.clone(),
        });
        Ok(listed.collect())
    }
}

impl Document {
    fn parse(view: &ViewName, key: &str, json: String, fields: &[&'static str]) -> Result<Self> {
        let value: Value = serde_json::from_str(&json).map_err(|source| Error::Encode {
            what: format!("document {key:?} of view {view}"),
            source: source.into(),
        })?;
        let string = |&field| Some((field, value.get(field)?.as_str()?.to_owned()));
        let indexed = fields.iter().filter_map(string).collect();
        Ok(Self { json, indexed })
    }

    fn matches(&self, query: &ViewQuery) -> bool {
        match &query.equals {
            Some((field, value)) => self.indexed.iter().any(|(f, v)| f == field && v == value),
            None => true,
        }
    }
}
