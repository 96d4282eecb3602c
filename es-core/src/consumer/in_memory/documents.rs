//! The documents of one view.

use std::collections::{HashMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use foldhash::fast::RandomState;
use serde::Serialize;

use crate::error::Result;
use crate::event::Recorded;
use crate::projector::Projector;
use crate::view_store::{Replaces, ViewChange, ViewName, ViewStore, decode_document};

use super::group::{FoldOf, InView, KeysOf, Refused};

pub(super) struct Documents<P: Projector> {
    projector: Arc<P>,
    views: Arc<dyn ViewStore>,
    view: ViewName,
    by_key: HashMap<String, Document<P::View>, RandomState>,
    /// What the documents were found to take.
    measured: usize,
    new: NewOnes,
}

struct Document<V> {
    content: Option<V>,
    /// Whether the store may have one under this key.
    is_stored: bool,
    /// The bytes that it was loaded from, and of the events that were taken into it since. Hardly any document grows
    /// by more than these.
    taken: usize,
}

impl<P: Projector> Documents<P> {
    /// About what a document takes beside its key and its content: its place in a table that is not full. What of the
    /// content lies there is counted twice, as it is a part of what is written, too.
    const OVERHEAD: usize = 2 * size_of::<(String, Document<P::View>)>() + OF_KEY;

    pub(super) fn new(projector: Arc<P>, views: Arc<dyn ViewStore>, view: ViewName) -> Self {
        let (by_key, measured, new) = (HashMap::default(), 0, NewOnes::default());
        Self { projector, views, view, by_key, measured, new }
    }
}

impl<P: Projector> KeysOf<P::Event> for P {
    fn keys(&self, event: &Recorded<'_, P::Event>, keys: &mut Vec<String>) {
        Projector::keys(self, event, keys);
    }
}

impl<P: Projector> FoldOf<P::Event> for Documents<P> {
    fn keys_of(&self) -> Arc<dyn KeysOf<P::Event>> {
        Arc::clone(&self.projector) as Arc<dyn KeysOf<P::Event>>
    }

    fn fold(
        &mut self,
        key: String,
        event: &Recorded<'_, P::Event>,
        bytes: usize,
    ) -> Result<(), Refused> {
        let Self { projector, by_key, measured, new, .. } = self;
        let mut project = |key: &str, document: &mut Document<P::View>| {
            document.taken += bytes;
            let was_there = document.content.is_some();
            let project = AssertUnwindSafe(|| projector.project(key, &mut document.content, event));
            let projected = catch_unwind(project).ok().and_then(Result::ok).ok_or(Refused);
            if !was_there && document.content.is_some() {
                *measured += new.len_of(&document.content);
            }
            projected
        };
        if let Some(document) = by_key.get_mut(&key) {
            return project(&key, document);
        }
        let mut document = Document { content: None, is_stored: false, taken: 0 };
        let projected = project(&key, &mut document);
        self.measured += Self::OVERHEAD + key.len();
        self.by_key.insert(key, document);
        projected
    }
}

/// About what the key of a document takes beside its text: its allocation.
const OF_KEY: usize = 16;

/// How long new documents are as JSON: one in a few is measured, and the others are taken to be as long as those are.
#[derive(Default)]
struct NewOnes {
    count: usize,
    measured: usize,
    bytes: usize,
}

impl NewOnes {
    /// One in so many is measured.
    const EVERY: usize = 16;

    fn len_of(&mut self, document: &impl Serialize) -> usize {
        let is_measured = self.count.is_multiple_of(Self::EVERY);
        self.count += 1;
        if !is_measured {
            return self.bytes / self.measured;
        }
        let len = json_len(document);
        self.measured += 1;
        self.bytes += len;
        len
    }
}

/// Documents that were loaded from so many bytes, or have taken in so many of events, are measured, the others are
/// estimated by a sample: so no single document can take much more memory than it is thought to.
const MEASURED_FROM: usize = 64 * 1024;

/// After so many bytes of JSON other tasks of the thread have their turn.
const WRITTEN_AT_ONCE: usize = 64 * 1024;

/// How many documents are in a sample, at least.
const SAMPLE: usize = 256;

#[async_trait]
impl<P: Projector> InView for Documents<P> {
    async fn load(&mut self, keys: &[String]) -> Result<()> {
        let missing: HashSet<&str> =
            keys.iter().map(String::as_str).filter(|key| !self.by_key.contains_key(*key)).collect();
        let missing: Vec<&str> = missing.into_iter().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.views.get(&self.view, &missing).await?;
        for (key, text) in missing.into_iter().zip(found) {
            let content = text.as_deref().map(|text| decode_document(&self.view, key, text));
            let content = content.transpose()?;
            let taken = text.map_or(0, |text| text.len());
            self.measured += Self::OVERHEAD + key.len() + taken;
            let document = Document { is_stored: content.is_some(), content, taken };
            self.by_key.insert(key.to_owned(), document);
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.by_key.len()
    }

    fn bytes(&self) -> usize {
        self.measured
    }

    fn measure(&mut self) {
        let every = (self.by_key.len() / SAMPLE).max(1);
        let (mut measured, mut keys) = (0, 0);
        let (mut sample, mut sampled, mut others) = (0, 0, 0);
        for (key, document) in &self.by_key {
            keys += key.len();
            if document.taken >= MEASURED_FROM {
                measured += json_len(&document.content);
                continue;
            }
            if others % every == 0 {
                sample += json_len(&document.content);
                sampled += 1;
            }
            others += 1;
        }
        let estimated = (sample * others).checked_div(sampled).unwrap_or(0);
        self.measured = self.by_key.len() * Self::OVERHEAD + keys + measured + estimated;
    }

    async fn take(&mut self) -> Option<Vec<ViewChange>> {
        let mut documents: Vec<_> = std::mem::take(&mut self.by_key).into_iter().collect();
        self.measured = 0;
        // A table is written faster in its order.
        documents.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut changes = Vec::with_capacity(documents.len());
        let (mut buffer, mut written) = (Vec::new(), 0);
        for (key, Document { content, is_stored, .. }) in documents {
            if content.is_none() && !is_stored {
                continue;
            }
            let document = match &content {
                Some(content) => Some(text_of(content, &mut buffer)?),
                None => None,
            };
            // Whoever writes here besides has taken the mark, which the step is based on.
            let (view, replaces) = (self.view.clone(), Replaces::Anything);
            written += key.len() + document.as_ref().map_or(0, String::len);
            changes.push(ViewChange { view, key, replaces, document });
            if written >= WRITTEN_AT_ONCE {
                written = 0;
                tokio::task::yield_now().await;
            }
        }
        Some(changes)
    }

    fn clear(&mut self) {
        self.by_key.clear();
        self.measured = 0;
    }
}

/// A document as JSON, made in a buffer that serves for many. The text has just its length: as `serde_json` makes it,
/// small ones would take several times as much, and all of them are in memory until they are written. `None` when it
/// cannot be written.
fn text_of(document: &impl Serialize, buffer: &mut Vec<u8>) -> Option<String> {
    buffer.clear();
    let write = AssertUnwindSafe(|| serde_json::to_writer(&mut *buffer, document));
    catch_unwind(write).ok()?.ok()?;
    std::str::from_utf8(buffer).ok().map(str::to_owned)
}

/// The length of a document as JSON, without making it. What cannot be written is noticed when it is written.
fn json_len(document: &impl Serialize) -> usize {
    #[derive(Default)]
    struct Counter(usize);

    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter::default();
    let write = AssertUnwindSafe(|| serde_json::to_writer(&mut counter, document).is_ok());
    let _ = catch_unwind(write);
    counter.0
}

#[cfg(test)]
mod tests;
