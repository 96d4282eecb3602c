//! The consumer of a queue.
//!
//! | file | what it is about |
//! |---|---|
//! | `deciding`, `progress`, `verdict`, `attempts` | what is to become of one message |
//! | `pushed` | messages that somebody else receives and deletes |
//! | `preflight` | what is looked at before the first receive |
//! | `shift` | one run: what is due, what has happened |
//! | `in_hand` | the messages that are held, the holds, the groups |
//! | `receiving`, `heartbeats`, `burying`, `telling`, `outbox` | the requests to the queue |
//! | `observed`, `health`, `worked` | what is seen from outside |

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::clock::{Clock, SystemClock};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::Result;
use crate::idempotency_store::{IdempotencyStore, IdempotentRequest};
use crate::message_handler::MessageHandler;
use crate::message_queue::{
    MessageQueue, QueueName, QueueOptions, ReceiveOptions, ReceivedMessage,
};
use crate::stream_id::check_id;
use crate::telemetry;

mod attempts;
mod burying;
mod deciding;
mod health;
mod heartbeats;
mod in_hand;
mod observed;
mod outbox;
mod preflight;
mod progress;
mod pushed;
mod receiving;
mod releasing;
mod shift;
mod telling;
mod verdict;
mod worked;

pub use health::QueueHealth;
pub use verdict::Verdict;
pub use worked::Worked;

use attempts::Unhandled;
use observed::Observed;
use progress::Progress;
use shift::{Shift, Until};

