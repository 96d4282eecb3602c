//! Read models: documents that projectors build and everybody reads.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::checkpoint_store::{Adopted, Adoption, CheckpointStore, ConsumerId, Progress};
use crate::clock::Clock;
use crate::codec::json_error;
use crate::error::{Error, Result};
use crate::projector::Projector;
use crate::stream_id::check_id;

/// Keeps view documents — JSON texts under natural keys — together with the progress of the
/// projections that write them.
///
/// # What an implementation promises
///
/// [`write`](Self::write) is one atomic, fenced step: either all documents and the progress are
/// there, or nothing is. It is fenced as a save of progress is, and by the documents that it
/// [replaces](ViewChange::replaces). Documents come back as they were written; listings are ordered by key
/// (byte order) and see every document once.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{Projection, Repository, ViewQuery};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone());
/// accounts.execute("a-1", AccountCommand::Credit(5)).await?;
///
/// // A projection writes, and a typed view reads.
/// let statements = Projection::on(Statements, store)?;
/// statements.catch_up().await?;
/// let first_ten = statements.view().list(&ViewQuery::default().limit(10)).await?;
/// assert_eq!(first_ten[0].0, "a-1");
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait ViewStore: CheckpointStore {
    /// Makes sure that the view can be written and its indexed fields be queried. Calling it again
    /// is free.
    ///
    /// Documents of a view that [expires](ViewSchema::expires_by), and are written through this object
    /// from then on, may be removed by the store at any time after their time has come, or stay: a
    /// [`View`] does not show them any more in either case.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Backend`].
    async fn prepare(&self, view: &ViewSchema) -> Result<()>;

    /// The documents under `keys`, in that order; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Corrupt`]; [`Error::Misuse`] when the view was never
    /// prepared.
    async fn get(&self, view: &ViewName, keys: &[&str]) -> Result<Vec<Option<String>>>;

    /// The documents that match, ordered by key.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`Error::Misuse`] for a filter on a field that is not indexed.
    async fn list(&self, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>>;

    /// Writes documents, the progress that they show and what happens to dead letters, in one step.
    ///
    /// # Errors
    ///
    /// [`Error::Fenced`] as [`save`](CheckpointStore::save), and when another worker wrote a document
    /// that this step replaces; [`Error::InvalidId`] for a key that is not valid, [`Error::Encode`] for
    /// a document that is not JSON, [`Error::Misuse`] for a view that was never prepared. Nothing was
    /// written then.
    async fn write(&self, changes: Vec<ViewChange>, progress: Progress) -> Result<()>;

    /// Removes all documents of the view and [resets](CheckpointStore::reset) `progress_of`, in one
    /// step. A worker of that projection which is at work meanwhile is fenced.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    async fn clear(&self, view: &ViewName, progress_of: &ConsumerId) -> Result<()>;

    /// Puts the documents of view `from` in the place of those of view `to`, together with the
    /// [adoption](CheckpointStore::adopt) of the progress that they show, in one step: readers of
    /// `to` see all of the one view before it and all of the other after it, and who sees the new
    /// progress sees the new documents. `to` has the indexed fields of `from` then, and no others;
    /// `from` is as if it had never been prepared. `to` need not have been prepared.
    ///
    /// Unless it is [`Adopted::Done`], nothing was written: both views are as they were.
    ///
    /// # Errors
    ///
    /// As [`CheckpointStore::adopt`], and [`Error::Misuse`] when `from` was never prepared or is `to`:
    /// nothing was written.
    async fn swap(&self, from: &ViewName, to: &ViewName, adoption: &Adoption) -> Result<Adopted>;
}

/// The name of a view as it is stored: lower-case ASCII letters, digits and `_`, at most 64.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewName(Arc<str>);

impl ViewName {
    /// A view's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when it has other characters, begins with a digit, is empty or too long.
    pub fn new(name: &str) -> Result<Self> {
        let reason = if name.is_empty() {
            "it is empty"
        } else if name.len() > 64 {
            "it is longer than 64 bytes"
        } else if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            || name.as_bytes()[0].is_ascii_digit()
        {
            "it may have lower-case ASCII letters, digits and '_' only, and no digit first"
        } else {
            return Ok(Self(name.into()));
        };
        Err(Error::invalid_id("view", name, reason))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ViewName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ViewName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ViewName({:?})", &*self.0)
    }
}

/// What a store needs to know of a view before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewSchema {
    /// The name.
    pub name: ViewName,
    /// Top-level fields of the documents that listings can be filtered by.
    pub indexed_fields: &'static [&'static str],
    /// The top-level field that says until when a document is there: a number, in seconds of Unix time.
    /// See [`Projector::EXPIRES_BY`](crate::Projector::EXPIRES_BY).
    pub expires_by: Option<&'static str>,
}

