//! What can be wrong with a topology.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::TopologyBuilder;
use crate::error::Error;
use crate::message_queue::{QueueName, QueueOptions};
use crate::topic::TopicName;

/// A topology that cannot be made, or would lose messages. Nothing was set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTopology {
    faults: Vec<TopologyFault>,
}

impl InvalidTopology {
    pub(super) fn check(faults: Vec<TopologyFault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self { faults }) }
    }

    /// Everything that is wrong with it, at least one thing.
    pub fn faults(&self) -> &[TopologyFault] {
        &self.faults
    }
}

impl fmt::Display for InvalidTopology {
    /// All faults in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queues and topics cannot be set up so: ")?;
        for (n, fault) in self.faults.iter().enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidTopology {}

/// One thing that is wrong with a topology.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopologyFault {
    /// Two queues have one name.
    #[error("queue {queue} is there twice")]
    QueueTwice {
        /// The name.
        queue: QueueName,
    },
    /// No queue can be set up so.
    #[error("queue {queue} cannot be set up so: {reason}")]
    QueueOptions {
        /// The queue.
        queue: QueueName,
        /// What is wrong with its options.
        reason: &'static str,
    },
    /// A queue gives its dead letters to one that is not part of the topology.
    #[error("queue {queue} gives its dead letters to {dead_letter_queue}, which is not there")]
    UnknownDeadLetterQueue {
        /// The queue.
        queue: QueueName,
        /// The queue that is missing.
        dead_letter_queue: QueueName,
    },
    /// A dead letter would be forgotten before anybody has looked at it: the standard queues of SQS
    /// count the retention from the first send on.
    #[error(
        "queue {queue} keeps messages for {retention:?}, its dead-letter queue {dead_letter_queue} for \
         {dead_letter_retention:?} only, which has to be longer"
    )]
    DeadLettersForgotten {
        /// The queue.
        queue: QueueName,
        /// How long it keeps messages.
        retention: Duration,
        /// Where its dead letters go.
        dead_letter_queue: QueueName,
        /// How long that one keeps them.
        dead_letter_retention: Duration,
    },
    /// A queue follows a topic that is not part of the topology.
    #[error("queue {queue} is subscribed to topic {topic}, which is not there")]
    UnknownTopic {
        /// The topic that is missing.
        topic: TopicName,
        /// The subscribed queue.
        queue: QueueName,
    },
    /// A queue that is not part of the topology follows a topic.
    #[error("queue {queue}, which is not there, is subscribed to topic {topic}")]
    UnknownQueue {
        /// The topic.
        topic: TopicName,
        /// The queue that is missing.
        queue: QueueName,
    },
    /// A FIFO queue follows a topic whose messages have no groups.
    #[error("FIFO queue {queue} cannot follow topic {topic}, which is not FIFO")]
    FifoMismatch {
        /// The topic.
        topic: TopicName,
        /// The queue.
        queue: QueueName,
    },
    /// A queue follows a topic twice; it has one filter.
    #[error("queue {queue} is subscribed to topic {topic} twice")]
    SubscribedTwice {
        /// The topic.
        topic: TopicName,
        /// The queue.
        queue: QueueName,
    },
}

/// Everything that is wrong, queues first, in the order in which they were said.
pub(super) fn find_in(topology: &TopologyBuilder) -> Vec<TopologyFault> {
    let known = topology.queues.iter().map(|(queue, options)| (queue, options)).collect();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (queue, options) in &topology.queues {
        if !seen.insert(queue) {
            faults.push(TopologyFault::QueueTwice { queue: queue.clone() });
        }
        faults.extend(find_in_queue(queue, options, &known));
    }
    let mut seen = BTreeSet::new();
    for (topic, queue, _) in &topology.subscriptions {
        let (topic, queue) = (topic.clone(), queue.clone());
        if !topology.topics.contains(&topic) {
            faults.push(TopologyFault::UnknownTopic { topic, queue });
        } else if !known.contains_key(&queue) {
            faults.push(TopologyFault::UnknownQueue { topic, queue });
        } else if topic.check_subscriber(&queue).is_err() {
            faults.push(TopologyFault::FifoMismatch { topic, queue });
        } else if !seen.insert((topic.clone(), queue.clone())) {
            faults.push(TopologyFault::SubscribedTwice { topic, queue });
        }
    }
    faults
}

fn find_in_queue(
    queue: &QueueName,
    options: &QueueOptions,
    known: &BTreeMap<&QueueName, &QueueOptions>,
) -> Option<TopologyFault> {
    if let Err(Error::InvalidQueueOptions { queue, reason }) = options.check(queue) {
        return Some(TopologyFault::QueueOptions { queue, reason });
    }
    let (queue, dead) = (queue.clone(), &options.redrive_policy.as_ref()?.dead_letter_queue);
    let dead_letter_queue = dead.clone();
    let Some(dead) = known.get(dead) else {
        return Some(TopologyFault::UnknownDeadLetterQueue { queue, dead_letter_queue });
    };
    let (retention, dead_letter_retention) = (options.retention, dead.retention);
    (dead_letter_retention <= retention).then_some(TopologyFault::DeadLettersForgotten {
        queue,
        retention,
        dead_letter_queue,
        dead_letter_retention,
    })
}
