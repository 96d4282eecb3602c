//! What everything is called, and how queues and topic hang together.

use std::time::Duration;

use es_core::{Error, FilterPolicy, QueueName, QueueOptions, RedrivePolicy, TopicName, Topology};

/// The names of topic and queues, which the environment can choose.
#[derive(Debug, Clone)]
pub struct Names {
    /// The topic that all sources publish to.
    pub topic: TopicName,
    /// The queue behind it, for the processor.
    pub queue: QueueName,
    /// The queue of the confirmations.
    pub confirmations: QueueName,
    /// The dead letters of both.
    pub dead_letters: QueueName,
}

impl Names {
    /// Those that begin with `prefix`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when there can be no topic or queue of such a name.
    pub fn beginning_with(prefix: &str) -> Result<Self, Error> {
        let queue = |name: &str| QueueName::new(&format!("{prefix}{name}"));
        Ok(Self {
            topic: TopicName::new(&format!("{prefix}submissions"))?,
            queue: queue("submissions")?,
            confirmations: queue("confirmations")?,
            dead_letters: queue("dead-letters")?,
        })
    }

    /// How often a queue lets a message be received before it gives it up by itself. The consumers give up
    /// earlier, with a reason: this is for what kills them.
    const RECEIVES: u32 = 20;

    /// How long a message is hidden that was received by somebody who did not say how long, as Lambda: six times as long
    /// as [a function may work on it](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
    pub const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(120);

    /// How long a message of the second queue may wait.
    const RETENTION: Duration = Duration::from_secs(4 * 24 * 60 * 60);

    /// The queues, the topic, and who gets what of it. The dead letters are kept for 14 days.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTopology`], as when two queues have one name.
    pub fn topology(&self) -> Result<Topology, Error> {
        let redrive_policy = RedrivePolicy {
            dead_letter_queue: self.dead_letters.clone(),
            max_receive_count: Self::RECEIVES,
        };
        let options = QueueOptions { redrive_policy: Some(redrive_policy), ..Default::default() }
            .visibility_timeout(Self::VISIBILITY_TIMEOUT)
            .retention(Self::RETENTION);
        let topology = Topology::builder()
            .topic(&self.topic)
            .queue(&self.dead_letters, QueueOptions::for_dead_letters())
            .queue(&self.queue, options.clone())
            .queue(&self.confirmations, options)
            .subscription(&self.topic, &self.queue, FilterPolicy::everything())
            .build()?;
        Ok(topology)
    }
}
