use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::consumer::Projection;
use crate::error::{BoxError, Error, Result};
use crate::event::{Recorded, UnknownEvents};
use crate::memory::MemoryStore;
use crate::projector::Projector;
use crate::view_store::ViewQuery;

use super::blocking::wait_for;
use super::differences::{assert_same, chain};

/// The documents that a projector made of the [given events](super::GivenEvents).
pub struct ThenViews<P: Projector> {
    documents: BTreeMap<String, P::View>,
    /// Why the projector stopped before the end.
    stopped: Option<String>,
}

impl<P: Projector> ThenViews<P> {
    /// Projects twice: once in steps of one commit, so that every document is stored and read back
    /// between commits, and once in one step, so that it never is.
    #[track_caller]
    pub(super) fn project(log: MemoryStore, projector: P) -> Self {
        /// More commits than a scenario has.
        const ALL: usize = usize::MAX;
        let projector = Arc::new(projector);
        let stepwise = wait_for(built(log.clone(), projector.clone(), 1));
        let at_once = wait_for(built(log, projector, ALL));
        let (stepwise, at_once) = match (stepwise, at_once) {
            (Ok(stepwise), Ok(at_once)) => (stepwise, at_once),
            (Err(error), _) | (_, Err(error)) => panic!("nothing can be projected: {error}"),
        };
        if stepwise.stopped.is_none() && at_once.stopped.is_none() {
            assert_same(
                "the documents depend on how commits are taken together: one of them is not the \
                 same after it was stored and read back",
                &all(&at_once.documents),
                &all(&stepwise.documents),
            );
        }
        stepwise
    }

    /// There is a document under `key`, and it is `expected`. They are compared as they are stored.
    ///
    /// # Panics
    ///
    /// When there is none, or another one, or the projector stopped at an error.
    #[track_caller]
    pub fn then_view(self, key: &str, expected: P::View) -> Self {
        self.assert_finished();
        let Some(document) = self.documents.get(key) else {
            panic!("there is no document under {key:?}; {}", self.keys());
        };
        let message = format!("another document is under {key:?}");
        assert_same(&message, &shown(&expected), &shown(document));
        self
    }

    /// There is no document under `key`: none was made, or it was removed.
    ///
    /// # Panics
    ///
    /// When there is one, or the projector stopped at an error.
    #[track_caller]
    pub fn then_no_view(self, key: &str) -> Self {
        self.assert_finished();
        if let Some(document) = self.documents.get(key) {
            panic!("there is a document under {key:?}: {}", shown(document));
        }
        self
    }

    /// The documents are exactly these.
    ///
    /// # Panics
    ///
    /// When one is missing, or another one is there, or the projector stopped at an error.
    #[track_caller]
    pub fn then_views<K: Into<String>>(
        self,
        expected: impl IntoIterator<Item = (K, P::View)>,
    ) -> Self {
        self.assert_finished();
        let expected = expected.into_iter().map(|(key, view)| (key.into(), view)).collect();
        assert_same("there are other documents", &all(&expected), &all(&self.documents));
        self
    }

    /// The projector stopped at an event with an error whose message, with its causes, contains
    /// `expected`. The documents are those of the commits before.
    ///
    /// # Panics
    ///
    /// When it did not stop, or with another error.
    #[track_caller]
    pub fn then_error(mut self, expected: &str) -> Self {
        match self.stopped.take() {
            None => panic!("the projector did not stop; {}", self.keys()),
            Some(error) if error.contains(expected) => self,
            Some(error) => panic!("the projector stopped at another error: {error}"),
        }
    }

    /// The document under `key`, to be looked at.
    pub fn view(&self, key: &str) -> Option<&P::View> {
        self.documents.get(key)
    }

    #[track_caller]
    fn assert_finished(&self) {
        if let Some(error) = &self.stopped {
            panic!("the projector stopped: {error}");
        }
    }

    fn keys(&self) -> String {
        match self.documents.len() {
            0 => "there are no documents".to_owned(),
            _ => format!("there are {:?}", self.documents.keys().collect::<Vec<_>>()),
        }
    }
}

impl<P: Projector> fmt::Debug for ThenViews<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThenViews")
            .field("documents", &self.documents.keys())
            .field("stopped", &self.stopped)
            .finish()
    }
}

/// What a projection in steps of `batch_size` commits makes of the log.
async fn built<P: Projector>(
    log: MemoryStore,
    projector: Arc<P>,
    batch_size: usize,
) -> Result<ThenViews<P>> {
    let (log, views) = (Arc::new(log), Arc::new(MemoryStore::new()));
    // Nothing is parked: a scenario ends at the first error.
    let projection = Projection::new(Shared(projector), log.clone(), log, views)?
        .with_batch_size(batch_size)
        .with_dead_letter_limit(0);
    projection.prepare().await?;
    let stopped = match projection.catch_up().await {
        Ok(_) => None,
        Err(error @ (Error::Handler { .. } | Error::Decode { .. })) => Some(chain(&error)),
        Err(error) => return Err(error),
    };
    let documents = projection.view().list(&ViewQuery::default().limit(usize::MAX)).await?;
    Ok(ThenViews { documents: documents.into_iter().collect(), stopped })
}

/// One projector in two projections.
struct Shared<P>(Arc<P>);

impl<P: Projector> Projector for Shared<P> {
    const NAME: &'static str = P::NAME;
    const VERSION: u32 = P::VERSION;
    const CATEGORIES: &'static [&'static str] = P::CATEGORIES;
    const INDEXED_FIELDS: &'static [&'static str] = P::INDEXED_FIELDS;
    type Event = P::Event;
    type View = P::View;

    fn unknown_events(&self) -> UnknownEvents {
        self.0.unknown_events()
    }

    fn keys(&self, event: &Recorded<'_, P::Event>, keys: &mut Vec<String>) {
        self.0.keys(event, keys);
    }

    fn project(
        &self,
        key: &str,
        view: &mut Option<P::View>,
        event: &Recorded<'_, P::Event>,
    ) -> Result<(), BoxError> {
        self.0.project(key, view, event)
    }
}

/// All documents under their keys.
#[track_caller]
fn all<V: Serialize>(documents: &BTreeMap<String, V>) -> String {
    documents.iter().map(|(key, view)| format!("{key:?}: {}\n", shown(view))).collect()
}

/// A document as JSON over lines, its keys sorted: maps in it have no order.
#[track_caller]
fn shown<V: Serialize>(document: &V) -> String {
    let value = match serde_json::to_value(document) {
        Ok(value) => value,
        Err(error) => panic!("a document cannot be written as JSON: {error}"),
    };
    format!("{value:#}")
}
