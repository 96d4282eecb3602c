//! How events become views.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::BoxError;
use crate::event::{Event, Recorded, UnknownEvents};

/// Folds events into the documents of a view. Pure: a [`Projection`](crate::Projection) reads the
/// events, keeps their order, and writes documents and progress.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use es_core::{BoxError, Projector, Recorded};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Default, Serialize, Deserialize)]
/// struct Statement { balance: u64, movements: u32 }
///
/// #[derive(Debug)]
/// struct Statements;
///
/// impl Projector for Statements {
///     const NAME: &'static str = "statements";
///     const VERSION: u32 = 1;
///     const CATEGORIES: &'static [&'static str] = &["account"];
///     type Event = AccountEvent;
///     type View = Statement;
///
///     fn project(
///         &self,
///         _key: &str,
///         view: &mut Option<Statement>,
///         event: &Recorded<'_, AccountEvent>,
///     ) -> Result<(), BoxError> {
///         let statement = view.get_or_insert_default();
///         statement.movements += 1;
///         match &event.event {
///             AccountEvent::Credited { amount } => statement.balance += amount,
///             AccountEvent::Debited { amount } => statement.balance -= amount,
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Projector: Send + Sync + 'static {
    /// The view's name: lower-case ASCII letters, digits and `_`, at most 40.
    const NAME: &'static str;

    /// The version of the view's form and meaning, from 1. Raise it when documents get another form or
    /// mean something else: the view is stored under its name and version, so the new one is built from
    /// the log beside the old one, which the old program still reads and writes. Documents that are
    /// only wrong, as after a bug, need no version but a [rebuild](crate::Consumer::rebuild).
    const VERSION: u32;

    /// The categories whose events the view is made of. A change needs a new [`VERSION`](Self::VERSION),
    /// as what was read past is not read again.
    const CATEGORIES: &'static [&'static str];

    /// Top-level fields of the documents that listings can be filtered by, where they are strings.
    const INDEXED_FIELDS: &'static [&'static str] = &[];

    /// The top-level field of the documents that says until when a document is there, in seconds of Unix
    /// time: a number. From then on it is not shown by a [`View`](crate::View), and the store removes it
    /// some time later: SQLite with a later step of the view, DynamoDB by its
    /// [time to live](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html) within a
    /// few days, memory never. A document without the field, or with something else in it, stays.
    ///
    /// The log is as it was: a [rebuild](crate::Consumer::rebuild) makes the documents again, and hides
    /// and removes them again. An event that comes for a document which was removed finds none.
    const EXPIRES_BY: Option<&'static str> = None;

    /// The events, of all categories.
    type Event: Event;

    /// The document.
    type View: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What to do with events whose name [`Self::Event`] does not have: by default what that type
    /// says.
    fn unknown_events(&self) -> UnknownEvents {
        Self::Event::UNKNOWN
    }

    /// The keys of the documents that `event` touches: by default one, the aggregate's id.
    fn keys(&self, event: &Recorded<'_, Self::Event>, keys: &mut Vec<String>) {
        keys.push(event.aggregate_id().to_owned());
    }

    /// Takes `event` into the document under `key`. `None` is a document that is not there; setting
    /// it to `None` removes it.
    ///
    /// # Errors
    ///
    /// With any error, or a panic, the commit is parked among the [dead letters](crate::DeadLetter) with
    /// the later ones of its stream; none of its events leaves a trace.
    fn project(
        &self,
        key: &str,
        view: &mut Option<Self::View>,
        event: &Recorded<'_, Self::Event>,
    ) -> Result<(), BoxError>;
}