impl ViewSchema {
    /// That of the view which a projector builds: under its name and version, as `patient_cards_v2`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when no view can have the projector's name.
    pub fn of<P: Projector>() -> Result<Self> {
        Ok(Self {
            name: ViewName::new(&format!("{}_v{}", P::NAME, P::VERSION))?,
            indexed_fields: P::INDEXED_FIELDS,
            expires_by: P::EXPIRES_BY,
        })
    }
}

/// One change of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewChange {
    /// The view.
    pub view: ViewName,
    /// The document's key.
    pub key: String,
    /// The document that the new one was made from. It must still be there before any change of the
    /// step, or the step is fenced.
    pub replaces: Replaces,
    /// The new document, as JSON; `None` removes it.
    pub document: Option<String>,
}

/// What a change was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaces {
    /// Nothing that matters: the change stands whatever is there.
    Anything,
    /// What was found under the key: this text, or that there was no document.
    Found(Option<String>),
}

impl Replaces {
    /// Whether the change still stands when `current` is under the key. For stores.
    pub fn allows(&self, current: Option<&str>) -> bool {
        match self {
            Self::Anything => true,
            Self::Found(found) => found.as_deref() == current,
        }
    }
}

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewDocument {
    /// Its key.
    pub key: String,
    /// The JSON text.
    pub document: String,
}

/// Which documents of a view to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewQuery {
    /// Only documents whose top-level field is this string. The field must be indexed.
    pub equals: Option<(String, String)>,
    /// Only keys after this one: the last key of the page before.
    pub after: Option<String>,
    /// The most documents.
    pub limit: usize,
}

impl Default for ViewQuery {
    /// The first 100.
    fn default() -> Self {
        Self { equals: None, after: None, limit: 100 }
    }
}

impl ViewQuery {
    /// Only documents whose top-level `field` is the string `value`.
    #[must_use]
    pub fn equals(mut self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.equals = Some((field.into(), value.into()));
        self
    }

    /// Only keys after `key`.
    #[must_use]
    pub fn after(mut self, key: impl Into<String>) -> Self {
        self.after = Some(key.into());
        self
    }

    /// At most `limit` documents.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// The longest key of a view document, in bytes.
pub const MAX_VIEW_KEY_LEN: usize = 512;

/// Checks the key of a view document. For stores: the first line of every access.
///
/// # Errors
///
/// [`Error::InvalidId`] when it is empty, longer than [`MAX_VIEW_KEY_LEN`], has control characters or
/// noncharacters, or white space at an end.
pub fn check_view_key(key: &str) -> Result<()> {
    check_id("view key", key, MAX_VIEW_KEY_LEN)
}

/// Checks that a swap has two views. For stores: the first line of every swap.
///
/// # Errors
///
/// [`Error::Misuse`] when they are the same.
pub fn check_swap(from: &ViewName, to: &ViewName) -> Result<()> {
    if from == to {
        return Err(Error::Misuse(format!("view {to} cannot take its own place")));
    }
    Ok(())
}

/// Typed reading of one view.
///
/// Documents of a view that [expires](Self::expiring_by) are not there for it from the second on that
/// they say, whether the store has removed them yet or not.
#[derive(Debug)]
pub struct View<V> {
    store: Arc<dyn ViewStore>,
    name: ViewName,
    expiry: Option<Expiry>,
    document: PhantomData<fn() -> V>,
}

impl<V> Clone for View<V> {
    fn clone(&self) -> Self {
        let (store, name) = (Arc::clone(&self.store), self.name.clone());
        Self { store, name, expiry: self.expiry.clone(), document: PhantomData }
    }
}

impl<V: DeserializeOwned + Serialize> View<V> {
    /// The view `name` in `store`, read as documents `V`.
    pub fn new(store: Arc<dyn ViewStore>, name: ViewName) -> Self {
        Self { store, name, expiry: None, document: PhantomData }
    }

    /// Does not show documents whose top-level `field` is a number of seconds of Unix time that `clock`
    /// has reached.
    #[must_use]
    pub fn expiring_by(mut self, field: &'static str, clock: Arc<dyn Clock>) -> Self {
        self.expiry = Some(Expiry { field, clock });
        self
    }

