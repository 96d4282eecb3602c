//! What SQS takes as the policy of a queue.

use std::fmt;

/// What the policy of a queue has so much of at most, in all of its statements, whoever has made them:
/// [Amazon SQS policy quotas](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyLimit {
    /// 8,192 bytes. Each topic that sends to the queue, and each rule, also what it could not deliver elsewhere, takes the
    /// bytes of its ARN and three more.
    Bytes,
    /// 20 statements. All topics have one together, and so have the rules of one owner on one bus.
    Statements,
    /// 50 principals. A statement has one for each account, user, role or service that it is about.
    Principals,
    /// 10 conditions. All topics have one together, and so have the rules of one owner on one bus.
    Conditions,
}

impl PolicyLimit {
    /// How much SQS takes.
    #[must_use]
    pub const fn most(self) -> usize {
        match self {
            Self::Bytes => 8_192,
            Self::Statements => 20,
            Self::Principals => 50,
            Self::Conditions => 10,
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Bytes => {
                "let fewer topics or rules send to it, and some to another queue, or give them shorter names"
            }
            Self::Statements | Self::Principals | Self::Conditions => {
                "all topics have one together, and each owner of rules on each bus has one, the others are somebody \
                 else's: take away what is not needed any more, or send to another queue"
            }
        }
    }
}

impl fmt::Display for PolicyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Statements => "statements",
            Self::Principals => "principals",
            Self::Conditions => "conditions",
        })
    }
}

/// The policy of a queue would be larger than SQS takes; it is as it was. The source of the
/// [`Error::Backend`](es_core::Error::Backend) that what would have written it ends with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the policy of queue {queue} would have {actual} {limit}, and SQS takes {}: {}",
    .limit.most(),
    .limit.advice()
)]
#[non_exhaustive]
pub struct QueuePolicyTooLarge {
    /// The queue, as it is called in the account.
    pub queue: String,
    /// What it would have too much of.
    pub limit: PolicyLimit,
    /// How much.
    pub actual: usize,
}
