//! Event sourcing: write aggregates, commands, events and projectors; get a system that stays correct
//! under failure.
//!
//! This crate has the traits, the engine that runs them, and an in-memory backend. It knows no
//! database: durable backends are crates of their own (`es-sqlite` is the embedded one), and they all
//! pass the same [conformance suites](testing::conformance).
//!
//! ```
//! # mod doc {
//! #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
//! #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
//! # }
//! # use doc::*;
//! use std::sync::Arc;
//!
//! use es_core::memory::MemoryStore;
//! use es_core::{ExecuteError, Projection, Repository};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(MemoryStore::new());
//!
//! // Commands are decided by the aggregate and appended as one atomic commit.
//! let accounts = Repository::<Account>::new(store.clone());
//! accounts.execute("a-1", AccountCommand::Credit(5)).await?;
//! let rejected = accounts.execute("a-1", AccountCommand::Debit(7)).await;
//! assert!(matches!(rejected, Err(ExecuteError::Rejected(Overdrawn(5)))));
//!
//! // A projection folds the log into documents: each event once, in order.
//! let statements = Projection::on(Statements, store)?;
//! statements.catch_up().await?;
//! assert_eq!(statements.view().get("a-1").await?.map(|s| s.balance), Some(5));
//! # Ok(())
//! # }
//! ```
//!
//! The guide in the repository's `docs/guide/` tells the whole story, from an empty crate to a service
//! in operation.
//!
//! # The map
//!
//! | you write | with | and it runs in |
//! |---|---|---|
//! | an [`Aggregate`] with its [`Command`]s and [`Event`]s | [`#[derive(Command)]`](derive@Command), [`#[derive(Event)]`](derive@Event) | a [`Repository`] |
//! | a [`Projector`] | [`Recorded`] events, your documents | a [`Projection`], read through a [`View`]; inline in a command's call by [`Repository::with_inline`]; not stored by a [`LiveView`] |
//! | a [`Policy`] | [`Reaction`] | a [`Reactor`] |
//! | a [`ProcessManager`] with its [`Command`]s and [`Event`]s | [`Decision`], a [`CommandBus`] | [`Processes`]: an [`Orchestrator`] gives them events, a [`DeadlineSweeper`] deadlines |
//! | a [`Saga`](saga::Saga): steps that succeed together or are undone | [`Steps`](saga::Steps) | [`Sagas`](saga::Sagas), driven as [`Processes`] |
//! | a [`MessageHandler`] | [`Incoming`] messages, [`MessageError`] | a [`QueueConsumer`] |
//! | a [`DeadlineHandler`] | [`Deadline`]s | a [`DeadlineSweeper`] |
//!
//! | a backend implements | for |
//! |---|---|
//! | [`EventStore`] | the log: conditional, idempotent appends and page-wise reads of [`Commit`]s |
//! | [`Feed`] | the commits of all streams, for projections and policies |
//! | [`SnapshotStore`], [`CheckpointStore`], [`ViewStore`] | what can be thrown away and built again |
//! | [`MessageQueue`] | [messages](NewMessage) that come back until they are acknowledged, shaped after SQS |
//! | [`LeaseStore`] | which worker works on which partition |
//! | [`DeadlineStore`] | what is due when, for process managers |
//! | [`IdempotencyStore`] | what was done already, for effects that must not be repeated |
//! | [`Topic`] | messages to all queues whose [`FilterPolicy`] takes them, shaped after SNS |
//!
//! | you publish | with |
//! |---|---|
//! | what is in a log, without [personal data](derive@Event#personal-data) | an [`Announcer`](announcer), to a [`Topic`] or a queue |
//! | what is in no log | a [`MessageSender`] |
//!
//! | you operate | with |
//! |---|---|
//! | running consumers | [`Workers`], [`QueueConsumer::health`], [`DeadlineSweeper::health`], [`Consumer::pause`], [`Consumer::health`]; all of them by name in [`Consumers`] |
//! | a view that came out wrong | [`Consumer::rebuild`], [`Consumer::rewind`] |
//! | processes and sagas | [`ProcessStatuses`], [`Processes::parked`], [`Processes::resume_all`], [`Processes::cancel`], [`Processes::turn_back`]; an index of deadlines that was lost: [`Processes::reindex_all`] |
//! | what came of a request | a [`CausalTree`] of its commits |
//! | what could not be handled | [`DeadLetter`], [`Consumer::retry_dead_letters`], [`Consumer::drop_dead_letter`]; messages in a [`DeadLetterQueue`] |
//!
//! | you set up | with |
//! |---|---|
//! | the queues and topics of a system, and who follows what | a [`Topology`] |
//!
//! | ids and places | |
//! |---|---|
//! | [`StreamId`], [`Version`], [`Head`] | a stream, a position in it, the proof of where it ended |
//! | [`CommitId`], [`Metadata`] | a commit's identity, and who and what caused it |
//! | [`ConsumerId`], [`PartitionId`], [`Checkpoint`], [`Revision`] | how far a consumer has come in a feed |
//!
//! | also here | |
//! |---|---|
//! | [`Clock`], [`Entropy`], [`Backoff`] | time and randomness as dependencies, and retries made of them |
//! | [`Cost`] | what requests to a service cost, per command |
//! | [`cloud_events`] | commits and [single events](cloud_events::CloudEvent) as they are on the wire |
//! | [`archive`] | export and import of a whole log, between any two stores |
//! | [`memory`] | the in-memory backend |
//! | [`telemetry`] | the names of spans and metrics |
//! | [`testing`] (feature `testing`) | given/when/then, properties, locks of what is stored, virtual time, the conformance suites, injected faults |
//!
//! # Features
//!
//! `derive` (default): the derive macros. `postcard`: the compact payload codec. `zstd`: compression
//! of large payloads. `testing`: the test kit.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

