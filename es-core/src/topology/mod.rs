//! The queues and topics of a system, as one value.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::message_queue::{MessageQueue, QueueName, QueueOptions};
use crate::topic::{FilterPolicy, Topic, TopicName};

mod fault;

pub use fault::{InvalidTopology, TopologyFault};

/// Which queues and topics a system has, how they are set up, and which queue follows which topic: said
/// once, checked as a whole, and made on any [`MessageQueue`] and [`Topic`]. A backend for a service renders
/// the same value as a template for its operators.
///
/// ```
/// use es_core::memory::MemoryQueues;
/// use es_core::{NewMessage, QueueName, QueueOptions, Topic, TopicName, Topology};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = TopicName::new("orders")?;
/// let (billing, dead) = (QueueName::new("billing")?, QueueName::new("billing-dead")?);
/// let topology = Topology::builder()
///     .queue(&dead, QueueOptions::for_dead_letters())
///     .queue(&billing, QueueOptions::default().dead_letters(dead.clone(), 3))
///     .topic(&orders)
///     .subscription(&orders, &billing, r#"{"kind":["placed"]}"#.parse()?)
///     .build()?;
///
/// let queues = MemoryQueues::default();
/// topology.ensure(&queues, &queues).await?;
/// queues.publish(&orders, NewMessage::new("{}").attribute("kind", "placed")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    queues: BTreeMap<QueueName, QueueOptions>,
    /// Those that were said to be for dead letters.
    for_dead_letters: BTreeSet<QueueName>,
    topics: BTreeMap<TopicName, BTreeMap<QueueName, FilterPolicy>>,
}

impl Topology {
    /// Nothing yet.
    pub fn builder() -> TopologyBuilder {
        TopologyBuilder::default()
    }

    /// The queues and how they are set up, in the order of their names.
    pub fn queues(&self) -> impl Iterator<Item = (&QueueName, &QueueOptions)> {
        self.queues.iter()
    }

    /// The topics, in the order of their names.
    pub fn topics(&self) -> impl Iterator<Item = &TopicName> {
        self.topics.keys()
    }

    /// Which queue gets what of which topic, in the order of topics and queues.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&TopicName, &QueueName, &FilterPolicy)> {
        self.topics.iter().flat_map(|(topic, subscribers)| {
            subscribers.iter().map(move |(queue, filter)| (topic, queue, filter))
        })
    }

    /// The queues for dead letters: those that other queues give theirs to, and those that
    /// [consumers](TopologyBuilder::dead_letter_queue) do.
    pub fn dead_letter_queues(&self) -> BTreeSet<&QueueName> {
        let policies = self.queues.values().filter_map(|options| options.redrive_policy.as_ref());
        policies.map(|policy| &policy.dead_letter_queue).chain(&self.for_dead_letters).collect()
    }

    /// Makes the queues, topics and subscriptions, and sets up those that are there. Calling it again
    /// changes nothing. What is there besides stays as it is: other queues and topics, and other subscribers
    /// of these topics.
    ///
    /// # Errors
    ///
    /// Those of [`MessageQueue::configure`], [`Topic::create_topic`] and [`Topic::subscribe`]. What was made
    /// before stays, and a repetition goes on behind it.
    pub async fn ensure(&self, queues: &dyn MessageQueue, topics: &dyn Topic) -> Result<()> {
        for (queue, options) in self.dead_letter_queues_first() {
            queues.configure(queue, options.clone()).await?;
        }
        for topic in self.topics() {
            topics.create_topic(topic).await?;
        }
        for (topic, queue, filter) in self.subscriptions() {
            topics.subscribe(topic, queue, filter.clone()).await?;
        }
        Ok(())
    }

    /// Looks whether all queues and topics are there, and makes none: for programs that only look, whose names may
    /// be mistyped. How they are set up is not looked at, nor who follows what.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchQueue`](crate::Error::NoSuchQueue) and [`Error::NoSuchTopic`](crate::Error::NoSuchTopic) for the first
    /// that is missing, queues before topics; those of [`MessageQueue::options`] and [`Topic::subscriptions`].
    pub async fn check_there(&self, queues: &dyn MessageQueue, topics: &dyn Topic) -> Result<()> {
        for (queue, _) in self.queues() {
            queues.options(queue).await?;
        }
        for topic in self.topics() {
            topics.subscriptions(topic).await?;
        }
        Ok(())
    }

    /// A dead-letter queue is there before those that refer to it, as its retention is longer.
    fn dead_letter_queues_first(&self) -> Vec<(&QueueName, &QueueOptions)> {
        let mut queues: Vec<_> = self.queues().collect();
        queues.sort_by_key(|(_, options)| Reverse(options.retention));
        queues
    }
}

/// Puts a [`Topology`] together; from [`Topology::builder`]. The order of the calls does not matter.
#[derive(Debug, Clone, Default)]
#[must_use = "a topology is checked and built by `build`"]
pub struct TopologyBuilder {
    queues: Vec<(QueueName, QueueOptions)>,
    for_dead_letters: BTreeSet<QueueName>,
    topics: BTreeSet<TopicName>,
    subscriptions: Vec<(TopicName, QueueName, FilterPolicy)>,
}

impl TopologyBuilder {
    /// A queue. Its dead letters go where its [options](QueueOptions::dead_letters) say; that queue is one of
    /// the topology, too.
    pub fn queue(mut self, queue: &QueueName, options: QueueOptions) -> Self {
        self.queues.push((queue.clone(), options));
        self
    }

    /// A queue that [consumers send dead letters to](crate::QueueConsumer::dead_letters_to), and no other
    /// program anything. One that queues give theirs to needs not be said to be one.
    ///
    /// [`QueueOptions::for_dead_letters`] has options for it.
    pub fn dead_letter_queue(mut self, queue: &QueueName, options: QueueOptions) -> Self {
        self.for_dead_letters.insert(queue.clone());
        self.queue(queue, options)
    }

    /// A topic.
    pub fn topic(mut self, topic: &TopicName) -> Self {
        self.topics.insert(topic.clone());
        self
    }

    /// The queue gets what is published to the topic and passes the filter.
    pub fn subscription(
        mut self,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Self {
        self.subscriptions.push((topic.clone(), queue.clone(), filter));
        self
    }

    /// The topology, if it can be made.
    ///
    /// # Errors
    ///
    /// [`InvalidTopology`] with everything that is wrong; it becomes an
    /// [`Error::InvalidTopology`](crate::Error::InvalidTopology).
    pub fn build(self) -> Result<Topology, InvalidTopology> {
        InvalidTopology::check(fault::find_in(&self))?;
        let mut topics: BTreeMap<_, BTreeMap<_, _>> =
            self.topics.into_iter().map(|topic| (topic, BTreeMap::new())).collect();
        for (topic, queue, filter) in self.subscriptions {
            topics.entry(topic).or_default().insert(queue, filter);
        }
        let (queues, for_dead_letters) = (self.queues.into_iter().collect(), self.for_dead_letters);
        Ok(Topology { queues, for_dead_letters, topics })
    }
}

#[cfg(test)]
mod tests;