    /// The view's name, as it is stored.
    pub fn name(&self) -> &ViewName {
        &self.name
    }

    /// The document under `key`.
    ///
    /// # Errors
    ///
    /// As [`ViewStore::get`], and [`Error::Corrupt`] when the document is not a `V`.
    pub async fn get(&self, key: &str) -> Result<Option<V>> {
        match self.store.get(&self.name, &[key]).await?.pop().flatten() {
            Some(document) if self.has_expired(&document) => Ok(None),
            Some(document) => decode_document(&self.name, key, &document).map(Some),
            None => Ok(None),
        }
    }

    /// The documents that match, ordered by key.
    ///
    /// # Errors
    ///
    /// As [`ViewStore::list`], and [`Error::Corrupt`] when a document is not a `V`.
    pub async fn list(&self, query: &ViewQuery) -> Result<Vec<(String, V)>> {
        let mut listed = Vec::new();
        let mut next = query.clone();
        // What has expired leaves room for what comes behind it.
        while listed.len() < query.limit {
            next.limit = query.limit - listed.len();
            let page = self.store.list(&self.name, &next).await?;
            let is_last = page.len() < next.limit;
            next.after = page.last().map(|last| last.key.clone());
            for ViewDocument { key, document } in page {
                if !self.has_expired(&document) {
                    let document = decode_document(&self.name, &key, &document)?;
                    listed.push((key, document));
                }
            }
            if is_last {
                break;
            }
        }
        Ok(listed)
    }

    /// All documents that match, ordered by key and each once, however many they are. One that is written or
    /// removed meanwhile may be there or not.
    ///
    /// They are read page by page, a page when its first document is asked for, and no more than one is in
    /// memory. Here `query.limit` is the size of a page, at least one.
    ///
    /// ```
    /// # mod doc {
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
    /// # }
    /// # use doc::*;
    /// use std::sync::Arc;
    ///
    /// use es_core::memory::MemoryStore;
    /// use es_core::{Projection, Repository, ViewQuery};
    /// use futures::TryStreamExt as _;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = Arc::new(MemoryStore::new());
    /// let accounts = Repository::<Account>::new(store.clone());
    /// for id in ["a-1", "a-2", "a-3"] {
    ///     accounts.execute(id, AccountCommand::Credit(5)).await?;
    /// }
    /// let statements = Projection::on(Statements, store)?;
    /// statements.catch_up().await?;
    ///
    /// let mut total = 0;
    /// let mut all = statements.view().all(ViewQuery::default().limit(2));
    /// while let Some((_account, statement)) = all.try_next().await? {
    ///     total += statement.balance;
    /// }
    /// assert_eq!(total, 15);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list). The stream ends with the first: what came before it is right.
    pub fn all(&self, query: ViewQuery) -> BoxStream<'static, Result<(String, V)>>
    where
        V: Send + 'static,
    {
        let limit = query.limit.max(1);
        let first = (self.clone(), Some(query.limit(limit)));
        let pages = stream::try_unfold(first, move |(view, query)| async move {
            let Some(query) = query else { return Ok::<_, Error>(None) };
            let page = view.list(&query).await?;
            let next = match page.last() {
                Some((last, _)) if page.len() == limit => Some(query.after(last)),
                _ => None,
            };
            Ok(Some((page, (view, next))))
        });
        pages.map_ok(|page| stream::iter(page).map(Ok)).try_flatten().boxed()
    }

    fn has_expired(&self, document: &str) -> bool {
        self.expiry.as_ref().is_some_and(|expiry| expiry.is_over(document))
    }
}

/// Until when documents are there.
#[derive(Debug, Clone)]
struct Expiry {
    field: &'static str,
    clock: Arc<dyn Clock>,
}

impl Expiry {
    /// A document without the field, or with something else than a number in it, is there for ever.
    fn is_over(&self, document: &str) -> bool {
        let fields: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(document);
        let until =
            fields.ok().and_then(|fields| fields.get(self.field)?.get().parse::<f64>().ok());
        until.is_some_and(|until| until.floor() <= self.clock.now().as_second() as f64)
    }
}

pub(crate) fn decode_document<V: DeserializeOwned>(
    view: &ViewName,
    key: &str,
    document: &str,
) -> Result<V> {
    serde_json::from_str(document).map_err(|error| Error::Corrupt {
        what: format!("document {key:?} of view {view}"),
        reason: json_error(&error),
    })
}
