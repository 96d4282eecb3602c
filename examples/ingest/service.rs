//! The parts, put together on a backend.

use std::sync::Arc;
use std::time::Duration;

use es_core::announcer::{Announcer, Announcing};
use es_core::cloud_events::Source;
use es_core::{
    Backoff, Clock, Consumers, DeadLetterQueue, Error, Idempotent, MessageQueue, MessageSender,
    Projection, QueueConsumer, QueueCounts, Repository, SystemClock,
};

use super::backend::Backend;
use super::confirmation::Confirmer;
use super::documents::Documents;
use super::domain::Intake;
use super::figures::Figures;
use super::processor::Processor;
use super::publisher::Publisher;
use super::records::Records;
use super::stations::StationRegister;
use super::watcher::Watcher;

/// The system.
#[derive(Debug)]
pub struct Ingest {
    /// What brings submissions to the topic.
    pub publisher: Publisher,
    /// Where files are put.
    pub documents: Arc<dyn Documents>,
    /// What takes submissions in.
    pub processor: Arc<QueueConsumer>,
    /// What tells the second queue of events that were processed.
    pub announcer: Arc<Announcer>,
    /// What handles that.
    pub confirmer: Arc<QueueConsumer>,
    /// What became of events.
    pub records: Arc<Projection<Records>>,
    /// What could not be handled.
    pub dead_letters: DeadLetterQueue,
    /// How it goes in this process.
    pub figures: Arc<Figures>,
    backend: Backend,
}

/// How the system behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long the record of an event is kept after it was processed.
    pub keep: Duration,
    /// The waits between the attempts to process an event.
    pub backoff: Backoff,
    /// What is known of the stations.
    pub register: Arc<dyn StationRegister>,
}

impl Options {
    /// How long a record is kept unless somebody says otherwise.
    pub const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);
}

/// How long the handling of a message may take. It takes milliseconds; but for so long, and twice as long at
/// most, a message waits whose receiver was killed.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it is remembered which messages were handled: as long as one can come again, by the retention of
/// its queue and then that of the dead letters.
const REMEMBERED: Duration = Duration::from_secs(18 * 24 * 60 * 60);

impl Ingest {
    /// Puts the parts together and makes the records readable. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn new(backend: Backend, options: Options) -> Result<Self, Error> {
        let ingest = Self::assembled(backend, options)?;
        ingest.records.prepare().await?;
        Ok(ingest)
    }

    /// Puts the parts together. Nobody is asked for anything; the records are readable once somebody has prepared them.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when a name cannot be one.
    pub fn assembled(backend: Backend, options: Options) -> Result<Self, Error> {
        let Backend { log, feed, views, checkpoints, queues, names, .. } = backend.clone();
        let intakes = Repository::<Intake>::new(log.clone()).with_cache(10_000);
        let records = Records { keep: options.keep };
        let records = Projection::new(records, feed.clone(), log.clone(), views)?;
        let announcer = Announcing::to_queue(
            queues.clone(),
            names.confirmations.clone(),
            Source::new("/ingest/log")?,
        )
        .named("intake_confirmations")
        .categories(["intake"])
        .types(["Intake:Processed"])
        .from(feed, log, checkpoints)?;

        let figures = Arc::new(Figures::new(Arc::new(SystemClock)));
        let processor = Processor {
            intakes: intakes.clone(),
            documents: backend.documents.clone(),
            register: options.register,
            figures: figures.clone(),
        };
        let consumer = |consumer: QueueConsumer| {
            consumer
                .handler_timeout(HANDLER_TIMEOUT)
                .visibility_timeout(2 * HANDLER_TIMEOUT)
                .max_attempts(Processor::ATTEMPTS)
                .backoff(options.backoff)
                .dead_letters_to(names.dead_letters.clone())
                .idempotent(backend.idempotency.clone(), REMEMBERED)
        };
        let processor =
            QueueConsumer::new("intake_processor", queues.clone(), names.queue.clone(), processor)?;
        let confirmer = Confirmer { intakes };
        let confirmer =
            QueueConsumer::new("intake_confirmer", queues.clone(), names.confirmations, confirmer)?;
        let topic = MessageSender::to_topic(backend.topics.clone(), names.topic);
        Ok(Self {
            publisher: Publisher::new(topic),
            documents: backend.documents.clone(),
            processor: Arc::new(consumer(processor)),
            announcer: Arc::new(announcer),
            confirmer: Arc::new(consumer(confirmer)),
            records: Arc::new(records),
            dead_letters: DeadLetterQueue::new(queues, names.dead_letters)
                .with_wait(backend.browsing_wait),
            figures,
            backend,
        })
    }

    /// What watches the directory, where files are not in a bucket.
    pub fn watcher(&self) -> Option<Watcher> {
        let Backend { directory, idempotency, .. } = &self.backend;
        let directory = directory.clone()?;
        let notes = Idempotent::new(idempotency.clone(), Watcher::HOLD, Watcher::NOTES_KEPT);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (publisher, figures) = (self.publisher.clone(), self.figures.clone());
        Some(Watcher::new(directory, publisher, notes, figures, clock))
    }

    /// Those that follow the log.
    pub fn consumers(&self) -> Consumers {
        Consumers::new().with(self.records.clone()).with(self.announcer.clone())
    }

    /// Those that follow a queue.
    pub fn queue_consumers(&self) -> [&Arc<QueueConsumer>; 2] {
        [&self.processor, &self.confirmer]
    }

    /// How many messages wait in the dead letters, or are being looked at.
    ///
    /// # Errors
    ///
    /// Those of the queue.
    pub async fn dead_letter_count(&self) -> Result<u64, Error> {
        let counts = self.queues().counts(self.dead_letters.queue()).await?;
        Ok(all(counts))
    }

    /// How many submissions wait for the processor, or are in its hand.
    ///
    /// # Errors
    ///
    /// Those of the queue.
    pub async fn submissions_under_way(&self) -> Result<u64, Error> {
        Ok(all(self.queues().counts(self.processor.queue()).await?))
    }

    fn queues(&self) -> &dyn MessageQueue {
        &*self.backend.queues
    }
}

fn all(counts: QueueCounts) -> u64 {
    counts.visible + counts.in_flight + counts.delayed
}
