//! Commits as [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md), the
//! form that they have on every wire.
//!
//! A commit is one JSON array in the
//! [batch format](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#4-json-batch-format)
//! (`application/cloudevents-batch+json`), with one object per event:
//!
//! | attribute | what it has |
//! |---|---|
//! | `id` | commit id and version, as `0199…-…:3`: the same for every delivery of the event |
//! | `source` | the application: a URI reference chosen by who publishes |
//! | `type` | the stored name, as `Dispense:Started` |
//! | `subject` | the stream, as `dispense:d-1` |
//! | `time` | when it was decided |
//! | `datacontenttype` | `application/json`, or [`POSTCARD`] with `data_base64` |
//! | `schemaversion` | the stored schema version |
//! | `streamversion` | the position in the stream, counted from 1, without gaps |
//! | `commitid` | the commit |
//! | `correlationid`, `causationid`, `traceparent` | from the commit's [`Metadata`](crate::Metadata) |
//! | `data` | the payload, byte for byte as it is in the log |
//!
//! The first event of a commit has also `commitmetadata`, all the metadata as text, and
//! `commitchecksum`, the [CRC-32](crate::Commit::checksum) of the commit. So the reader finds out when
//! something is missing or was changed.
//!
//! A commit that is too large for the wire is announced by a [`CommitReference`]: one event of the type
//! [`REFERENCE`], without data, whose `dataref` (the
//! [claim check extension](https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/dataref.md))
//! names the log.
//!
//! ```
//! # mod doc {
//! #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
//! # }
//! # use doc::*;
//! use std::sync::Arc;
//!
//! use es_core::cloud_events::{self, Announcement, Source};
//! use es_core::memory::MemoryStore;
//! use es_core::Repository;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(MemoryStore::new());
//! let accounts = Repository::<Account>::new(store.clone());
//! let receipt = accounts.execute("a-1", AccountCommand::Credit(5)).await?;
//! let commit = receipt.commit().expect("something happened");
//!
//! let json = cloud_events::encode(commit, &Source::new("/bank")?)?;
//! match cloud_events::decode(&json)? {
//!     Announcement::Commit(same) => assert_eq!(same, *commit),
//!     Announcement::Reference(_) => unreachable!("it is small"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`CloudEvent`] is one event by itself, as it goes into a message to a queue or a topic. It can also
//! be an event of somebody else, or one that is in no log.

mod cloud_event;
mod decode;
mod encode;
mod envelope;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::commit::{Commit, CommitId};
use crate::error::{Error, Result};
use crate::stream_id::{StreamId, check_id};
use crate::version::Version;

pub use cloud_event::{CloudEvent, EventData, Extension, InvalidCloudEvent};
pub use decode::{CorruptCloudEvents, decode};
pub use encode::{encode, encode_reference};

/// The media type of what [`encode`] writes.
pub const BATCH: &str = "application/cloudevents-batch+json";

/// The content type of payloads in the compact codec.
pub const POSTCARD: &str = "application/vnd.postcard";

/// The type of an event that stands for a commit which is in the log only.
pub const REFERENCE: &str = "es.commit.reference";

/// The `dataref` of such an event: the log, at its subject and streamversion.
pub const LOG: &str = "es:log";

/// Who publishes: the `source` of all events of an application. A URI reference, as `/dispensary` or
/// `https://example.com/dispensary`.
#[derive(Clone, PartialEq, Eq)]
pub struct Source(Arc<str>);

impl Source {
    /// The longest source, in bytes. It is in every event.
    pub const MAX_LEN: usize = 200;

    /// A source.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when it is empty, longer than 200 bytes, or has characters that no URI
    /// reference has ([RFC 3986](https://www.rfc-editor.org/rfc/rfc3986)).
    pub fn new(uri: &str) -> Result<Self> {
        const OTHERS: &[u8] = b"-._~:/?#[]@!$&'()*+,;=%";
        check_id("source", uri, Self::MAX_LEN)?;
        match uri.bytes().all(|byte| byte.is_ascii_alphanumeric() || OTHERS.contains(&byte)) {
            true => Ok(Self(uri.into())),
            false => Err(Error::invalid_id("source", uri, "it is not a URI reference")),
        }
    }

    /// The URI reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?})", &*self.0)
    }
}

/// What was read from the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// A commit. Its payloads are uncompressed, whatever they are in the log.
    Commit(Commit),
    /// A commit that is to be read from the log.
    Reference(CommitReference),
}

/// The place of a commit in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitReference {
    /// Its stream.
    pub stream: StreamId,
    /// The version of its first event.
    pub first_version: Version,
    /// Its identity.
    pub id: CommitId,
}
