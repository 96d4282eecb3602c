//! Queries on views: filter, order and page, with documents as their type.
//!
//! | file | is about |
//! |---|---|
//! | `field` | naming and comparing fields |
//! | `value` | what they are compared with |
//! | `filter` | conditions and their combination |
//! | `order` | the order, and the ranges behind a place in it |
//! | `cursor` | the place where a page ended |
//! | `select` | the statements |
//! | `plan` | what SQLite makes of them |
//! | `sql`, `misuse` | pieces of statements, and what is wrong with a query |

mod cursor;
mod field;
mod filter;
mod misuse;
mod order;
mod plan;
mod select;
mod sql;
mod value;

use std::fmt;
use std::marker::PhantomData;

use es_core::{Error, Payload, Result, ViewDocument, ViewName};
use futures::stream::{self, BoxStream, StreamExt as _};
use serde::de::DeserializeOwned;

pub use self::cursor::Cursor;
pub use self::field::{Field, field};
pub use self::filter::Filter;
pub use self::order::Order;
pub use self::plan::QueryPlan;
pub use self::value::FieldValue;

use self::cursor::Position;
use self::order::TotalOrder;
use self::select::Select;
use crate::readers::in_snapshot;
use crate::store::SqliteStore;

impl SqliteStore {
    /// A query on the documents of a view, read as `V`: all of them, by key, until it is narrowed.
    /// See [`DocumentQuery`].
    pub fn query<V>(&self, view: &ViewName) -> DocumentQuery<V> {
        DocumentQuery {
            store: self.clone(),
            view: view.clone(),
            filter: Filter::all([]),
            order: Vec::new(),
            after: None,
            page_size: 100,
            document: PhantomData,
        }
    }
}

