//! A whole log in one file, and from there in any store: export and import as JSON Lines.
//!
//! | to | there is |
//! |---|---|
//! | write a log into a file, an *archive* | [`Export`] |
//! | append what an archive has to a store | [`Import`] |
//! | check an archive without a store | [`verify`] |
//! | compare two logs, or a log with an archive | [`LogDigest`] |
//!
//! ```
//! # mod doc {
//! #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
//! # }
//! # use doc::*;
//! use std::sync::Arc;
//!
//! use es_core::archive::{self, Export, Import};
//! use es_core::memory::MemoryStore;
//! use es_core::Repository;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let old = Arc::new(MemoryStore::new());
//! let accounts = Repository::<Account>::new(old.clone());
//! accounts.execute("a-1", AccountCommand::Credit(5)).await?;
//! accounts.execute("a-1", AccountCommand::Debit(2)).await?;
//!
//! // Anything that implements `AsyncWrite`, such as a `tokio::fs::File`.
//! let mut file = Vec::new();
//! let exported = Export::new(old.clone(), old).write_to(&mut file).await?;
//!
//! assert_eq!(archive::verify(&file[..]).await?.digest, exported.digest);
//!
//! let new = Arc::new(MemoryStore::new());
//! let import = Import::new(new.clone());
//! assert_eq!(import.read_from(&file[..]).await?.digest, exported.digest);
//! assert_eq!(Repository::<Account>::new(new).load("a-1").await?.balance, 3);
//!
//! // Once more: everything is there already.
//! assert_eq!(import.read_from(&file[..]).await?.skipped, 2);
//! # Ok(())
//! # }
//! ```
//!
//! # The format
//!
//! An archive is UTF-8 text, one JSON object per line: a header, the commits, and an end. Lines are
//! folded here to be read:
//!
//! ```json
//! {"header":{"format":"es-log","version":1}}
//! {"commit":{"stream":"account:a-1","version":1,"id":"019cabf3-e7b2-7000-8000-000000000001",
//!   "recorded_at":"2026-03-01T12:00:00.123456Z","encoding":"json",
//!   "events":[{"name":"Account:Credited","version":1,"payload":{"amount":5}}],
//!   "metadata":{"actor":"ada"},"checksum":3436973928}}
//! {"commit":{"stream":"account:a-1","version":2,"id":"019cabf3-e7b2-7000-8000-000000000002",
//!   "recorded_at":"2026-03-01T12:00:01Z","encoding":"postcard",
//!   "manifest":"Account:Debited 1 1","payloads":"Ag==","checksum":4061947669}}
//! {"end":{"commits":2,"events":2,"digest":"0293f2fc…","sha256":"1ce84adb…"}}
//! ```
//!
//! - A commit's `version` is that of its first event, `checksum` its [CRC-32](crate::Commit::checksum).
//! - Uncompressed JSON is a list of `events`, with the payloads as they were stored, byte for byte.
//!   All else, and JSON that is no single line of JSON, is the `manifest` as text and the `payloads`
//!   together, as they were stored, in base64.
//! - Metadata that are a JSON object are `metadata`, byte for byte; any other text is the string
//!   `metadata_text`. Without either there were none.
//! - The end has the number of commits and events, the [digest](LogDigest) of the commits, and the
//!   SHA-256 of all lines before it.
//!
//! The commits of a stream are in their order, without a gap, and each is there once; those of
//! different streams are in any order. Nothing in an archive says when or from where it was made: the same
//! commits in the same order are the same bytes.
//!
//! # What was cut off
//!
//! An archive without its end is not whole, and whoever reads it is told so by
//! [`ArchiveError::Truncated`]. An export that was cut off is begun anew: write to a temporary name,
//! and rename the file when the export is done. An import is resumed by importing the same archive again:
//! each commit that is there already costs one append in vain, and is [counted](Report::skipped).
//!
//! # Memory
//!
//! Exports hold a page of each partition that they read, imports the commits that wait for their
//! turn (up to 32 MiB and one line more); both about 100 bytes per stream of the log, to know where
//! each stream has come to.

mod digest;
mod error;
mod export;
mod format;
mod import;
mod lanes;
mod partitions;
mod reader;
mod report;
mod stream_ends;
mod verify;
mod writer;

pub use digest::LogDigest;
pub use error::ArchiveError;
pub use export::Export;
pub use format::MAX_LINE_LEN;
pub use import::Import;
pub(crate) use partitions::Partitions;
pub use report::Report;
pub use verify::{verify, verify_with};
