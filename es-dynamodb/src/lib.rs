//! The DynamoDB backend of [`es_core`]: log, feed, snapshots, progress, views, leases, deadlines and
//! idempotency records in DynamoDB tables, at the least cost.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use es_core::{Aggregate, Command, Event, Repository};
//! use es_dynamodb::{DynamoStore, TableCreation};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Debug, Default)]
//! # struct Account { balance: u64 }
//! # #[derive(Debug, Clone, Command)]
//! # enum AccountCommand { Credit(u64) }
//! # #[derive(Debug, Event)]
//! # #[event(prefix = "Account")]
//! # enum AccountEvent { Credited { amount: u64 } }
//! # impl Aggregate for Account {
//! #     const CATEGORY: &'static str = "account";
//! #     type Command = AccountCommand;
//! #     type Event = AccountEvent;
//! #     type Error = std::convert::Infallible;
//! #     fn handle(&self, AccountCommand::Credit(amount): AccountCommand) -> Result<Vec<AccountEvent>, Self::Error> {
//! #         Ok(vec![AccountEvent::Credited { amount }])
//! #     }
//! #     fn apply(&mut self, AccountEvent::Credited { amount }: AccountEvent) {
//! #         self.balance += amount;
//! #     }
//! # }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // Region, credentials and endpoint as every AWS program finds them.
//! let store = DynamoStore::builder("bank-").connect().await?;
//! // For development; in production the tables come from the CloudFormation template.
//! store.ensure_tables().await?;
//!
//! let accounts = Repository::<Account>::new(Arc::new(store)).with_cache(10_000);
//! let receipt = accounts.execute("a-1", AccountCommand::Credit(5)).await?;
//! println!("{} write units", receipt.cost().write_units);
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - **One request per append.** A commit, whatever number of events it has, is one item and one
//!   conditional `PutItem`: 1 write unit up to 1 KB. A lost acknowledgement is recognised by the item that the
//!   refusal brings along, and so is the winner of a race, from which the next attempt goes on.
//! - **A log that nobody changes.** The program puts and reads items of the events table; it never
//!   updates or deletes one, and need not be allowed to.
//! - **Streams of any length, commits of up to 4 MiB.** Reads follow every page; a commit over the limit of
//!   an item is kept in several, which show when the last one is there.
//! - **Progress that is fenced.** Documents, versions of streams, dead letters and the place in the feed are
//!   one transaction. A worker that lost its claim cannot write.
//! - **Views that other programs read.** One table per view, natural keys, native attributes.
//! - **A feed that skips nothing.** The history is scanned, the table's stream follows; what the stream
//!   lost unread is [`Error::FeedTrimmed`](es_core::Error::FeedTrimmed), or a rebuild by choice.
//! - **Cost in view.** Each command's receipt has its requests and capacity units
//!   ([`Receipt::cost`](es_core::Receipt::cost)); all requests are counted as [metrics](telemetry).
//!
//! What DynamoDB does not give: a listing that runs beside a step may show some of its documents before and
//! some after it, and listings by an indexed field are eventually consistent. A document is always seen
//! whole.
//!
//! # Map
//!
//! | module | is about |
//! |---|---|
//! | `options`, `store` | [`DynamoOptions`], [`DynamoStore`]: connecting, what is shared |
//! | `tables`, `ensure_tables`, `ensure_indexes`, `table_check`, `cloudformation` | the tables: what they look like, making them, checking them, [`cloudformation_template`] |
//! | `permissions` | what a program may do with the tables: [`iam_policy`] |
//! | `event_log` | appending and reading streams |
//! | `feed` | the scan of the history and the table's stream |
//! | `snapshots`, `progress`, `views`, `leases`, `deadlines`, `idempotency` | the stores of these names |
//! | `metering`, [`telemetry`] | counting requests and capacity |
//! | `batch_get`, `batch_write`, `partition_query`, `contention`, `attempts` | requests that need several: pages, unprocessed keys and items, conflicts |
//! | `item`, `item_size` | attributes, and what they count |
//! | `errors` | what DynamoDB's errors become |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod telemetry;

mod attempts;
mod batch_get;
mod batch_write;
mod cloudformation;
mod contention;
mod deadlines;
mod ensure_indexes;
mod ensure_tables;
mod errors;
mod event_log;
mod feed;
mod idempotency;
mod item;
mod item_size;
mod leases;
mod metering;
mod missing_tables;
mod options;
mod partition_query;
mod permissions;
mod progress;
mod snapshots;
mod store;
mod table_check;
mod tables;
mod views;

pub use cloudformation::cloudformation_template;
pub use es_aws::Connection;
pub use feed::DynamoHistory;
pub use metering::metered;
pub use options::{DynamoOptions, Heads, TableCreation};
pub use permissions::{Role, iam_policy};
pub use store::DynamoStore;
