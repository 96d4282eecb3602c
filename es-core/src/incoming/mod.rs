//! What came in a message, whatever it was wrapped in on its way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::cloud_events::CloudEvent;
use crate::codec::{Payload, PayloadError};
use crate::idempotency_store::IdempotentRequest;
use crate::message_queue::{MessageId, ReceivedMessage};

mod cloud_event;
mod event_bridge;
mod fields;
mod s3;
mod sns;
#[cfg(test)]
mod tests;
mod undecodable;

pub use s3::S3Object;
pub use undecodable::{Undecodable, Wrapping};

use fields::Fields;

/// What messages have as an attribute whose body is a pointer to the real one, as the Amazon SQS Extended
/// Client Library and the crate `es-claim-check` send it: the present name and that of earlier versions. Who
/// follows the pointer takes the attribute away.
pub const CLAIM_CHECK_ATTRIBUTES: [&str; 2] = ["ExtendedPayloadSize", "SQSLargePayloadSize"];

/// What a handler works on: a CloudEvent, an announced object of S3, an event of EventBridge, or a
/// text, freed from what it was wrapped in.
///
/// ```
/// use es_core::memory::MemoryQueues;
/// use es_core::{Incoming, MessageQueue, NewMessage, QueueName, QueueOptions, ReceiveOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queues = MemoryQueues::default();
/// let uploads = QueueName::new("uploads")?;
/// queues.configure(&uploads, QueueOptions::default()).await?;
/// // What S3 sends, shortened.
/// let notification = r#"{"Records":[{
///     "eventSource":"aws:s3","eventName":"ObjectCreated:Put","eventTime":"2026-03-01T12:00:00.000Z",
///     "s3":{"bucket":{"name":"scans"},
///           "object":{"key":"in/ward+7.csv","size":12,"sequencer":"0055AED6DCD90281E5"}}}]}"#;
/// queues.send(&uploads, NewMessage::new(notification)).await?;
///
/// for message in queues.receive(&uploads, ReceiveOptions::default()).await? {
///     for incoming in Incoming::of(&message)? {
///         assert_eq!(incoming.kind(), Some("ObjectCreated:Put"));
///         let object = incoming.as_s3_object().expect("an object was announced");
///         assert_eq!((&*object.bucket, &*object.key), ("scans", "in/ward 7.csv"));
///     }
///     queues.acknowledge(&uploads, &message.receipt).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # What is recognised
///
/// | | by | gives |
/// |---|---|---|
/// | [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md), one event or a batch | `specversion` | each event |
/// | [SNS without raw delivery](https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html) | `Type` is `Notification`, with a `TopicArn` or a `MessageId` | what is in its `Message` |
/// | [EventBridge](https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html) | `detail-type` | what is in its `detail`; a CloudEvent that [was put there](CloudEvent::to_detail) |
/// | [S3 notifications](https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html), also [by way of EventBridge](https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html) | `Records` with `s3`; `bucket` and `object` of the source `aws.s3` | each object |
/// | the test that S3 sends when notifications are set up | `Event` is `s3:TestEvent` | nothing |
/// | everything else | | the text as it is |
///
/// A [claim check](CLAIM_CHECK_ATTRIBUTES) is undecodable here: the queues have to be read with what fetches
/// its body.
///
/// They may be wrapped in each other, up to [`MAX_WRAPPINGS`](Self::MAX_WRAPPINGS).
#[derive(Clone, PartialEq)]
pub struct Incoming {
    id: String,
    kind: Option<String>,
    source: Option<String>,
    time: Option<Timestamp>,
    /// Shared by all that came in the message.
    attributes: Arc<BTreeMap<String, String>>,
    message_id: MessageId,
    attempt: u32,
    group: Option<String>,
    deduplication_id: Option<String>,
    body: String,
    content: Content,
}

#[derive(Clone, PartialEq)]
enum Content {
    Text,
    CloudEvent(CloudEvent),
    S3Object(S3Object),
}

impl Incoming {
    /// The most wrappings around each other: S3 by way of EventBridge, SNS and a relay of one's own is
    /// three of them.
    pub const MAX_WRAPPINGS: usize = 4;

    /// The most that one message brings: S3 sends one record, and each takes some hundred bytes of memory
    /// beside its own.
    pub const MAX_IN_MESSAGE: usize = 10_000;

    /// What came in the message: one, several for a batch, none for the test event of S3.
    ///
    /// # Errors
    ///
    /// [`Undecodable`] when it says what it is and is not that. Trying again does not help.
    pub fn of(message: &ReceivedMessage) -> Result<Vec<Self>, Undecodable> {
        let outer = Self {
            id: message.id.as_str().to_owned(),
            kind: None,
            source: None,
            time: None,
            attributes: Arc::new(message.attributes.clone()),
            message_id: message.id.clone(),
            attempt: message.receive_count.max(1),
            group: message.group.clone(),
            deduplication_id: message.deduplication_id.clone(),
            body: String::new(),
            content: Content::Text,
        };
        outer.unwrap(&message.body, Self::MAX_WRAPPINGS)
    }

