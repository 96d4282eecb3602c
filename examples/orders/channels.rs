//! The queues of the system, its topic, and who follows it.

use std::time::Duration;

use es_core::{Error, FilterPolicy, QueueName, QueueOptions, TopicName, Topology, TopologyBuilder};

/// What the queues and the topic are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    /// Orders that were created, for the processor. Inside the system: with all data.
    pub created: QueueName,
    /// Those that it gave up.
    pub dead_letters: QueueName,
    /// Notifications and requests to stop that were given up.
    pub undelivered: QueueName,
    /// Orders that were processed, for everybody: without personal data.
    pub notifications: TopicName,
    /// Stops workers.
    pub control: QueueName,
    prefix: String,
}

/// How often a message is tried: the first attempt and three retries.
pub const MAX_ATTEMPTS: u32 = 4;

/// Who follows the topic, each by a queue of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Subscriber {
    /// Sends parcels
    Shipping,
    /// Books the payments
    Bookkeeping,
    /// Whoever watches notifications in a terminal
    Terminal,
}

impl Subscriber {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Shipping, Self::Bookkeeping, Self::Terminal];

    /// The name on the command line, and the end of the queue's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shipping => "shipping",
            Self::Bookkeeping => "bookkeeping",
            Self::Terminal => "terminal",
        }
    }

    fn queue_options(self, undelivered: &QueueName) -> QueueOptions {
        let options = QueueOptions::default().dead_letters(undelivered.clone(), MAX_ATTEMPTS);
        match self {
            Self::Shipping | Self::Bookkeeping => options,
            // Nobody may ever look.
            Self::Terminal => options.retention(Duration::from_secs(60 * 60)),
        }
    }
}

impl Channels {
    /// How long the processor has for an order before another one may take it.
    pub const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(10);

    /// Those whose names begin with `prefix`; the topic may have another name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when there can be no queues or no topic of these names.
    pub fn new(prefix: &str, topic: Option<&str>) -> Result<Self, Error> {
        let queue = |name: &str| QueueName::new(&format!("{prefix}{name}"));
        let topic = topic.map_or_else(|| format!("{prefix}notifications"), str::to_owned);
        Ok(Self {
            created: queue("created")?,
            dead_letters: queue("dead-letters")?,
            undelivered: queue("undelivered")?,
            notifications: TopicName::new(&topic)?,
            control: queue("control")?,
            prefix: prefix.to_owned(),
        })
    }

    /// The queue of a subscriber.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when there can be no queue of that name.
    pub fn queue_of(&self, subscriber: Subscriber) -> Result<QueueName, Error> {
        QueueName::new(&format!("{}{}", self.prefix, subscriber.as_str()))
    }

    /// All of it, to be made.
    ///
    /// # Errors
    ///
    /// As [`queue_of`](Self::queue_of).
    pub fn topology(&self) -> Result<Topology, Error> {
        let mut topology = self.inside();
        for subscriber in Subscriber::ALL {
            let (queue, everything) = (self.queue_of(subscriber)?, FilterPolicy::everything());
            topology = topology
                .queue(&queue, subscriber.queue_options(&self.undelivered))
                .subscription(&self.notifications, &queue, everything);
        }
        Ok(topology.build()?)
    }

    /// What the system itself works with: without the queues of those who follow the topic.
    ///
    /// # Errors
    ///
    /// None: its parts fit together.
    pub fn topology_inside(&self) -> Result<Topology, Error> {
        Ok(self.inside().build()?)
    }

    /// What those who follow the topic work with.
    ///
    /// # Errors
    ///
    /// As [`queue_of`](Self::queue_of).
    pub fn topology_outside(&self) -> Result<Topology, Error> {
        let mut topology =
            Topology::builder().queue(&self.undelivered, QueueOptions::for_dead_letters());
        for subscriber in Subscriber::ALL {
            let options = subscriber.queue_options(&self.undelivered);
            topology = topology.queue(&self.queue_of(subscriber)?, options);
        }
        Ok(topology.build()?)
    }

    fn inside(&self) -> TopologyBuilder {
        // The processor gives orders up itself, with the reason, unless it dies of each attempt.
        let created = QueueOptions::default()
            .visibility_timeout(Self::VISIBILITY_TIMEOUT)
            .dead_letters(self.dead_letters.clone(), 3 * MAX_ATTEMPTS);
        // Who was not there when it was asked to stop is not to stop later.
        let control = QueueOptions::default()
            .retention(Duration::from_secs(60))
            .dead_letters(self.undelivered.clone(), MAX_ATTEMPTS);
        Topology::builder()
            .queue(&self.created, created)
            .queue(&self.control, control)
            .queue(&self.dead_letters, QueueOptions::for_dead_letters())
            .queue(&self.undelivered, QueueOptions::for_dead_letters())
            .topic(&self.notifications)
    }
}