/// Gives every message of a queue to a [`MessageHandler`], and settles it: acknowledged when it was
/// handled, released to come again when it failed, sent to the dead letters when trying again does not
/// help.
///
/// ```
/// use std::sync::Arc;
///
/// use async_trait::async_trait;
/// use es_core::memory::{MemoryIdempotency, MemoryQueues};
/// use es_core::{
///     Incoming, MessageError, MessageHandler, MessageQueue, NewMessage, QueueConsumer, QueueName,
///     QueueOptions,
/// };
///
/// struct Printer;
///
/// #[async_trait]
/// impl MessageHandler for Printer {
///     async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
///         let number: u32 = message.json().map_err(MessageError::permanent)?;
///         println!("label {number}");
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> es_core::Result<()> {
/// let queues = Arc::new(MemoryQueues::default());
/// let (labels, dead) = (QueueName::new("labels")?, QueueName::new("labels-dead")?);
/// queues.configure(&labels, QueueOptions::default()).await?;
/// queues.configure(&dead, QueueOptions::default()).await?;
///
/// let a_day = std::time::Duration::from_secs(24 * 60 * 60);
/// let printing = QueueConsumer::new("printing", queues.clone(), labels.clone(), Printer)?
///     .dead_letters_to(dead)
///     .idempotent(Arc::new(MemoryIdempotency::default()), a_day);
///
/// queues.send(&labels, NewMessage::new("17")).await?;
/// queues.send(&labels, NewMessage::new("no number")).await?;
/// let worked = printing.work_off().await?;
/// assert_eq!((worked.done, worked.dead_lettered), (1, 1));
/// # Ok(())
/// # }
/// ```
///
/// A service calls [`run`](Self::run) instead, or starts it among its
/// [`Workers`](crate::Workers::start_queue).
///
/// # What is promised
///
/// **No message is lost.** A message is acknowledged only after its handler succeeded, after it was
/// found to have been handled before, or after the dead-letter queue has it. Whatever happens before,
/// it comes again: also when the future of [`run`](Self::run) is dropped at any of its awaits.
///
/// **In hand.** There are never more messages in hand than [`concurrency`](Self::concurrency) says, and
/// never more are asked for than there is room for. What is in hand, running, waiting or not yet
/// acknowledged, is held by heartbeats when half of its [hold](Self::visibility_timeout) is over. When a
/// hold is lost, or its end is near and it could not be extended, the handler is cancelled: its future
/// is dropped at its next await, and nothing is acknowledged. The end of a hold is judged on the local
/// monotonic clock, from before the request that began it.
///
/// **Again.** A message that failed is released with a delay that grows with its attempts, by
/// [`backoff`](Self::backoff). What the queue counts are receives, so attempts go on over restarts. A
/// receive without an attempt (given back behind one of its group that failed, at a shutdown, or while
/// another receiver had it) is counted too by the queue, and left out here by the object that gave it
/// back; other processes do not know. In the groups of a FIFO queue that is no exception but the rule, so
/// there each object counts its own attempts: several consumers together try a message more often, and so do
/// those that do not live for all its attempts, as scheduled jobs. After
/// [a thousand receives](Self::GIVEN_UP_IN_GROUPS_AFTER) the next failure is the last in any case. A message of
/// a group that kills its receivers has no failure: only a redrive policy ends that.
///
/// **Dead letters.** With [`dead_letters_to`](Self::dead_letters_to) the consumer sends them itself:
/// what cannot be decoded and what fails for good at once, other failures after
/// [`max_attempts`](Self::max_attempts). The body stays as it is; beside it stand origin, reason, error
/// and times (see [`DeadLetterQueue`](crate::DeadLetterQueue)), which take up to 5 KiB and the original
/// attributes. While they cannot be sent, nothing is acknowledged for it and nothing more is received.
/// What is too large for the dead-letter queue, with the shortest of errors, comes again, not to be
/// handled but to be sent there: give that queue a larger
/// [`max_message_size`](crate::QueueOptions::max_message_size), or messages some room below theirs. When one
/// message brings several things and one of them fails for good, the message is the dead letter: those
/// behind it are not tried. Without, the queue's redrive policy moves what was
/// received too often.
///
/// **Order.** Messages of a group of a FIFO queue are handled one after the other, groups side by side.
/// When one fails, the later ones in hand are given back behind it, not handled. When one becomes a dead
/// letter, the later ones are handled without it. Where that must not be, give the consumer no dead letters
/// and the queue no redrive policy: then it stays in front of its group, and other groups flow, until it is
/// handled or the queue's retention is over.
///
/// **Once.** Deliveries are at least once. An [idempotent](Self::idempotent) consumer recognises what was
/// handled.
///
/// **Cost.** Ten messages take one receive and one acknowledgement, if so many are there: what was
/// handled waits up to [`linger`](Self::linger) for others while some are being handled, and so does a
/// receive for room.
pub struct QueueConsumer {
    name: String,
    queues: Arc<dyn MessageQueue>,
    queue: QueueName,
    handler: Arc<dyn MessageHandler>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    concurrency: usize,
    visibility_timeout: Duration,
    handler_timeout: Duration,
    drain: Duration,
    linger: Duration,
    max_attempts: u32,
    backoff: Backoff,
    dead_letters: Option<QueueName>,
    idempotence: Option<Idempotence>,
    unhandled: Unhandled,
    observed: Observed,
}

/// How a consumer recognises what was handled.
#[derive(Debug)]
struct Idempotence {
    records: Arc<dyn IdempotencyStore>,
    keep: Duration,
}

impl QueueConsumer {
    /// How many messages are in hand unless [`concurrency`](Self::concurrency) says otherwise.
    pub const DEFAULT_CONCURRENCY: usize = 10;

    /// For how long messages are held at a time unless
    /// [`visibility_timeout`](Self::visibility_timeout) says otherwise.
    pub const DEFAULT_VISIBILITY_TIMEOUT: Duration = Duration::from_secs(60);

    /// How long a handler may take unless [`handler_timeout`](Self::handler_timeout) says otherwise.
    pub const DEFAULT_HANDLER_TIMEOUT: Duration = Duration::from_secs(5 * 60);

    /// How often a message is tried unless [`max_attempts`](Self::max_attempts) says otherwise.
    pub const DEFAULT_MAX_ATTEMPTS: u32 = 3;

    /// The longest that a handler may take: what a receive can hold a message for, less a minute for the
    /// rest.
    pub const MAX_HANDLER_TIMEOUT: Duration =
        QueueOptions::MAX_VISIBILITY_TIMEOUT.saturating_sub(Duration::from_secs(60));

    /// Before requests to the queue or the records are sent again.
    const REQUESTS: Backoff =
        Backoff { base: Duration::from_millis(50), max: Duration::from_secs(5) };

    /// A consumer of `queue`. Its name stands in metrics, logs and dead letters, and what it has handled
    /// is recorded under it: it cannot change.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](crate::Error::InvalidId) when the name is empty, longer than 100 bytes, or has
    /// control characters or white space at an end.
    pub fn new(
        name: &str,
        queues: Arc<dyn MessageQueue>,
        queue: QueueName,
        handler: impl MessageHandler,
    ) -> Result<Self> {
        check_id("queue consumer", name, IdempotentRequest::MAX_SCOPE_LEN)?;
        Ok(Self {
            name: name.to_owned(),
            queues,
            queue,
            handler: Arc::new(handler),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            concurrency: Self::DEFAULT_CONCURRENCY,
            visibility_timeout: Self::DEFAULT_VISIBILITY_TIMEOUT,
            handler_timeout: Self::DEFAULT_HANDLER_TIMEOUT,
            drain: Duration::from_secs(20),
            linger: Duration::from_millis(25),
            max_attempts: Self::DEFAULT_MAX_ATTEMPTS,
            backoff: Backoff { base: Duration::from_secs(1), max: Duration::from_secs(5 * 60) },
            dead_letters: None,
            idempotence: None,
            unhandled: Unhandled::default(),
            observed: Observed::new(name),
        })
    }

    /// Has up to so many messages in hand, at least one. They are handled side by side in the task that
    /// runs the consumer; for more than that start several.
    #[must_use]
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.concurrency = messages.max(1);
        self
    }

    /// Holds messages for `timeout` at a time, 1 s to 12 h. A long one leaves what a crash interrupts
    /// hidden for longer, a short one costs heartbeats, and with SQS receives: they wait for a third of it, and
    /// less than a second is no wait there. The queue's own timeout does not matter.
    #[must_use]
    pub fn visibility_timeout(mut self, timeout: Duration) -> Self {
        let limits = (Duration::from_secs(1), QueueOptions::MAX_VISIBILITY_TIMEOUT);
        self.visibility_timeout = timeout.clamp(limits.0, limits.1);
        self
    }

    /// Cancels a handler after `timeout`, which counts as a transient error; at most
    /// [`MAX_HANDLER_TIMEOUT`](Self::MAX_HANDLER_TIMEOUT). An [idempotent](Self::idempotent) consumer
    /// that dies leaves the messages it was handling locked for up to twice this time, at most for a
    /// minute more than it.
    #[must_use]
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.handler_timeout = timeout.min(Self::MAX_HANDLER_TIMEOUT);
        self
    }

    /// Tries a message `attempts` times, at least once. Only with
    /// [`dead_letters_to`](Self::dead_letters_to): otherwise the queue counts. Let the queue's redrive
    /// policy, if it has one too, allow more than twice as many receives.
    ///
    /// What is received again and again without an end, as a message that kills its receivers, becomes a
    /// dead letter after [`ABANDONED_AFTER`](Self::ABANDONED_AFTER) receives, or twice as many as it has
    /// attempts. A redrive policy ends that sooner.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Lets a message that failed come again as `backoff` says. Unless given, after up to 1 s, doubled
    /// with each attempt, at most 5 minutes.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sends what cannot be handled to `queue`, with the reason.
    #[must_use]
    pub fn dead_letters_to(mut self, queue: QueueName) -> Self {
        self.dead_letters = Some(queue);
        self
    }

    /// Handles each message once in effect: keeps in `records`, for `keep`, which were handled, under
    /// the name of this consumer and [`Incoming::id`](crate::Incoming::id), with a hash of the body.
    ///
    /// - Handled before: acknowledged, and counted as a duplicate.
    /// - Being handled elsewhere: released until that one's time is over.
    /// - The same id with another body: a dead letter, as one of the two is not what it says.
    ///
    /// What `keep` has to outlast is the longest time between two deliveries: the queue's retention and
    /// that of its dead-letter queue.
    ///
    /// - The records cannot be asked: it is held, and nothing more is received until they can.
    ///
    /// A claim is held for longer than the [handler may take](Self::handler_timeout), and a handler that
    /// takes longer is cancelled before; one that has come to its end is recorded in any case, for as long
    /// as the claim is held. One window stays: a process that dies, or cannot reach the
    /// records, after the effect and before it is recorded. Then the effect comes a second time. Only a
    /// handler whose effect and record are one transaction, or a command with an
    /// [idempotency key](crate::IdempotencyKey), closes it.
    #[must_use]
    pub fn idempotent(mut self, records: Arc<dyn IdempotencyStore>, keep: Duration) -> Self {
        self.idempotence = Some(Idempotence { records, keep });
        self
    }

    /// Lets handlers go on for up to `time` after a shutdown, at most 12 h; unless given, 20 s. Then they
    /// are cancelled, and their messages released. A receive that is under way is waited for while there
    /// are handlers; without any it is dropped, and what the queue hands out in that moment stays hidden
    /// for one [hold](Self::visibility_timeout).
    #[must_use]
    pub fn drain(mut self, time: Duration) -> Self {
        self.drain = time.min(QueueOptions::MAX_VISIBILITY_TIMEOUT);
        self
    }

    /// Lets an acknowledgement wait up to `time`, at most 12 h, for others while messages are being
    /// handled; unless given, 25 ms. Zero sends each at once.
    #[must_use]
    pub fn linger(mut self, time: Duration) -> Self {
        self.linger = time.min(QueueOptions::MAX_VISIBILITY_TIMEOUT);
        self
    }

    /// Judges time and waits by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes jitter from `entropy`.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// The consumer's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The queue that it consumes.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// Handles messages until `shutdown` is ready. Then it receives nothing more, gives back what
    /// waits, lets handlers end [within a time](Self::drain), and acknowledges what is done.
    /// A long poll that is under way then is broken off when all else is settled: what the queue may have
    /// taken out for it comes again after its hold.
    ///
    /// Errors of the queue that trying again can help are tried again with backoff, for as long as it
    /// takes.
    ///
    /// # Errors
    ///
    /// The first error that trying again cannot help and that is not about one message:
    /// [`Error::NoSuchQueue`](crate::Error::NoSuchQueue) for the queue or the dead-letter queue, or a
    /// request that is not allowed.
    /// What is in hand is settled as at a shutdown.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let mut shutdown = pin!(shutdown);
        let redrives = tokio::select! {
            biased;
            () = &mut shutdown => return Ok(()),
            redrives = self.redrives_at_last() => redrives?,
        };
        Shift::new(self, Until::Shutdown, redrives).work(shutdown).await.map(drop)
    }

    /// Handles what the queue gives now, and returns when it gives nothing more. For tests, scheduled
    /// jobs and command lines. What was released with a delay is not waited for. A queue of SQS looks at
    /// a part of its servers, and may give nothing although it has something.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); also a transient error of the queue that is still there after a few tries.
    pub async fn work_off(&self) -> Result<Worked> {
        let redrives = self.redrives().await?;
        let never = pin!(std::future::pending());
        Shift::new(self, Until::Empty, redrives).work(never).await
    }

    /// Handles a message that somebody else has received, and says what is to become of it. Nothing is
    /// acknowledged, released or sent: that is the caller's, and so is holding the message meanwhile.
    ///
    /// When the future is dropped, so is that of the handler.
    pub async fn settle(&self, message: &ReceivedMessage) -> Verdict {
        let progress = Progress::default();
        let time_is_over = self.clock.sleep(self.handler_timeout);
        match progress.of(self.decide(message, &progress), time_is_over).await {
            Some(decided) => decided.verdict,
            None => self.timed_out(message),
        }
    }

    /// How long a receive waits: so much less than the hold that it covers what comes at the end.
    fn long_poll(&self) -> Duration {
        ReceiveOptions::MAX_WAIT.min(self.visibility_timeout / 3)
    }

    /// Returns at that time of the monotonic clock, however long timers sleep.
    async fn reaches(&self, time: Duration) {
        crate::clock::reaches(&*self.clock, time).await;
    }

    /// Counts a message by what became of it.
    fn count(&self, outcome: &'static str) {
        let consumer = self.name.clone();
        metrics::counter!(telemetry::MESSAGES, "consumer" => consumer, "outcome" => outcome)
            .increment(1);
    }

    /// For how long a claim is held: longer than the handler may take, for clocks that differ.
    fn claim_hold(&self) -> Duration {
        self.handler_timeout + self.handler_timeout.min(Duration::from_secs(60))
    }
}

impl fmt::Debug for QueueConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueConsumer")
            .field("name", &self.name)
            .field("queue", &self.queue)
            .field("queues", &self.queues)
            .finish_non_exhaustive()
    }
}
