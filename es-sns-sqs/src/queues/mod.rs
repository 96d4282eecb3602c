//! Queues in SQS.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use es_aws::{Endpoint, Requests};
use es_core::{
    Error, MessageId, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions,
    ReceiptHandle, ReceiveOptions, ReceivedMessage, Redrive, Result,
};

use self::holds::Holds;
use self::known_queues::KnownQueues;
use self::options::SqsOptions;
use crate::service::Service;
use crate::telemetry;

mod acknowledging;
mod attributes;
mod configuring;
mod holding;
mod holds;
pub(crate) mod known_queues;
pub(crate) mod options;
mod receiving;
mod redriving;
mod sending;

/// The service's name, for errors.
const SERVICE: &str = "SQS";

/// Codes of "there is no such queue".
const NO_QUEUE: [&str; 2] = ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"];

/// Queues in SQS: [`MessageQueue`]. Cloning is cheap, and clones share everything.
///
/// ```no_run
/// use std::time::Duration;
///
/// use es_core::{MessageQueue, NewMessage, QueueName, QueueOptions, ReceiveOptions};
/// use es_sns_sqs::SqsQueues;
///
/// # async fn example() -> es_core::Result<()> {
/// let queues = SqsQueues::builder().name_prefix("staging-").connect().await?;
/// let (orders, dead) = (QueueName::new("orders")?, QueueName::new("orders-dead")?);
/// // For development; in production the queues come from the CloudFormation template.
/// queues.configure(&dead, QueueOptions::for_dead_letters()).await?;
/// queues.configure(&orders, QueueOptions::default().dead_letters(dead, 3)).await?;
///
/// queues.send(&orders, NewMessage::new("{}").attribute("kind", "placed")).await?;
/// let long_poll = ReceiveOptions::up_to(10).wait(Duration::from_secs(20));
/// for message in queues.receive(&orders, long_poll).await? {
///     queues.acknowledge(&orders, &message.receipt).await?;
/// }
/// # Ok(()) }
/// ```
///
/// # Where SQS keeps the contract by half
///
/// The documentation of [`MessageQueue`] says what all queues promise. SQS is weaker in some places, and
/// this is what becomes of them here:
///
/// - **Old receipts of standard queues.** SQS answers success to an acknowledgement with a receipt that does
///   not count any more, whether or not it had an effect. The receipts that an `SqsQueues` has handed out
///   are [remembered](SqsOptions::receipts_remembered): one whose message it has received again since, or
///   that was used up through it, is [`Error::ReceiptLost`] without a request, and an
///   [`extend`](MessageQueue::extend) or [`release`](MessageQueue::release) after the end of the hold is, too.
///   The hold is judged by the monotonic clock, from the moment the receive was asked for; of a long poll, from
///   a second before its answer. **What cannot be seen**: that *another* process has received the message since,
///   or that it has become a dead letter. An acknowledgement that comes after the end of its hold may then be
///   answered with success and do nothing, and the message comes again.
/// - **Late acknowledgements.** A FIFO queue refuses them when the hold is over, also if nobody has received
///   the message since: [`Error::ReceiptLost`].
/// - **Duplicates.** A standard queue can, rarely, give a message twice, also while it is held.
/// - **Changes take time.** New attributes of a queue hold everywhere after up to a minute, a new retention
///   after up to 15. What this program has configured it goes by at once; changes of others it sees within
///   five minutes.
/// - **Purging** takes up to a minute, in which messages sent before can still come, and can be asked for once
///   a minute: [`Error::Unavailable`] before.
/// - **Redriving** is done by receiving dead letters, sending them and deleting them, and so counts as a
///   receive of those that are left. Without conditions SQS does it by itself, where it can: it gives up at a
///   letter that was sent to the queue, and the others are received then. A message gets a
///   new id, and is in both queues for a moment: a crash in between leaves a duplicate, never a loss. A
///   standard queue gives dead letters in no certain order, and [`Redrive::until`] goes by when a message was
///   *sent*, as SQS does not tell when it became a dead letter. Of a FIFO queue's group, letters behind ten
///   that are not asked for are not reached.
/// - **Prefixes.** A dead-letter queue whose name does not begin with the
///   [prefix](SqsOptions::name_prefix) is told by [`options`](MessageQueue::options) as it is called in the
///   account. It cannot be used under that name through these queues.
/// - **Counts** are approximate. A message that was released with a delay counts as in flight.
/// - **Durations** are rounded up to seconds, and the wait of a receive down: one of less than a second is
///   none.
///
/// Messages are sent with attributes of the type `String`. Of foreign messages, numbers come as they are
/// written and binary attributes in Base64.
#[derive(Clone)]
pub struct SqsQueues {
    shared: Arc<Shared>,
}

struct Shared {
    client: aws_sdk_sqs::Client,
    service: Service,
    known: KnownQueues,
    holds: Holds,
    options: SqsOptions,
}