/// A query on a view, from [`SqliteStore::query`].
///
/// ```
/// # use std::sync::Arc;
/// # use es_core::{
/// #     BoxError, Codec, CommitId, EncodedEvents, EncodedMetadata, Event, EventStore, Expected,
/// #     NewCommit, Projection, Projector, Recorded, StreamId, SystemEntropy, Timestamp, ViewName,
/// # };
/// # use es_sqlite::{Cursor, SqliteStore, field};
/// # use serde::{Deserialize, Serialize};
/// #
/// # #[derive(Debug, Event)]
/// # #[event(prefix = "Order")]
/// # enum OrderEvent { Placed { customer: String, total: u64 }, Shipped }
/// #
/// #[derive(Debug, Serialize, Deserialize)]
/// struct OrderSummary {
///     customer: String,
///     status: String,
///     total: u64,
/// }
///
/// # struct OrderList;
/// #
/// impl Projector for OrderList {
///     const NAME: &'static str = "order_list";
///     const VERSION: u32 = 1;
///     const INDEXED_FIELDS: &'static [&'static str] = &["status"];
///     type View = OrderSummary;
///     // ...
/// #     const CATEGORIES: &'static [&'static str] = &["order"];
/// #     type Event = OrderEvent;
/// #     fn project(
/// #         &self,
/// #         _: &str,
/// #         order: &mut Option<OrderSummary>,
/// #         event: &Recorded<'_, OrderEvent>,
/// #     ) -> Result<(), BoxError> {
/// #         match (&event.event, order) {
/// #             (OrderEvent::Placed { customer, total }, order) => *order = Some(OrderSummary {
/// #                 customer: customer.clone(), status: "open".into(), total: *total,
/// #             }),
/// #             (OrderEvent::Shipped, Some(order)) => order.status = "shipped".into(),
/// #             _ => {}
/// #         }
/// #         Ok(())
/// #     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let store = Arc::new(SqliteStore::open(directory.path().join("app.db")).await?);
/// # for (id, customer, total, shipped) in [
/// #     ("o-1", "Ada", 80, false), ("o-2", "Ada", 120, true), ("o-3", "Bob", 150, false),
/// #     ("o-4", "Cy", 101, false), ("o-5", "Cy", 300, false),
/// # ] {
/// #     let mut events = vec![OrderEvent::Placed { customer: customer.into(), total }];
/// #     events.extend(shipped.then_some(OrderEvent::Shipped));
/// #     let events = EncodedEvents::encode(&events, Codec::Json, Default::default(), 0)?;
/// #     let now = Timestamp::now();
/// #     let commit_id = CommitId::generate(now, &SystemEntropy);
/// #     let commit = NewCommit::new(commit_id, now, EncodedMetadata::default(), events);
/// #     store.append(&StreamId::new("order", id)?, Expected::NoStream, commit).await?;
/// # }
/// # let orders = Projection::on(OrderList, store.clone())?;
/// # orders.catch_up().await?;
///
/// // A view is stored under the name and the version of its projector.
/// let view = ViewName::new("order_list_v1")?;
/// let large = store
///     .query::<OrderSummary>(&view)
///     .filter(field("status").eq("open").and(field("total").gt(100)))
///     .order_by(field("total").desc())
///     .page_size(2);
/// assert_eq!(large.count().await?, 3);
/// assert!(large.explain().await?.uses_index("status"));
///
/// let page = large.fetch().await?;
/// let (key, order) = &page.documents[0];
/// assert_eq!((key.as_str(), order.total), ("o-5", 300));
///
/// // The cursor goes to a client as text and comes back with the request for the next page.
/// let next: String = page.next.expect("there are three").to_string();
/// let page = large.clone().after(next.parse::<Cursor>()?).fetch().await?;
/// assert_eq!(page.documents.len(), 1);
/// assert_eq!(page.next, None);
/// # Ok(())
/// # }
/// ```
///
/// It works on every view in the file, also on one that another process prepared. It is a feature of
/// this backend: what an application asks through a [`View`](es_core::View) all backends answer.
///
/// # What matches
///
/// Each comparison says what it holds for: see [`Field`] for kinds of values and missing fields. Null
/// and missing are the same to a comparison and in an order, as they are to an `Option`; only
/// [`exists`](Field::exists) tells them apart.
///
/// # Order
///
/// Values of several kinds in one field come in SQLite's order: null and missing fields, then numbers
/// with `false` as 0 and `true` as 1, then strings with arrays and objects as their JSON text.
/// Documents that are equal in all fields come by key, in the direction of the last field, so there is
/// one order only.
///
/// # Pages
///
/// Each page is read in one snapshot, and the next begins behind the values of the last document: an
/// index finds that place, and does not count the documents before it. Whatever is written between two
/// pages, no document comes twice or is missed unless it changed itself: in a field of the order, in
/// what the filter asks for, or because it was created or removed meanwhile.
///
/// # Speed
///
/// `eq`, `one_of`, `lt` to `ge`, `between`, `starts_with` and `is_null` on an indexed field look at
/// those documents only, as long as they are not under `!` and not one side of an `or`. An order by one
/// field that is indexed needs no sorting. SQLite takes one index for a query: a filter by one field and
/// an order by another sorts what the filter finds, or goes through all in their order; an order by
/// several fields sorts. All other queries look at every document of the view: right for thousands,
/// slow for millions. [`explain`](Self::explain) tells.
///
/// # Errors
///
/// What is wrong with a query is said when it is run, with [`Error::Misuse`]: a value that cannot be
/// compared ([`FieldValue`]), a field name with U+0000, a filter over [`Filter::MAX_CONDITIONS`] or
/// [`Filter::MAX_VALUES`], an order over [`Order::MAX_FIELDS`], and, as with
/// [`ViewStore::list`](es_core::ViewStore::list), a view that was never prepared. A cursor that is of
/// another query is [`Error::InvalidId`], which a client may have caused. [`Error::Corrupt`] names view
/// and key of a document that is not a `V`.
#[must_use = "a query does nothing until it is run"]
pub struct DocumentQuery<V> {
    store: SqliteStore,
    view: ViewName,
    filter: Filter,
    order: Vec<Order>,
    after: Option<Cursor>,
    page_size: usize,
    document: PhantomData<fn() -> V>,
}

/// Documents of a query, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPage<V> {
    /// The documents, each with its key.
    pub documents: Vec<(String, V)>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

