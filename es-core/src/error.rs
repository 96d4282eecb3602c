//! What can go wrong, and whether trying again can help.

use std::error::Error as StdError;

use crate::commit::{Commit, CommitId};
use crate::event::DecodeError;
use crate::event_store::Expected;
use crate::message_queue::{InvalidMessage, QueueName};
use crate::stream_id::StreamId;
use crate::topic::TopicName;
use crate::topology::InvalidTopology;
use crate::version::{Head, Version};

/// The result of an operation of this crate and of the backends.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an error, as a backend met it.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// An error of the framework or of a backend. Errors of the domain are never in here: they come
/// through as [`ExecuteError::Rejected`](crate::ExecuteError::Rejected), typed and untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An id or a name is empty, too long, or has characters that it must not have.
    #[error("{what} {value:?} is not valid: {reason}")]
    InvalidId {
        /// What the id stands for, as in "aggregate id".
        what: &'static str,
        /// The id as it was given, cut after 64 characters.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The stream does not end where the append expected it; nothing was written.
    #[error(transparent)]
    Conflict(Box<Conflict>),
    /// A commit with this id but other events is already in the stream; nothing was written.
    #[error("commit {} is already in stream {} with other events", .0.commit_id, .0.original.stream())]
    CommitIdReused(Box<CommitIdReused>),
    /// Something is larger than the store takes; nothing was written.
    #[error("{what} of {stream} is {actual}, over the limit of {limit}")]
    LimitExceeded {
        /// What is too large and its unit, as in "the size in bytes of a commit".
        what: &'static str,
        /// The stream that it was meant for.
        stream: StreamId,
        /// What was asked for.
        actual: u64,
        /// The most that is taken.
        limit: u64,
    },
    /// A commit without events was handed to a store; nothing was written.
    #[error("a commit without events cannot be appended to {stream}")]
    EmptyCommit {
        /// The stream that it was meant for.
        stream: StreamId,
    },
    /// A command's metadata is longer than [`Metadata::MAX_LEN`](crate::Metadata::MAX_LEN); nothing
    /// was written.
    #[error("the metadata has {actual} bytes as JSON, over the limit of {limit}")]
    MetadataTooLarge {
        /// Its size.
        actual: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// A value could not be turned into bytes.
    #[error("{what} cannot be encoded")]
    Encode {
        /// What was to be encoded, as in "event Dispense:Started".
        what: String,
        /// The encoder's error.
        source: BoxError,
    },
    /// A stored event cannot be turned into the type asked for. Its bytes are as they were written.
    #[error(
        "event {name} (schema version {schema_version}) of {stream} at version {version} cannot be decoded"
    )]
    Decode {
        /// The stream that the event is in.
        stream: StreamId,
        /// The event's position in it.
        version: Version,
        /// The event's stored name.
        name: String,
        /// The event's stored schema version.
        schema_version: u32,
        /// Why.
        source: DecodeError,
    },
    /// A stored commit is damaged: its bytes are not what was written.
    #[error("the commit of {stream} at version {version} is damaged: {reason}")]
    CorruptCommit {
        /// The stream that the commit is in.
        stream: StreamId,
        /// Where the damaged commit begins.
        version: Version,
        /// What does not fit.
        reason: String,
    },
    /// Something else that was stored is damaged: a view document, a checkpoint, the file itself.
    #[error("{what} is damaged: {reason}")]
    Corrupt {
        /// What is damaged.
        what: String,
        /// What does not fit.
        reason: String,
    },
    /// Something was stored by a version of the framework that this one does not understand.
    #[error("{what} has format {found}, and this program understands up to {supported}: update it")]
    UnsupportedFormat {
        /// What has the format.
        what: String,
        /// The format found.
        found: String,
        /// The newest format that this program can read.
        supported: String,
    },
    /// Another worker has moved this consumer on since its progress was read; nothing was written.
    #[error("{consumer} was moved on by another worker{}", in_partition(.partition.as_deref()))]
    Fenced {
        /// The projection or policy whose progress was to be saved.
        consumer: String,
        /// The partition of the feed; `None` for a step beside the feed.
        partition: Option<String>,
    },
    /// A step of a consumer is more than the store takes at once; nothing was written. Consumers
    /// divide such a step and try again.
    #[error("a step of {consumer} is too large: {what} is {actual}, over the limit of {limit}")]
    StepTooLarge {
        /// The projection or policy.
        consumer: String,
        /// What is too large and its unit, as in "the number of items".
        what: &'static str,
        /// What was asked for.
        actual: u64,
        /// The most that is taken.
        limit: u64,
    },
    /// The feed does not have any more what a consumer has to read next: it keeps commits for a limited
    /// time only. Nothing was skipped; the log has them all, and a rebuild reads them from there.
    #[error(
        "partition {partition} of the feed has lost what follows {after:?}: rebuild from the log"
    )]
    FeedTrimmed {
        /// The partition.
        partition: String,
        /// The checkpoint behind which commits are missing; empty for the partition's start.
        after: String,
    },
    /// The stream waits in the consumer's dead letters, so that nothing of it has an effect until
    /// they are tried again or dropped.
    #[error("{stream} is parked in the dead letters of {consumer}")]
    Parked {
        /// The projection or policy.
        consumer: String,
        /// The stream.
        stream: StreamId,
    },
    /// The consumer has as many dead letters as it may have, and stops rather than skip anything.
    #[error("{consumer} has {letters} dead letters, and may have {limit}: it stops at {stream}")]
    DeadLettersFull {
        /// The projection or policy.
        consumer: String,
        /// The stream with the next one.
        stream: StreamId,
        /// How many there are.
        letters: u64,
        /// How many there may be.
        limit: u64,
        /// Why the next one would be parked.
        source: BoxError,
    },
    /// The consumer is paused; nothing was handled.
    #[error("{consumer} is paused")]
    Paused {
        /// The projection or policy.
        consumer: String,
    },
    /// A rebuilt view cannot take the place of the live one: the live one shows events that wait in
    /// the dead letters of the rebuilt one. The live view stays.
    #[error("the rebuilt {consumer} cannot handle {stream}, which the live view shows")]
    RebuildParked {
        /// The projection.
        consumer: String,
        /// The first stream that was found.
        stream: StreamId,
        /// How it failed.
        source: BoxError,
    },
    /// A command was sent again under an idempotency key with another content.
    #[error("the idempotency key {key:?} was already used on {stream} for another request")]
    IdempotencyKeyReused {
        /// The stream that the key was used on.
        stream: StreamId,
        /// The key.
        key: String,
    },
    /// The aggregate is not at the version that the caller asked for; nothing was written.
    #[error("{stream} is at version {actual}, not at {expected}")]
    VersionMismatch {
        /// The aggregate's stream.
        stream: StreamId,
        /// The version that the caller expected.
        expected: Version,
        /// The version that it has.
        actual: Version,
    },
    /// A version was asked for that the stream has not reached.
    #[error("{stream} is at version {actual}; version {asked} does not exist")]
    NoSuchVersion {
        /// The stream.
        stream: StreamId,
        /// The version asked for.
        asked: Version,
        /// Where the stream ends.
        actual: Version,
    },
    /// A commit that the feed announced as later than the known ones is not preceded by them in the
    /// log either.
    #[error("{stream} has a gap: version {expected} should follow, the log continues at {found}")]
    Gap {
        /// The stream.
        stream: StreamId,
        /// The version that had to come next.
        expected: Version,
        /// The version that was found.
        found: Version,
    },
    /// A projector or a policy refused an event.
    #[error("{consumer} failed on {stream} at version {version}")]
    Handler {
        /// The projection or policy.
        consumer: String,
        /// The stream whose event it was.
        stream: StreamId,
        /// The event's position in it.
        version: Version,
        /// Whether trying again can help.
        transient: bool,
        /// The handler's error.
        source: BoxError,
    },
    /// There is no queue of this name: it was never configured.
    #[error("there is no queue {queue}")]
    NoSuchQueue {
        /// The name.
        queue: QueueName,
    },
    /// A queue cannot be set up so; it is as it was.
    #[error("queue {queue} cannot be set up so: {reason}")]
    InvalidQueueOptions {
        /// The queue.
        queue: QueueName,
        /// What is wrong with the options.
        reason: &'static str,
    },
    /// Queues and topics do not fit together; nothing was set up.
    #[error(transparent)]
    InvalidTopology(#[from] InvalidTopology),
    /// A message is not taken; nothing was sent.
    #[error("the {destination} does not take the message: {source}")]
    InvalidMessage {
        /// The queue or topic, as in "queue orders".
        destination: String,
        /// Why.
        source: InvalidMessage,
    },
    /// The receipt does not, or no longer, stand for a message that can be acknowledged or held:
    /// somebody else has received it since, or it is gone. Nothing was changed.
    #[error("the receipt of a message of queue {queue} does not count any more")]
    ReceiptLost {
        /// The queue.
        queue: QueueName,
    },
    /// The result of an idempotent request is larger than its record takes; nothing was written.
    #[error("the result of a request of {scope} has {actual} bytes, over the limit of {limit}")]
    ResultTooLarge {
        /// The scope of the request.
        scope: String,
        /// Its size.
        actual: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// A message would be held for longer than one receive can; nothing was changed.
    #[error("a message of queue {queue} cannot be held for more than {limit:?} from its receive")]
    HeldTooLong {
        /// The queue.
        queue: QueueName,
        /// The longest hold.
        limit: std::time::Duration,
    },
    /// There is no topic of this name: it was never created.
    #[error("there is no topic {topic}")]
    NoSuchTopic {
        /// The name.
        topic: TopicName,
    },
    /// What was waited for did not happen before the deadline. It may still happen.
    #[error("{what} did not happen within {waited:?}")]
    DeadlineExceeded {
        /// What was waited for.
        what: String,
        /// How long.
        waited: std::time::Duration,
    },
    /// The backend cannot be reached, is busy or throttles. Trying again can help.
    #[error("{what} is not available")]
    Unavailable {
        /// What was tried.
        what: String,
        /// The backend's error.
        source: BoxError,
    },
    /// The backend refused for a reason that trying again does not change.
    #[error("{what} failed")]
    Backend {
        /// What was tried.
        what: String,
        /// The backend's error.
        source: BoxError,
    },
    /// There is no process of this id: nothing has happened to it.
    #[error("there is no process {stream}")]
    NoSuchProcess {
        /// The stream that it would have.
        stream: StreamId,
    },
    /// A saga cannot be turned back any more; it is as it was.
    #[error("{stream} cannot be turned back: {reason}")]
    NoWayBack {
        /// The saga's stream.
        stream: StreamId,
        /// Why.
        reason: String,
    },
    /// The program asks for something that the types or the set-up do not provide.
    #[error("{0}")]
    Misuse(String),
}

impl Error {
    /// Whether the same call can succeed later without anybody changing anything. A conflict counts:
    /// the stream has moved on and a decision on its new state may stand.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::Unavailable { .. } | Self::DeadlineExceeded { .. } => true,
            Self::Handler { transient, .. } => *transient,
            _ => false,
        }
    }

    /// The error and its causes in one line, as for a log or an operator.
    ///
    /// ```
    /// use es_core::Error;
    ///
    /// let error = Error::Unavailable { what: "the log".into(), source: "disk full".into() };
    /// assert_eq!(error.with_causes(), "the log is not available: disk full");
    /// ```
    pub fn with_causes(&self) -> String {
        with_causes(self)
    }

    pub(crate) fn invalid_id(what: &'static str, value: &str, reason: &'static str) -> Self {
        Self::InvalidId { what, value: value.chars().take(64).collect(), reason }
    }
}

