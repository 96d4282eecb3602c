//! Steps that write documents.

use std::collections::{BTreeMap, BTreeSet};

use es_core::{Progress, Replaces, Result, ViewChange, ViewName, check_view_key};
use futures::future::try_join_all;

use super::document::{Document, HASH, hash_of};
use super::indexed_field::index_entries;
use super::pointer::Pointer;
use super::reading::document_key;
use crate::attempts::Attempts;
use crate::progress::{Condition, OTHERS, Refusal, Sent, Write};
use crate::store::DynamoStore;
use crate::tables::{EXPIRES_AT, VIEW_KEY};

impl DynamoStore {
    pub(super) async fn write_documents(
        &self,
        changes: &[ViewChange],
        progress: &Progress,
    ) -> Result<()> {
        let views: BTreeSet<&ViewName> = changes.iter().map(|change| &change.view).collect();
        let mut known = try_join_all(views.iter().map(|view| self.known_pointer(view))).await?;
        let changes = NetChanges::of(changes)?;
        if changes.contradict_each_other {
            return Err(progress.fenced());
        }
        let what = format!("writing documents and progress of {}", progress.consumer);
        let mut attempts = Attempts::default();
        loop {
            let mut step = self.progress_step(progress).await?;
            // Documents must go where they belong together with this progress. The pointers are now as
            // they were before the progress was read, so they were so when it was. A view that is
            // cleared or swapped from now on has this step whole, as if it had come before, or not.
            let now = try_join_all(views.iter().map(|view| self.pointer(view))).await?;
            if now == known {
                let pointers = views.iter().copied().zip(&known).collect();
                for write in self.document_writes(&changes, &pointers)? {
                    step.add(write, Refusal::Fenced);
                }
                match self.send(step).await? {
                    Sent::Done => return Ok(()),
                    Sent::Refused(Refusal::Fenced) => return Err(progress.fenced()),
                    Sent::Refused(Refusal::StartOver) => {}
                }
            }
            known = now;
            attempts.pause(self, &what, OTHERS).await?;
        }
    }

    fn document_writes(
        &self,
        changes: &NetChanges<'_>,
        pointers: &BTreeMap<&ViewName, &Pointer>,
    ) -> Result<Vec<Write>> {
        let mut writes = Vec::with_capacity(changes.by_key.len());
        for (&(view, key), change) in &changes.by_key {
            let Some(pointer) = pointers.get(view) else { continue };
            writes.push(self.document_write(view, key, change, pointer)?);
        }
        Ok(writes)
    }

    fn document_write(
        &self,
        view: &ViewName,
        key: &str,
        change: &NetChange<'_>,
        pointer: &Pointer,
    ) -> Result<Write> {
        let place = document_key(&pointer.generation, key);
        let write = match &change.document {
            None => Write::delete(&pointer.table, place),
            Some(document) => {
                let mut own = place;
                own.extend(index_entries(&pointer.generation, pointer.fields_in_index(), document));
                own.extend(
                    self.expiring_views()
                        .expiry(view, document)
                        .map(|at| (EXPIRES_AT.to_owned(), at)),
                );
                Write::put(&pointer.table, document.to_item(view, key, own)?)
            }
        };
        Ok(match change.found {
            None => write,
            Some(None) => write.when(Condition::Absent(VIEW_KEY)),
            Some(Some(json)) => write.when(Condition::Equals(HASH, hash_of(json))),
        })
    }
}

/// What a step does, key by key.
struct NetChanges<'a> {
    by_key: BTreeMap<(&'a ViewName, &'a str), NetChange<'a>>,
    /// Whether two changes of one key were made from different documents: one of them is not there.
    contradict_each_other: bool,
}

/// What a step does to one document.
#[derive(Default)]
struct NetChange<'a> {
    /// What must be there before the step, if that matters.
    found: Option<Option<&'a str>>,
    /// The last change; `None` removes it.
    document: Option<Document<'a>>,
}

impl<'a> NetChanges<'a> {
    /// # Errors
    ///
    /// [`InvalidId`](es_core::Error::InvalidId), [`Encode`](es_core::Error::Encode).
    fn of(changes: &'a [ViewChange]) -> Result<Self> {
        let mut net = Self { by_key: BTreeMap::new(), contradict_each_other: false };
        for ViewChange { view, key, replaces, document } in changes {
            check_view_key(key)?;
            let change: &mut NetChange<'_> = net.by_key.entry((view, key)).or_default();
            let document = document.as_deref().map(|json| Document::of_json(view, key, json));
            change.document = document.transpose()?;
            if let Replaces::Found(found) = replaces {
                let found = found.as_deref();
                net.contradict_each_other |= change.found.is_some_and(|other| other != found);
                change.found = Some(found);
            }
        }
        Ok(net)
    }
}
