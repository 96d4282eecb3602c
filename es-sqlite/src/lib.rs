//! The embedded, durable default backend of [`es_core`]: log, feed, snapshots, checkpoints, views,
//! leases, deadlines, idempotency records, queues and topics in one SQLite file. Nothing to install, nothing to
//! run; the same program runs on a service later.
//!
//! ```
//! use es_core::{
//!     Appended, CommitId, EncodedEvents, EncodedMetadata, EventStore, Expected, NewCommit,
//!     StreamId, SystemEntropy, Timestamp,
//! };
//! use es_sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> es_core::Result<()> {
//! # let directory = tempfile::tempdir().expect("a directory");
//! # let path = directory.path().join("app.db");
//! let store = SqliteStore::open(&path).await?;
//!
//! let stream = StreamId::new("dispense", "d-1")?;
//! // A repository encodes a command's events; here they are written out.
//! let manifest = "Dispense:Started 1 17".into();
//! let events = EncodedEvents::from_stored_json(manifest, r#"{"patient":"Ada"}"#.into())
//!     .expect("manifest and payloads fit");
//! let now = Timestamp::now();
//! let id = CommitId::generate(now, &SystemEntropy);
//! let commit = NewCommit::new(id, now, EncodedMetadata::default(), events);
//!
//! let Appended { commit, duplicate } =
//!     store.append(&stream, Expected::NoStream, commit).await?;
//! assert!(!duplicate);
//! assert_eq!(store.head(&stream).await?, Some(commit.head()));
//! store.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - **Durable when acknowledged.** A write returns after its transaction is on the disk
//!   ([`Synchronous::Full`]); `kill -9` at any moment loses nothing that was acknowledged and leaves
//!   no half commit.
//! - **One writer.** Writes of all kinds go through one queue to one thread, which puts those that
//!   wait into one transaction: under load a single `fsync` is shared by many. Each can fail alone.
//! - **Readers beside it.** Each page of a read is a short query on a connection of its own, on
//!   tokio's blocking pool. A slow reader holds up nobody.
//! - **A feed without gaps.** Commits have a global position that is given inside the writer's
//!   transaction: all readers see the same order, and a rolled back append burns no position. Feeds
//!   of this process are woken by an append, those of others notice it within
//!   [`poll_interval`](SqliteOptions::poll_interval).
//! - **Queues.** A message is durable when its send is answered, and so is its acknowledgement; a
//!   dead letter moves, and a topic publishes to all its queues, in one transaction. Receivers in
//!   several processes share a queue; one that is killed loses nothing, its messages come back when
//!   their visibility timeout is over.
//! - **Damage is told.** Every commit has a checksum that each read checks, missing rows are
//!   noticed, and a damaged commit is an error that names stream and version, after the good ones
//!   before it.
//! - **A busy or full disk passes.** A lock that is held longer than
//!   [`busy_timeout`](SqliteOptions::busy_timeout), a full disk and an I/O error are
//!   [`Error::Unavailable`](es_core::Error::Unavailable), so projections wait for better times.
//!
//! A write whose future is dropped may still be carried out. Appending the same commit again tells,
//! and writes nothing twice.
//!
//! # Map
//!
//! | module | is about |
//! |---|---|
//! | `store` | [`SqliteStore`]: opening, closing, what is shared |
//! | `options` | [`SqliteOptions`], [`Synchronous`] |
//! | `file` | connections and their settings |
//! | `schema` | the tables, their versions, foreign and newer files |
//! | `writer` | the queue and the group commit |
//! | `readers`, `caller_reads` | the pool of reading connections; when callers read themselves |
//! | `log` | what the store does with streams |
//! | `appending`, `known_heads` | appending to streams; the ends of streams that the writer knows |
//! | `stream_read`, `small_pages`, `stream_pages`, `commit_rows` | reading streams: page by page and ahead; the first page; from rows to commits |
//! | `feed` | the log as a feed |
//! | `snapshots`, `checkpoints`, `views` | the stores of these names |
//! | `dead_letters` | what consumers could not handle |
//! | `leases`, `deadlines`, `idempotency` | who works on what, what is due when, and what was done already |
//! | `view_query` | [`DocumentQuery`]: filtering, ordering and paging views |
//! | `queues` | queues and topics: configuring, sending, receiving, dead letters, publishing |
//! | `errors` | what SQLite's errors become |
//! | [`telemetry`] | names of spans and metrics |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]
#![doc = include_str!("schema.md")]

pub mod telemetry;

mod appending;
mod caller_reads;
mod checkpoints;
mod commit_rows;
mod dead_letters;
mod deadlines;
mod errors;
mod expiry;
mod feed;
mod file;
mod idempotency;
mod known_heads;
mod leases;
mod log;
mod options;
mod queues;
mod readers;
mod schema;
mod small_pages;
mod snapshots;
mod store;
mod stream_pages;
mod stream_read;
mod view_query;
mod views;
mod writer;

pub use options::{SqliteOptions, Synchronous};
pub use readers::ReaderStats;
pub use store::SqliteStore;
pub use view_query::{
    Cursor, DocumentPage, DocumentQuery, Field, FieldValue, Filter, Order, QueryPlan, field,
};
pub use writer::WriterStats;

/// The README's first aggregate must compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