impl<V> DocumentQuery<V> {
    /// Only documents that `filter` holds for, of those that all earlier filters hold for.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = self.filter.and(filter);
        self
    }

    /// Orders documents by a field; called again, those that are equal so far by a further one.
    /// Default: by key.
    pub fn order_by(mut self, order: impl Into<Order>) -> Self {
        self.order.push(order.into());
        self
    }

    /// Begins behind the page that ended with `cursor`. It must be one of the same query; the size of
    /// the pages may be another.
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// The most documents of a page; 0 counts as 1. All of them are in memory at once. Default: 100.
    pub fn page_size(mut self, documents: usize) -> Self {
        self.page_size = documents.max(1);
        self
    }

    /// How many documents match, on all pages together.
    ///
    /// # Errors
    ///
    /// Those [of a query](Self#errors).
    pub async fn count(&self) -> Result<u64> {
        let (select, _) = self.prepared()?;
        self.store.readers().run(move |db| in_snapshot(db, |db| select.count(db))).await
    }

    /// How SQLite goes about the next page.
    ///
    /// # Errors
    ///
    /// Those [of a query](Self#errors).
    pub async fn explain(&self) -> Result<QueryPlan> {
        let (select, after) = self.prepared()?;
        let plan = move |db: &_| select.plan(db, after.as_ref());
        self.store.readers().run(move |db| in_snapshot(db, plan)).await
    }

    /// The query as SQL, and where it begins.
    fn prepared(&self) -> Result<(Select, Option<Position>)> {
        let order = TotalOrder::of(&self.order)?;
        let fields = order.len();
        let select = Select::new(self.view.clone(), self.filter.clone().into_sql()?, order);
        let after = match &self.after {
            Some(cursor) => Some(cursor.position(select.id()?, fields)?),
            None => None,
        };
        Ok((select, after))
    }
}

impl<V: DeserializeOwned> DocumentQuery<V> {
    /// The next page.
    ///
    /// # Errors
    ///
    /// Those [of a query](Self#errors).
    pub async fn fetch(&self) -> Result<DocumentPage<V>> {
        let (select, after) = self.prepared()?;
        let (id, limit) = (select.id()?, self.page_size);
        let page = move |db: &_| select.page(db, after.as_ref(), limit);
        let found = self.store.readers().run(move |db| in_snapshot(db, page)).await?;
        let documents = found.documents.into_iter().map(|document| self.decode(document));
        let next = found.more_after.map(|position| Cursor::new(id, &position));
        Ok(DocumentPage { documents: documents.collect::<Result<_>>()?, next: next.transpose()? })
    }

    /// The next document.
    ///
    /// # Errors
    ///
    /// Those [of a query](Self#errors).
    pub async fn first(&self) -> Result<Option<(String, V)>> {
        let page = self.clone().page_size(1).fetch().await?;
        Ok(page.documents.into_iter().next())
    }

    /// All pages from the next one on, each read when it is asked for and none of them empty. One
    /// page is in memory at a time. After an error the stream ends.
    ///
    /// Each item fails with those errors [of a query](Self#errors).
    pub fn stream(&self) -> BoxStream<'static, Result<DocumentPage<V>>>
    where
        V: Send + 'static,
    {
        let pages = stream::try_unfold(Some(self.clone()), async |query| {
            let Some(query) = query else { return Ok(None) };
            let page = query.fetch().await?;
            if page.documents.is_empty() {
                return Ok(None);
            }
            let next = page.next.clone().map(|cursor| query.after(cursor));
            Ok(Some((page, next)))
        });
        pages.boxed()
    }

    fn decode(&self, document: ViewDocument) -> Result<(String, V)> {
        let ViewDocument { key, document } = document;
        match Payload::Json(&document).decode() {
            Ok(value) => Ok((key, value)),
            Err(error) => Err(Error::Corrupt {
                what: format!("document {key:?} of view {}", self.view),
                reason: error.to_string(),
            }),
        }
    }
}

impl<V> Clone for DocumentQuery<V> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            view: self.view.clone(),
            filter: self.filter.clone(),
            order: self.order.clone(),
            after: self.after.clone(),
            page_size: self.page_size,
            document: PhantomData,
        }
    }
}

impl<V> fmt::Debug for DocumentQuery<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentQuery")
            .field("view", &self.view)
            .field("filter", &self.filter)
            .field("order", &self.order)
            .field("after", &self.after)
            .field("page_size", &self.page_size)
            .finish_non_exhaustive()
    }
}
