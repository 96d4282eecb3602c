//! Topics in SNS.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use es_aws::{Endpoint, Requests};
use es_core::{
    Error, FilterPolicy, MessageId, NewMessage, QueueName, Result, Subscription, Topic, TopicName,
};
use tokio::sync::Mutex;

use self::known_topics::KnownTopics;
use self::let_in::LetIn;
use self::options::SnsOptions;
use crate::queues::SqsQueues;
use crate::service::Service;
use crate::telemetry;

pub(crate) mod filter;
mod known_topics;
mod let_in;
mod number;
pub(crate) mod options;
mod publishing;
pub(crate) mod queue_policy;
mod subscribing;

/// The service's name, for errors.
const SERVICE: &str = "SNS";

/// Codes of "there is no such topic", or of "no such subscription" where one is asked for.
const NOT_FOUND: [&str; 2] = ["NotFound", "NotFoundException"];

/// Topics in SNS, which queues of SQS follow: [`Topic`]. Cloning is cheap, and clones share everything.
///
/// ```no_run
/// use es_core::{NewMessage, QueueName, QueueOptions, Topic, TopicName, Topology};
/// use es_sns_sqs::{SnsTopics, SqsQueues};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let queues = SqsQueues::builder().connect().await?;
/// let topics = SnsTopics::builder(&queues).connect().await?;
/// let (orders, billing) = (TopicName::new("orders")?, QueueName::new("billing")?);
/// // For development; in production they come from the CloudFormation template.
/// let topology = Topology::builder()
///     .queue(&billing, QueueOptions::default())
///     .topic(&orders)
///     .subscription(&orders, &billing, r#"{"kind":["placed"]}"#.parse()?)
///     .build()?;
/// topology.ensure(&queues, &topics).await?;
/// topics.publish(&orders, NewMessage::new("{}").attribute("kind", "placed")).await?;
/// # Ok(()) }
/// ```
///
/// # What SNS does in its own way
///
/// - **Delivery** is behind the answer, at least once. SNS tries for
///   [days](https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html) to hand a message to
///   a queue, and drops what the queue never takes, as one that is too large for it.
/// - **Subscriptions** have raw delivery, so that a queue gets what was published.
/// - **The queue's policy** lets its topics send by one statement, `EsSnsSqsTopics`, which lists them. It is read
///   and written: [`subscribe`](Topic::subscribe) adds the topic, and takes over the statements that older versions
///   have made, one for each topic; [`unsubscribe`](Topic::unsubscribe) takes the topic out, also when
///   there was no subscription any more, and what SNS has not handed over by then is lost. All other
///   statements stay. What SQS has [no room](crate::PolicyLimit) for, `subscribe` refuses before it writes anything,
///   with an [`Error::Backend`] whose source is a [`QueuePolicyTooLarge`](crate::QueuePolicyTooLarge). Two programs that
///   do this to the same queue at the same moment can overwrite each other's topic, and one that subscribes while another
///   one unsubscribes from the same topic can find it not let in: repeat it then. As SQS can show the
///   policy of before for a minute, a topic that was taken out can come back when another one is let in within it.
/// - **Filters** take
///   [up to 15 minutes](https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html) until they hold.
///   Texts that are numbers in JSON's notation are sent as the type `Number`, and SNS compares numbers with
///   numbers only. So a condition that wants such a text is subscribed together with one that wants the number,
///   and the two are read as one again. `prefix`, `suffix` and `anything-but` see no numbers.
/// - **[`subscriptions`](Topic::subscriptions)** tells queues with the prefix, and no other followers.
#[derive(Clone)]
pub struct SnsTopics {
    shared: Arc<Shared>,
}

struct Shared {
    client: aws_sdk_sns::Client,
    service: Service,
    known: KnownTopics,
    /// Locked while a queue begins or ends to follow a topic.
    let_in: Mutex<LetIn>,
    options: SnsOptions,
}

impl SnsTopics {
    /// How to connect, to topics that these queues can follow.
    pub fn builder(queues: &SqsQueues) -> SnsOptions {
        SnsOptions::new(queues)
    }

    fn new(options: SnsOptions, client: aws_sdk_sns::Client) -> Self {
        let endpoint = Endpoint::default();
        let requests = Requests::counted(telemetry::REQUESTS, "service", SERVICE);
        let config = client.config().to_builder();
        let config = config.interceptor(endpoint.clone()).interceptor(requests);
        let client = aws_sdk_sns::Client::from_conf(config.build());
        let (connection, region) = (options.connection.clone(), client.config().region().cloned());
        let service = Service { name: SERVICE, endpoint, connection, region };
        let (known, let_in) = (KnownTopics::default(), Mutex::default());
        Self { shared: Arc::new(Shared { client, service, known, let_in, options }) }
    }

    fn queues(&self) -> &SqsQueues {
        &self.shared.options.queues
    }

    /// What the topic is called in the account.
    fn full_name(&self, topic: &TopicName) -> String {
        format!("{}{topic}", self.queues().options().name_prefix)
    }

    /// The error of a request about a topic, as in "publishing to".
    fn failed<E, R>(&self, doing: &str, topic: &TopicName, error: SdkError<E, R>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        if is_not_found(&error) {
            return self.missing(topic);
        }
        self.shared.service.failed(&self.attempt(doing, topic), error)
    }

    /// The error about a topic that is not there. Where it was looked for is in the log.
    fn missing(&self, topic: &TopicName) -> Error {
        self.shared.known.forget(topic);
        let (name, place) = (self.full_name(topic), self.shared.service.place());
        tracing::warn!(
            topic = name,
            place,
            "there is no such topic: Topic::create_topic makes it, Topology::ensure, or the CloudFormation \
             template; check name, prefix, account, region and endpoint, too"
        );
        Error::NoSuchTopic { topic: topic.clone() }
    }

    fn attempt(&self, doing: &str, topic: &TopicName) -> String {
        format!("{doing} topic {}", self.full_name(topic))
    }
}

fn is_not_found<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code().is_some_and(|code| NOT_FOUND.contains(&code))
}

#[async_trait]
impl Topic for SnsTopics {
    async fn create_topic(&self, topic: &TopicName) -> Result<()> {
        self.create(topic).await
    }

    async fn subscribe(
        &self,
        topic: &TopicName,
        queue: &QueueName,
        filter: FilterPolicy,
    ) -> Result<()> {
        topic.check_subscriber(queue)?;
        self.subscribe_queue(topic, queue, &filter).await
    }

    async fn unsubscribe(&self, topic: &TopicName, queue: &QueueName) -> Result<()> {
        self.unsubscribe_queue(topic, queue).await
    }

    async fn subscriptions(&self, topic: &TopicName) -> Result<Vec<Subscription>> {
        self.list_subscriptions(topic).await
    }

    async fn publish_batch(
        &self,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        self.publish_messages(topic, &messages).await
    }
}

impl fmt::Debug for SnsTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnsTopics")
            .field("name_prefix", &self.queues().options().name_prefix)
            .field("place", &self.shared.service.place())
            .finish_non_exhaustive()
    }
}