    /// What names it, the same for every delivery: the key for an effect that it must have once. At
    /// most as long as [such a key](IdempotentRequest::MAX_KEY_LEN) can be; longer ones are hashed.
    ///
    /// - a CloudEvent, also from EventBridge: its source and id;
    /// - an object of S3: bucket, key, version, and the sequencer of the change (the time and the name of
    ///   the change where there is none);
    /// - an event of EventBridge: its id;
    /// - other text: the id that SNS gave it, otherwise the id that the queue gave it. A text that is sent
    ///   again, or redriven by SQS, has another one then.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it tells of: the `type` of a CloudEvent, the `detail-type` of EventBridge, the event name
    /// of S3, as `ObjectCreated:Put`. None for text.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Who says so: the `source` of a CloudEvent or of EventBridge, `aws.s3`, the ARN of an SNS topic.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// When it happened, or was published, by the clock of whoever says so.
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// What stood beside the body: the attributes of the message, and over them those of SNS.
    pub fn attributes(&self) -> &BTreeMap<String, String> {
        &self.attributes
    }

    /// The id of the message that it came in, for logs.
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// Which attempt to handle it this is, counted from 1. Of several things that came in one message those
    /// before it may have been handled in an earlier one. Out of a [`QueueConsumer`](crate::QueueConsumer)'s
    /// hand it is the attempt that counts against its
    /// [`max_attempts`](crate::QueueConsumer::max_attempts), otherwise how often the message was received.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The group of the message that it came in, on a FIFO queue.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// The deduplication id of the message that it came in, on a FIFO queue. Queues compare it for
    /// [five minutes](crate::NewMessage::DEDUPLICATION) only, and a sender may use it again for something
    /// else: so it is not the [id](Self::id), and becomes a key for effects where the sender promises more.
    pub fn deduplication_id(&self) -> Option<&str> {
        self.deduplication_id.as_deref()
    }

    /// The text, freed from what it was wrapped in: the JSON object of a CloudEvent, the `detail` of
    /// EventBridge, the record of S3, or the text that was sent.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The CloudEvent that it is.
    pub fn as_cloud_event(&self) -> Option<&CloudEvent> {
        match &self.content {
            Content::CloudEvent(event) => Some(event),
            _ => None,
        }
    }

    /// The object that S3 tells of.
    pub fn as_s3_object(&self) -> Option<&S3Object> {
        match &self.content {
            Content::S3Object(object) => Some(object),
            _ => None,
        }
    }

    /// Reads what it tells as JSON: of a CloudEvent the data, of everything else the
    /// [body](Self::body).
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when it is not a `T`. It does not say what is in it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        match &self.content {
            Content::CloudEvent(event) => event.data_as(),
            _ => Payload::Json(&self.body).decode(),
        }
    }

    /// What is in `text`, of which is known so far what `self` says. `depth` more wrappings may be around
    /// it.
    fn unwrap(self, text: &str, depth: usize) -> Result<Vec<Self>, Undecodable> {
        if CLAIM_CHECK_ATTRIBUTES.iter().any(|name| self.attributes.contains_key(*name)) {
            return Err(Undecodable::ClaimCheck);
        }
        if let Some(events) = cloud_event::batch(text) {
            check_count(events.len())?;
            return events.iter().map(|event| cloud_event::open(event.get(), &self)).collect();
        }
        let Some(fields) = Fields::of(text) else { return Ok(vec![self.with_body(text)]) };
        if cloud_event::claims(&fields) {
            return Ok(vec![cloud_event::open(text, &self)?]);
        }
        if s3::is_test(&fields) {
            return Ok(Vec::new());
        }
        if let Some(records) = s3::records(&fields) {
            check_count(records.len())?;
            return records.iter().map(|record| s3::open(record.get(), &self)).collect();
        }
        let open = match () {
            () if sns::claims(&fields) => sns::open,
            () if event_bridge::claims(&fields) => event_bridge::open,
            () => return Ok(vec![self.with_body(text)]),
        };
        match depth.checked_sub(1) {
            Some(depth) => open(text, self, depth),
            None => Err(Undecodable::TooDeep { limit: Self::MAX_WRAPPINGS }),
        }
    }

    pub(crate) fn in_attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }

    fn with_body(self, text: &str) -> Self {
        Self { body: text.to_owned(), ..self }
    }

    /// The same with another id, if it is one, of a length that a record can have.
    fn with_id(self, id: String) -> Self {
        let id = match id.len() {
            0 => return self,
            1..=IdempotentRequest::MAX_KEY_LEN => id,
            _ => format!("sha256 {}", hex::encode(Sha256::digest(id))),
        };
        Self { id, ..self }
    }
}

fn check_count(count: usize) -> Result<(), Undecodable> {
    match count {
        0..=Incoming::MAX_IN_MESSAGE => Ok(()),
        _ => Err(Undecodable::TooMany { limit: Incoming::MAX_IN_MESSAGE }),
    }
}

impl fmt::Debug for Incoming {
    /// Without what came: that does not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("source", &self.source)
            .field("message_id", &self.message_id)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