/// An error and its causes in one line.
pub(crate) fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = error.source();
    }
    text
}

/// The stream does not end where an append expected it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{stream} was expected {expected} but {}", describe_end(.actual.as_ref()))]
pub struct Conflict {
    /// The stream.
    pub stream: StreamId,
    /// Where the append expected its end.
    pub expected: Expected,
    /// Where the stream ends as far as the store saw; it may have grown since. `None`: there is no
    /// such stream.
    pub actual: Option<Head>,
    /// The commit that took the place, when the store has it at hand. It spares a reader that
    /// knows the stream up to `expected` the first read.
    pub winner: Option<Commit>,
}

fn in_partition(partition: Option<&str>) -> String {
    partition.map(|partition| format!(" in partition {partition}")).unwrap_or_default()
}

fn describe_end(actual: Option<&Head>) -> String {
    match actual {
        Some(head) => format!("ends at version {}", head.version()),
        None => "does not exist".to_owned(),
    }
}

impl From<Conflict> for Error {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(Box::new(conflict))
    }
}

/// A commit id that is already taken in the stream, by a commit with other events.
#[derive(Debug, Clone)]
pub struct CommitIdReused {
    /// The id.
    pub commit_id: CommitId,
    /// The commit that has it.
    pub original: Commit,
}
