/// What can happen to a request between the SDK and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    /// The connection breaks before the server has the request.
    LostRequest,
    /// The server acts, and the connection breaks before the answer is there.
    LostAnswer,
    /// The connection breaks, and the server gets the request all the same, behind some of the next ones.
    LateRequest,
    /// Neither an answer nor an end of the connection: the SDK gives up after its time.
    Timeout,
    /// Neither, and nobody gives up: for clients with time-outs of their own.
    Silence,
    /// The server does nothing: `ProvisionedThroughputExceededException`.
    ThroughputExceeded,
    /// The server does nothing: `LimitExceededException`, as operations on whole streams say it.
    LimitExceeded,
    /// The server does nothing, as its key service is asked too much: `KMSThrottlingException`.
    KeyServiceThrottled,
    /// The server does nothing, as the caller may not ask for it: `AccessDeniedException`.
    AccessDenied,
    /// The server fails with a 500, and does nothing.
    InternalError,
    /// The server fails with a 500, and has acted all the same.
    InternalErrorAfterwards,
    /// Some of the records of a request are not stored, or all; the others are, in their order.
    PartialFailure,
    /// An iterator is too old before its time.
    ExpiredIterator,
    /// A shard that the request is about is split before the server acts.
    SplitBefore,
    /// The same, when the server has acted.
    SplitAfter,
    /// A shard that the request is about is merged with a neighbour before the server acts.
    MergeBefore,
    /// The same, when the server has acted.
    MergeAfter,
    /// A subscription breaks off, or fails, after up to three events.
    SubscriptionCut,
}

const WRITES: [&str; 2] = ["PutRecord", "PutRecords"];
const READS: [&str; 3] = ["GetShardIterator", "GetRecords", "SubscribeToShard"];

impl Fault {
    /// All but [`Silence`](Self::Silence) and [`AccessDenied`](Self::AccessDenied): asking again gets a correct system over them.
    pub(crate) const PASSING: &[Self] = &[
        Self::LostRequest,
        Self::LostAnswer,
        Self::LateRequest,
        Self::Timeout,
        Self::ThroughputExceeded,
        Self::LimitExceeded,
        Self::KeyServiceThrottled,
        Self::InternalError,
        Self::InternalErrorAfterwards,
        Self::PartialFailure,
        Self::ExpiredIterator,
        Self::SplitBefore,
        Self::SplitAfter,
        Self::MergeBefore,
        Self::MergeAfter,
        Self::SubscriptionCut,
    ];

    /// Whether a request of this kind can meet the fault.
    pub(crate) fn can_meet(self, operation: &str) -> bool {
        let (writes, reads) = (WRITES.contains(&operation), READS.contains(&operation));
        match self {
            Self::LateRequest => writes,
            Self::ThroughputExceeded => writes || reads && operation != "SubscribeToShard",
            Self::LimitExceeded => !writes && (!reads || operation == "SubscribeToShard"),
            Self::KeyServiceThrottled => writes || reads && operation != "GetShardIterator",
            Self::PartialFailure => operation == "PutRecords",
            Self::ExpiredIterator => operation == "GetRecords",
            Self::SplitBefore | Self::SplitAfter | Self::MergeBefore | Self::MergeAfter => {
                writes || operation == "GetRecords"
            }
            Self::SubscriptionCut => operation == "SubscribeToShard",
            Self::LostRequest
            | Self::LostAnswer
            | Self::Timeout
            | Self::Silence
            | Self::AccessDenied
            | Self::InternalError
            | Self::InternalErrorAfterwards => true,
        }
    }
}