impl SqsQueues {
    /// How to connect.
    pub fn builder() -> SqsOptions {
        SqsOptions::new()
    }

    fn new(options: SqsOptions, client: aws_sdk_sqs::Client) -> Self {
        let endpoint = Endpoint::default();
        let requests = Requests::counted(telemetry::REQUESTS, "service", SERVICE);
        let config = client.config().to_builder();
        let config = config.interceptor(endpoint.clone()).interceptor(requests);
        let client = aws_sdk_sqs::Client::from_conf(config.build());
        let (connection, region) = (options.connection.clone(), client.config().region().cloned());
        let service = Service { name: SERVICE, endpoint, connection, region };
        let holds = Holds::remembering(options.receipts_remembered);
        let shared = Shared { client, service, known: KnownQueues::default(), holds, options };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn options(&self) -> &SqsOptions {
        &self.shared.options
    }

    /// What the queue is called in the account.
    pub(crate) fn full_name(&self, queue: &QueueName) -> String {
        format!("{}{queue}", self.shared.options.name_prefix)
    }

    /// The queue with this ARN, if its name has the prefix.
    pub(crate) fn named_by(&self, arn: &str) -> Option<QueueName> {
        let (_, name) = arn.rsplit_once(':')?;
        QueueName::new(name.strip_prefix(&*self.shared.options.name_prefix)?).ok()
    }

    fn monotonic(&self) -> Duration {
        self.shared.options.clock.monotonic()
    }

    /// The error of a request about a queue, as in "sending to".
    fn failed<E, R>(&self, doing: &str, queue: &QueueName, error: SdkError<E, R>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        if error.code().is_some_and(|code| NO_QUEUE.contains(&code)) {
            return self.missing(queue);
        }
        self.shared.service.failed(&self.attempt(doing, queue), error)
    }

    /// The error about a queue that is not there. Where it was looked for is in the log.
    fn missing(&self, queue: &QueueName) -> Error {
        self.shared.known.forget(queue);
        let (name, place) = (self.full_name(queue), self.shared.service.place());
        tracing::warn!(
            queue = name,
            place,
            "there is no such queue: MessageQueue::configure makes it, Topology::ensure, or the \
             CloudFormation template; check name, prefix, region and endpoint, too"
        );
        Error::NoSuchQueue { queue: queue.clone() }
    }

    pub(crate) fn attempt(&self, doing: &str, queue: &QueueName) -> String {
        format!("{doing} queue {}", self.full_name(queue))
    }
}

/// In the whole seconds of SQS, rounded up.
pub(crate) fn seconds(duration: Duration) -> i32 {
    let whole = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    i32::try_from(whole).unwrap_or(i32::MAX)
}

/// The time that SQS makes of it.
fn rounded_up(duration: Duration) -> Duration {
    Duration::from_secs(seconds(duration).unsigned_abs().into())
}

#[async_trait]
impl MessageQueue for SqsQueues {
    async fn configure(&self, queue: &QueueName, options: QueueOptions) -> Result<()> {
        self.configure_queue(queue, &options).await
    }

    async fn options(&self, queue: &QueueName) -> Result<QueueOptions> {
        self.read_options(queue).await
    }

    async fn send_batch(
        &self,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        self.send_messages(queue, &messages).await
    }

    async fn receive(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        options.check()?;
        self.receive_messages(queue, &options).await
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        visibility_timeout: Duration,
    ) -> Result<()> {
        let hold = (receipt.clone(), visibility_timeout);
        self.only(self.extend_batch(queue, &[hold]).await?, "extending a hold on", queue)
    }

    async fn extend_batch(
        &self,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.extend_holds(queue, holds).await
    }

    async fn acknowledge_batch(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        self.delete_messages(queue, receipts).await
    }

    async fn release(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        let release = (receipt.clone(), delay);
        self.only(self.release_batch(queue, &[release]).await?, "releasing a message of", queue)
    }

    async fn release_batch(
        &self,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.release_holds(queue, releases).await
    }

    async fn redrive(&self, dead_letters: &QueueName, redrive: Redrive) -> Result<u64> {
        self.redrive_messages(dead_letters, &redrive).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<()> {
        self.purge_queue(queue).await
    }

    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts> {
        self.count_messages(queue).await
    }
}

impl SqsQueues {
    /// The answer for the only entry of a batch.
    fn only(&self, mut answers: Vec<Result<()>>, doing: &str, queue: &QueueName) -> Result<()> {
        let left_out = || self.shared.service.entry_left_out(&self.attempt(doing, queue));
        answers.pop().unwrap_or_else(|| Err(left_out()))
    }
}

impl fmt::Debug for SqsQueues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqsQueues")
            .field("name_prefix", &self.shared.options.name_prefix)
            .field("place", &self.shared.service.place())
            .finish_non_exhaustive()
    }
}
