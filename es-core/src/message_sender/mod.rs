//! Sending many messages in few requests.

mod lanes;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use crate::backoff::Backoff;
use crate::clock::{Clock, SystemClock};
use crate::cloud_events::CloudEvent;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::message_queue::{
    InvalidMessage, MessageId, MessageQueue, NewMessage, QueueName, QueueOptions,
};
use crate::telemetry;
use crate::topic::{Topic, TopicName};
use lanes::{Lanes, Place};

/// Sends any number of events to one topic or queue, up to [`MAX_BATCH`](crate::MAX_BATCH) in a request,
/// and says of each what became of it. For programs that publish without a log; what is in a log is
/// published by an [`Announcer`](crate::announcer::Announcer).
///
/// ```
/// use std::sync::Arc;
///
/// use es_core::cloud_events::{CloudEvent, Source};
/// use es_core::memory::MemoryQueues;
/// use es_core::{MessageQueue, MessageSender, QueueName, QueueOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queues = Arc::new(MemoryQueues::default());
/// let uploads = QueueName::new("uploads")?;
/// queues.configure(&uploads, QueueOptions::default()).await?;
///
/// let source = Source::new("/ingest")?;
/// let uploaded = |n: u32| CloudEvent::new(&format!("upload-{n}"), source.clone(), "Uploaded");
/// let events = (1..=25).map(uploaded).collect::<Result<Vec<_>, _>>()?;
///
/// // In three requests.
/// let sent = MessageSender::to_queue(queues.clone(), uploads.clone()).send(&events).await?;
/// assert!(sent.iter().all(Result::is_ok));
/// assert_eq!(queues.counts(&uploads).await?.visible, 25);
/// # Ok(())
/// # }
/// ```
///
/// # What it promises
///
/// - **Each for itself.** Of a request that was taken in part only the rest is sent again, after a
///   [backoff](Self::with_backoff) with full jitter. What will never be taken is not sent again, and
///   nothing else waits for it.
/// - **At least once.** When an answer is lost, its messages are sent again. To FIFO destinations they have
///   the deduplication id that they had before.
/// - **Order, where there is one.** On FIFO destinations a message goes when the one before it in its group
///   was taken, so a request has one of each group. When one is given up, the later ones of its group are
///   not sent.
/// - **Few requests.** While a request is on its way, only full ones follow it.
///
/// A call that is dropped may have sent any of the messages.
#[must_use]
#[derive(Clone)]
pub struct MessageSender {
    destination: Destination,
    request_bytes: usize,
    requests_in_flight: usize,
    attempts: u32,
    backoff: Backoff,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Where messages go.
#[derive(Clone)]
enum Destination {
    Topic(Arc<dyn Topic>, TopicName),
    Queue(Arc<dyn MessageQueue>, QueueName),
}

/// Why a message was not sent, as far as one knows.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// It was given up. A [transient](Error::is_transient) error: it was tried as often as it may be, and may
    /// have been sent. Another error: it was not sent, and never will be.
    #[error(transparent)]
    Failed(Error),
    /// It was not sent, because an earlier message of its group was given up.
    #[error("an earlier message of its group was given up")]
    Behind,
}

/// One request, and what it came to.
struct Answer {
    places: Vec<Place>,
    result: Result<Vec<Result<MessageId>>>,
}

impl MessageSender {
    /// The most bytes of a request unless [`with_request_bytes`](Self::with_request_bytes) says otherwise:
    /// 256 KiB, which SNS and SQS take everywhere.
    pub const REQUEST_BYTES: usize = 256 * 1024;

    /// Publishes to a topic.
    pub fn to_topic(topics: Arc<dyn Topic>, topic: TopicName) -> Self {
        Self::to(Destination::Topic(topics, topic))
    }

    /// Sends to a queue.
    pub fn to_queue(queues: Arc<dyn MessageQueue>, queue: QueueName) -> Self {
        Self::to(Destination::Queue(queues, queue))
    }