extern crate self as es_core;

pub mod announcer;
pub mod archive;
pub mod cloud_events;
pub mod memory;
pub mod saga;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

mod aggregate;
mod backoff;
mod causal_tree;
mod checkpoint_store;
mod clock;
mod codec;
mod command;
mod commit;
mod consumer;
mod cost;
mod dead_letter;
mod dead_letter_queue;
mod deadline_handler;
mod deadline_store;
mod deadline_sweeper;
mod encoded_events;
mod entropy;
mod error;
mod event;
mod event_store;
mod event_union;
mod feed;
mod idempotency_store;
mod idempotent;
mod incoming;
mod lease_coordinator;
mod lease_store;
mod live_view;
mod message_handler;
mod message_queue;
mod message_sender;
mod metadata;
mod no_feed;
mod page;
mod personal_data;
mod policy;
mod process_manager;
mod projector;
mod queue_consumer;
mod repository;
mod slab;
mod snapshot_store;
mod stream_id;
mod topic;
mod topology;
mod version;
mod view_store;
mod waits;

pub use aggregate::{Aggregate, Snapshot};
pub use backoff::Backoff;
pub use causal_tree::{CausalNode, CausalTree};
pub use checkpoint_store::{
    Adopted, Adoption, Advance, CheckpointStore, ConsumerId, Position, Progress, Revision,
    StreamProgress,
};
pub use clock::{Clock, SystemClock, Timestamp, within};
pub use codec::{Codec, Compression, Encoding, Payload, PayloadError, UnknownEncoding};
pub use command::{Addressed, Command};
pub use commit::{Commit, CommitId, NewCommit};
pub use consumer::{
    AnyConsumer, Batch, CatchUp, Consumer, ConsumerState, Consumers, DeadLetterFilter, Failed,
    Handled, Handler, Health, LastError, PartitionHealth, Passing, Projecting, Projection, Pushed,
    Reacting, Reactor, Retried, RewindTo, Rewindable, Workers,
};
pub use cost::Cost;
pub use dead_letter::{
    DeadLetter, DeadLetterChange, DeadLetterCount, DeadLetterQuery, DeadLetterState, Dropped,
    Failure,
};
pub use dead_letter_queue::{
    DeadLetterQueue, DeadLetterReason, DeadMessage, DeadMessageFilter, DeadMessageRedrive,
    MessageFailure, Redriven, ShortRetention,
};
pub use deadline_handler::DeadlineHandler;
pub use deadline_store::{Deadline, DeadlineId, DeadlineStore, DuePage, DueQuery};
pub use deadline_sweeper::{
    DeadlineSweeper, DeadlineUnderWay, FailingDeadline, SweeperHealth, Swept,
};
pub use encoded_events::{CorruptEvents, EncodeError, EncodedEvent, EncodedEvents, OpenEvents};
pub use entropy::{Entropy, SystemEntropy};
pub use error::{BoxError, CommitIdReused, Conflict, Error, Result};
#[cfg(feature = "derive")]
pub use es_derive::{Command, Event};
pub use event::{
    DecodeError, Event, EventSchema, PersonalData, PersonalPart, Recorded, UnknownEvents,
};
pub use event_store::{Appended, Direction, EventStore, Expected, Limits, ReadStream};
pub use feed::{Checkpoint, Feed, FeedPage, Partition, PartitionId};
pub use idempotency_store::{
    Begun, Claim, IdempotencyRecord, IdempotencyStore, IdempotentRequest, MAX_RESULT_LEN,
    OwnerToken, PayloadHash, Settled, check_result,
};
pub use idempotent::{Idempotent, Once, OnceError};
pub use incoming::{CLAIM_CHECK_ATTRIBUTES, Incoming, S3Object, Undecodable, Wrapping};
pub use lease_coordinator::{HeldLease, LeaseChanges, LeaseCoordinator};
pub use lease_store::{
    HashRange, Lease, LeaseChange, LeaseFence, LeaseOutcome, LeaseProgress, LeaseStore, NewLease,
    WorkerId,
};
pub use live_view::LiveView;
pub use message_handler::{MessageError, MessageHandler};
pub use message_queue::{
    InvalidMessage, MAX_BATCH, MessageId, MessageQueue, NewMessage, QueueCounts, QueueName,
    QueueOptions, ReceiptHandle, ReceiveOptions, ReceivedMessage, Redrive, RedrivePolicy,
    check_batch, check_extension, check_hold,
};
pub use message_sender::{MessageSender, NotSent};
pub use metadata::{EncodedMetadata, Metadata};
pub use no_feed::NoFeed;
pub use page::Page;
pub use policy::{Policy, Reaction, ReactionError};
pub use process_manager::{
    AfterFailure, CommandBus, CommandFailure, CommandId, CommandOutcome, CommandText, Correlation,
    Decision, DispatchError, Dispatched, DroppedCommand, FailureAction, HistoryEntry, Orchestrator,
    Parked, ParkedCommand, ParkedSummary, Process, ProcessEntry, ProcessManager, ProcessRecord,
    ProcessStatus, ProcessStatuses, ProcessSummary, Processes, Reindexed, ResumedAll, Retry,
    Trigger,
};
pub use projector::Projector;
pub use queue_consumer::{QueueConsumer, QueueHealth, Verdict, Worked};
pub use repository::{
    ExecuteError, ExecuteOptions, IdempotencyKey, Loaded, Receipt, Repository, SnapshotPolicy,
};
pub use snapshot_store::{SnapshotStore, StoredSnapshot};
pub use stream_id::StreamId;
pub use topic::{FilterPolicy, InvalidFilterPolicy, Subscription, Topic, TopicName};
pub use topology::{InvalidTopology, Topology, TopologyBuilder, TopologyFault};
pub use version::{Head, Version};
pub use view_store::{
    MAX_VIEW_KEY_LEN, Replaces, View, ViewChange, ViewDocument, ViewName, ViewQuery, ViewSchema,
    ViewStore, check_swap, check_view_key,
};
pub use waits::Waits;

/// What the derive macros refer to. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use serde;

    /// For `#[event(union)]`.
    pub mod union {
        pub use crate::event_union::{
            Part, alias_count, aliases, assert_distinct, personal, personal_count, schema_count,
            schemas,
        };
    }
}
