//! Kinesis Data Streams for [`es_core`]: a [`Publisher`] that keeps the order of every stream of the log,
//! and a [`KinesisFeed`] that skips nothing.
//!
//! ```text
//! commands → log → Publisher → data stream → KinesisFeed → projections and policies → views
//! ```
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use es_core::cloud_events::Source;
//! use es_core::{Projection, SystemEntropy, WorkerId, Workers};
//! use es_kinesis::{Begin, Capacity, DataStream, KinesisFeed, Publishing};
//! use es_sqlite::SqliteStore;
//! # use es_core::{BoxError, Event, Projector, Recorded};
//! # #[derive(Debug, Event)]
//! # #[event(prefix = "Account")]
//! # enum AccountEvent { Credited { amount: u64 } }
//! # struct Balances;
//! # impl Projector for Balances {
//! #     const NAME: &'static str = "balances";
//! #     const VERSION: u32 = 1;
//! #     const CATEGORIES: &'static [&'static str] = &["account"];
//! #     type Event = AccountEvent;
//! #     type View = u64;
//! #     fn project(&self, _: &str, view: &mut Option<u64>, it: &Recorded<'_, AccountEvent>) -> Result<(), BoxError> {
//! #         let AccountEvent::Credited { amount } = it.event;
//! #         *view.get_or_insert_default() += amount;
//! #         Ok(())
//! #     }
//! # }
//!
//! # async fn example() -> es_core::Result<()> {
//! // Any store will do, for the log, the progress, the leases and the views: here it is one.
//! let store = Arc::new(SqliteStore::open("bank.db").await?);
//! // Region, credentials and endpoint as every AWS program finds them.
//! let stream = DataStream::builder("bank-events").connect().await?;
//! // For development; in production the stream comes from the CloudFormation template.
//! stream.ensure(Capacity::OnDemand).await?;
//!
//! let publisher = Publishing::to(&stream, Source::new("/bank")?).on(store.clone())?;
//! let feed = KinesisFeed::of(&stream, store.clone(), Begin::Horizon);
//! let worker = WorkerId::generate("host-1", &SystemEntropy)?;
//! let balances = Projection::new(Balances, Arc::new(feed), store.clone(), store.clone())?
//!     .with_leases(store, worker, Duration::from_secs(10));
//! let mut workers = Workers::new();
//! workers.start(Arc::new(publisher));
//! workers.start(Arc::new(balances));
//! workers.failed().await
//! # }
//! ```
//!
//! # What it promises
//!
//! - **Order.** The commits of a stream are published in the order of the log, under partial failures,
//!   throttling, retries, crashes, and while shards split and merge. Other streams go on meanwhile.
//! - **Nothing is left out.** What Kinesis does not take waits in the publisher's dead letters, with the later
//!   commits of its stream. A shard is read to its end before those that came of it, and progress is saved with
//!   the effect. What the data stream has forgotten unread is
//!   [`Error::FeedTrimmed`](es_core::Error::FeedTrimmed), or a rebuild by choice.
//! - **Records that others read.** One record per commit, CloudEvents 1.0 in JSON, under the stream as
//!   partition key; [aggregated](aggregation) as by the Kinesis Producer Library if asked for.
//! - **At once, and within the limits.** Nothing lingers, a request takes up to 500 commits, and a shard is given
//!   what it takes.
//! - **Shared by workers.** Shards are divided by leases in any [`LeaseStore`](es_core::LeaseStore); a worker that
//!   lost its lease can do no harm.
//! - **Damage heals.** A record that cannot be read is a notice that its stream has changed: the log is read
//!   instead.
//!
//! What it does not: duplicates can be in the data stream, when an answer was lost or a publisher ended before
//! its progress was saved. They can be told by their `id`, and projections and policies of this framework have
//! each commit once in effect. A data stream keeps records for [its retention](DataStreamOptions::retention_hours),
//! and what was published before is not in it: a view that must have it begins
//! [after the history](Begin::AfterHistory). There is no order between streams.
//!
//! All requests are counted as [metrics](telemetry). What a user reads when something is not set up says in one
//! line what was tried, where, and what helps.
//!
//! # Map
//!
//! | module | is about |
//! |---|---|
//! | `options`, `data_stream` | [`DataStreamOptions`], [`DataStream`]: connecting, what is shared |
//! | `ensure`, `cloudformation` | the stream: making it, [`cloudformation_template`] |
//! | `permissions` | what a program may do with it: [`iam_policy`] |
//! | `publisher` | [`Publishing`], [`Publisher`]: from a feed to the stream |
//! | `feed` | [`KinesisFeed`], [`Begin`]: from the stream to a feed; [`PushedRecords`]: from records that somebody else reads |
//! | [`aggregation`], `compression`, [`hash_key`] | records: several in one, smaller, and where they belong |
//! | `shard_list`, `summary` | what the stream says about itself |
//! | [`telemetry`] | counting |
//! | `errors` | what the errors of Kinesis become |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod aggregation;
pub mod hash_key;
pub mod telemetry;

mod cloudformation;
mod compression;
mod data_stream;
mod ensure;
mod errors;
mod feed;
mod options;
mod permissions;
mod publisher;
mod shard_list;
mod summary;

pub use cloudformation::cloudformation_template;
pub use data_stream::DataStream;
pub use ensure::Capacity;
pub use es_aws::Connection;
pub use feed::{Begin, KinesisFeed, PushedRecords};
pub use options::DataStreamOptions;
pub use permissions::{Role, iam_policy};
pub use publisher::{Oversized, Publisher, PublisherOptions, Publishing, ShardThroughput};