    fn to(destination: Destination) -> Self {
        Self {
            destination,
            request_bytes: Self::REQUEST_BYTES,
            requests_in_flight: 4,
            attempts: 8,
            backoff: Backoff { base: Duration::from_millis(50), max: Duration::from_secs(2) },
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// The most bytes of a request, and so of a message, as the destination counts them: see
    /// [`MessageQueue::size_of`] and [`Topic::size_of`].
    pub fn with_request_bytes(mut self, bytes: usize) -> Self {
        self.request_bytes = bytes;
        self
    }

    /// How many requests are on their way at the same time, at least one. Default: 4.
    pub fn with_requests_in_flight(mut self, requests: usize) -> Self {
        self.requests_in_flight = requests.max(1);
        self
    }

    /// How often a message is sent before it is given up, at least once. Default: 8 times.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long a message waits before it is sent again. Default: 50 ms at first, 2 s at most.
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Waits on this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes the jitter of its waits from here.
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// The event as a message for this destination: [`CloudEvent::fifo_message`] where it is FIFO, and
    /// [`CloudEvent::message`] otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`].
    pub fn message_of(&self, event: &CloudEvent) -> Result<NewMessage> {
        match self.destination.is_fifo() {
            true => event.fifo_message(),
            false => event.message(),
        }
    }

    /// Whether the destination can take the message, as far as it can be known here: a queue may take less
    /// than a request does.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidMessage`].
    pub fn check(&self, message: &NewMessage) -> Result<()> {
        match &self.destination {
            Destination::Queue(_, queue) => {
                // Of the size it is said below what counts.
                let options =
                    QueueOptions { max_message_size: usize::MAX, ..QueueOptions::default() };
                message.check(queue, &options)?;
            }
            Destination::Topic(_, topic) => topic.check_message(message)?,
        }
        let (actual, limit) = (self.size_of(message), self.request_bytes);
        if actual > limit {
            let destination = self.destination.to_string();
            let source = InvalidMessage::TooLarge { actual, limit };
            return Err(Error::InvalidMessage { destination, source });
        }
        Ok(())
    }

    fn size_of(&self, message: &NewMessage) -> usize {
        match &self.destination {
            Destination::Queue(queues, _) => queues.size_of(message),
            Destination::Topic(topics, _) => topics.size_of(message),
        }
    }

    /// Sends the events, and says what became of each, in their order. No events are no request.
    ///
    /// # Errors
    ///
    /// What has nothing to do with a single event: [`Error::NoSuchTopic`], [`Error::NoSuchQueue`], and
    /// whatever else a request is refused for as a whole and for good. Some of the events may have been sent.
    pub async fn send(&self, events: &[CloudEvent]) -> Result<Vec<Result<MessageId, NotSent>>> {
        let messages = events.iter().map(|event| self.message_of(event));
        self.send_messages(messages.collect::<Result<_>>()?).await
    }

    /// Sends messages that the caller has made, as [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_messages(
        &self,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId, NotSent>>> {
        let mut lanes =
            Lanes::new(messages, |message| self.size_of(message), |message| self.check(message));
        let mut in_flight = FuturesUnordered::new();
        loop {
            while in_flight.len() < self.requests_in_flight {
                let only_full = !in_flight.is_empty();
                let request = lanes.next_request(self.request_bytes, only_full, self.now());
                let Some((places, messages)) = request else { break };
                in_flight.push(self.request(places, messages));
            }
            let wait = lanes.next_wait_ends().map(|until| until.saturating_sub(self.now()));
            let answer = match (in_flight.is_empty(), wait) {
                (true, None) => return Ok(lanes.into_results()),
                (true, Some(wait)) => {
                    self.clock.sleep(wait).await;
                    None
                }
                // What waits goes with what comes next: alone it would hardly be a full request.
                (false, _) => in_flight.next().await,
            };
            if let Some(answer) = answer {
                self.take(answer, &mut lanes)?;
            }
        }
    }

    async fn request(&self, places: Vec<Place>, messages: Vec<NewMessage>) -> Answer {
        let result = match &self.destination {
            Destination::Topic(topics, topic) => topics.publish_batch(topic, messages).await,
            Destination::Queue(queues, queue) => queues.send_batch(queue, messages).await,
        };
        Answer { places, result }
    }

    fn take(&self, answer: Answer, lanes: &mut Lanes) -> Result<()> {
        let Answer { places, result } = answer;
        let mut refused = Vec::new();
        match result {
            Ok(results) => {
                let mut results = results.into_iter();
                for place in places {
                    match results.next() {
                        Some(Ok(id)) => self.taken(place, id, lanes),
                        Some(Err(error)) => refused.push((place, error)),
                        None => refused.push((place, self.unanswered("there is no result for it"))),
                    }
                }
            }
            // Nobody knows whether it was taken: all of it goes again, and may be there twice.
            Err(error) if error.is_transient() => {
                let cause = error.with_causes();
                refused.extend(places.into_iter().map(|place| (place, self.unanswered(&cause))));
            }
            Err(error) => return Err(error),
        }
        self.refused(refused, lanes)
    }

    fn taken(&self, place: Place, id: MessageId, lanes: &mut Lanes) {
        let destination = self.destination.to_string();
        metrics::counter!(telemetry::MESSAGES_SENT, "destination" => destination).increment(1);
        lanes.taken(place, id);
    }

    /// Lets what can be taken later go again, all at the same time, so that it is one request again.
    fn refused(&self, refused: Vec<(Place, Error)>, lanes: &mut Lanes) -> Result<()> {
        let mut again = Vec::new();
        let mut most_attempts = 0;
        for (place, error) in refused {
            let attempts = lanes.refused(place);
            match error {
                error @ (Error::NoSuchTopic { .. } | Error::NoSuchQueue { .. }) => {
                    return Err(error);
                }
                error if error.is_transient() && attempts < self.attempts => {
                    most_attempts = most_attempts.max(attempts);
                    again.push(place);
                }
                error => lanes.give_up(place, error),
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        let destination = self.destination.to_string();
        metrics::counter!(telemetry::MESSAGES_SENT_AGAIN, "destination" => destination)
            .increment(again.len() as u64);
        let until = self.now().saturating_add(self.backoff.delay(most_attempts, &*self.entropy));
        again.into_iter().for_each(|place| lanes.wait(place, until));
        Ok(())
    }

    fn unanswered(&self, cause: &str) -> Error {
        Error::Unavailable {
            what: format!("sending a message to {}", self.destination),
            source: cause.into(),
        }
    }

    fn now(&self) -> Duration {
        self.clock.monotonic()
    }
}

impl Destination {
    fn is_fifo(&self) -> bool {
        match self {
            Self::Topic(_, topic) => topic.is_fifo(),
            Self::Queue(_, queue) => queue.is_fifo(),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(_, topic) => write!(f, "topic {topic}"),
            Self::Queue(_, queue) => write!(f, "queue {queue}"),
        }
    }
}

impl fmt::Debug for MessageSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSender")
            .field("destination", &format_args!("{}", self.destination))
            .field("request_bytes", &self.request_bytes)
            .finish_non_exhaustive()
    }
}
