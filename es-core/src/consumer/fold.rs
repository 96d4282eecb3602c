use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::checkpoint_store::ConsumerId;
use crate::commit::Commit;
use crate::error::{BoxError, Error, Result};
use crate::event::Recorded;
use crate::projector::Projector;
use crate::stream_id::StreamId;
use crate::view_store::{
    Replaces, ViewChange, ViewName, ViewStore, check_view_key, decode_document,
};

use super::handler::{Failed, panicked, try_each};
use super::reacting::decoded;

/// Folds commits into documents. Commits that fail leave no trace in them.
pub(crate) struct Fold<'a, P: Projector> {
    projector: &'a P,
    consumer: &'a ConsumerId,
    commits: Vec<Touching<'a, P>>,
    failed: Vec<Failed>,
}

/// A commit, with the documents that its events touch.
struct Touching<'a, P: Projector> {
    at: usize,
    stream: &'a StreamId,
    events: Vec<(Recorded<'a, P::Event>, Vec<String>)>,
}

type Documents<'k, V> = HashMap<&'k str, Option<V>>;

impl<'a, P: Projector> Fold<'a, P> {
    /// Decodes the commits and asks the projector what they touch.
    pub(crate) fn new(projector: &'a P, consumer: &'a ConsumerId, commits: &'a [Commit]) -> Self {
        let mut fold = Self { projector, consumer, commits: Vec::new(), failed: Vec::new() };
        (fold.commits, fold.failed) = try_each(commits, |at, commit| fold.touching(at, commit));
        fold
    }

    fn touching(&self, at: usize, commit: &'a Commit) -> Result<Touching<'a, P>> {
        let unknown = self.projector.unknown_events();
        let mut events = Vec::new();
        for event in decoded::<P::Event>(commit, unknown, self.consumer)? {
            let keys = self.keys(&event)?;
            events.push((event, keys));
        }
        Ok(Touching { at, stream: commit.stream(), events })
    }

    fn keys(&self, event: &Recorded<'_, P::Event>) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        let asked = AssertUnwindSafe(|| self.projector.keys(event, &mut keys));
        catch_unwind(asked).map_err(|panic| self.refused(event, panicked(&*panic)))?;
        for key in &keys {
            check_view_key(key).map_err(|error| self.refused(event, error.into()))?;
        }
        Ok(keys)
    }

    fn refused(&self, event: &Recorded<'_, P::Event>, source: BoxError) -> Error {
        Error::Handler {
            consumer: self.consumer.to_string(),
            stream: event.stream().clone(),
            version: event.version(),
            transient: false,
            source,
        }
    }

    /// The documents, as changes of the view, and the commits that failed.
    pub(crate) async fn into_changes(
        mut self,
        views: &dyn ViewStore,
        view: &ViewName,
    ) -> Result<(Vec<ViewChange>, Vec<Failed>)> {
        let keys = self.all_keys();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let found = views.get(view, &keys).await?;
        // A commit that fails may have changed documents before. They are made again without it.
        let texts = loop {
            let mut documents = Documents::new();
            for (key, text) in keys.iter().zip(&found) {
                let document = text.as_deref().map(|text| decode_document(view, key, text));
                documents.insert(key, document.transpose()?);
            }
            match self.apply(&mut documents).and_then(|()| self.texts(view, &keys, &documents)) {
                Ok(texts) => break texts,
                Err(failed) => self.leave_out(failed),
            }
        };
        let touched: HashSet<&str> = self.keys_left().collect();
        let changes = keys.iter().zip(found).zip(texts);
        let changes = changes
            .filter(|((key, _), _)| touched.contains(**key))
            .map(|((key, found), document)| ViewChange {
                view: view.clone(),
                key: (*key).to_owned(),
                replaces: Replaces::Found(found),
                document,
            })
            .collect();
        Ok((changes, self.failed))
    }

    /// The documents alone, from nothing.
    pub(crate) fn into_documents(mut self) -> Result<BTreeMap<String, P::View>> {
        if let Some(failed) = self.failed.drain(..).next() {
            return Err(failed.error);
        }
        let mut documents: Documents<'_, P::View> =
            self.keys_left().map(|key| (key, None)).collect();
        self.apply(&mut documents).map_err(|failed| failed.error)?;
        let there = |(key, document): (&str, Option<_>)| Some((key.to_owned(), document?));
        Ok(documents.into_iter().filter_map(there).collect())
    }

    /// Takes all events into the documents, up to the first that fails.
    fn apply(&self, documents: &mut Documents<'_, P::View>) -> Result<(), Failed> {
        for commit in &self.commits {
            for (event, keys) in &commit.events {
                for key in keys {
                    let Some(document) = documents.get_mut(key.as_str()) else { continue };
                    let project = AssertUnwindSafe(|| self.projector.project(key, document, event));
                    catch_unwind(project).unwrap_or_else(|panic| Err(panicked(&*panic))).map_err(
                        |source| Failed { at: commit.at, error: self.refused(event, source) },
                    )?;
                }
            }
        }
        Ok(())
    }

    /// The documents as JSON. One that cannot be written is the fault of the last commit in it.
    fn texts(
        &self,
        view: &ViewName,
        keys: &[&str],
        documents: &Documents<'_, P::View>,
    ) -> Result<Vec<Option<String>>, Failed> {
        let touched: HashSet<&str> = self.keys_left().collect();
        let text = |&key: &&str| {
            // What no commit touches any more is not written.
            let document = documents.get(key).and_then(Option::as_ref);
            let Some(document) = document.filter(|_| touched.contains(key)) else {
                return Ok(None);
            };
            let write =
                AssertUnwindSafe(|| serde_json::to_string(document).map_err(BoxError::from));
            let text = catch_unwind(write).unwrap_or_else(|panic| Err(panicked(&*panic)));
            text.map(Some).map_err(|source| {
                let touches = |commit: &&Touching<'_, P>| commit.keys().any(|other| other == key);
                let at = self.commits.iter().rfind(touches).map_or(0, |commit| commit.at);
                let what = format!("document {key:?} of view {view}");
                Failed { at, error: Error::Encode { what, source } }
            })
        };
        keys.iter().map(text).collect()
    }

    fn leave_out(&mut self, failed: Failed) {
        let stream = self.commits.iter().find(|commit| commit.at == failed.at);
        let stream = stream.map(|commit| commit.stream);
        self.commits.retain(|commit| Some(commit.stream) != stream || commit.at < failed.at);
        self.failed.push(failed);
    }

    /// How many documents the commits touch.
    pub(crate) fn count_documents(&self) -> usize {
        self.all_keys().len()
    }

    fn all_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.keys_left().map(str::to_owned).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn keys_left(&self) -> impl Iterator<Item = &str> {
        self.commits.iter().flat_map(Touching::keys)
    }
}

impl<P: Projector> Touching<'_, P> {
    fn keys(&self) -> impl Iterator<Item = &str> {
        self.events.iter().flat_map(|(_, keys)| keys).map(String::as_str)
    }
}
