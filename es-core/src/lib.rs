//! Event sourcing core.
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate self as es_core;

pub mod memory;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

mod aggregate;
mod backoff;
mod checkpoint_store;
mod clock;
mod codec;
mod command;
mod commit;
mod consumer;
mod encoded_events;
mod entropy;
mod error;
mod event;
mod event_store;
mod feed;
mod metadata;
mod policy;
mod projector;
mod repository;
mod snapshot_store;
mod stream_id;
mod version;
mod view_store;

pub use aggregate::{Aggregate, Snapshot};
pub use backoff::Backoff;
pub use checkpoint_store::{CheckpointStore, ConsumerId, Position, Progress, Revision};
pub use clock::{Clock, SystemClock, Timestamp};
pub use codec::{Codec, Compression, Encoding, Payload, PayloadError, UnknownEncoding};
pub use command::{Addressed, Command};
pub use commit::{Commit, CommitId, NewCommit};
pub use consumer::{CatchUp, Consumer, Handler, Projecting, Projection, Reacting, Reactor, Workers};
pub use encoded_events::{CorruptEvents, EncodeError, EncodedEvent, EncodedEvents, OpenEvents};
pub use entropy::{Entropy, SystemEntropy};
pub use error::{BoxError, CommitIdReused, Conflict, Error, Result};
#[cfg(feature = "derive")]
pub use es_derive::{Command, Event};
pub use event::{DecodeError, Event, EventSchema, Recorded, UnknownEvents};
pub use event_store::{Appended, Direction, EventStore, Expected, Limits, ReadStream};
pub use feed::{Checkpoint, Feed, FeedPage, Partition, PartitionId};
pub use metadata::{EncodedMetadata, Metadata};
pub use policy::{Policy, Reaction, ReactionError};
pub use projector::Projector;
pub use repository::{
    ExecuteError, ExecuteOptions, IdempotencyKey, Loaded, Receipt, Repository, SnapshotPolicy,
};
pub use snapshot_store::{SnapshotStore, StoredSnapshot};
pub use stream_id::StreamId;
pub use version::{Head, Version};
pub use view_store::{
    MAX_VIEW_KEY_LEN, View, ViewChange, ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore,
};

/// What the derive macros refer to. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use serde;
}
