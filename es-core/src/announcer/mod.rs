//! Announcing: what happened, from any feed to a topic or a queue, for programs that have no log to read.
//!
//! An [`Announcer`] follows a feed as every consumer does, and sends a [`CloudEvent`] for each event. What
//! it sends is meant to leave the system, so it says little unless it is told to say more:
//!
//! | | what goes out |
//! |---|---|
//! | by itself | notices: id, type, stream, version, time and what caused it, without data |
//! | [`with_data_of`](AnnouncerOptions::with_data_of) an event type | the data of its events, in the newest schema version, without the fields that are marked [`#[event(personal)]`](derive@crate::Event#personal-data) |
//! | [`with_all_data`](AnnouncerOptions::with_all_data) | every payload byte for byte, personal data included |
//! | [`redact`](AnnouncerOptions::redact) | what a function makes of any of these |
//!
//! ```
//! use std::sync::Arc;
//!
//! use es_core::announcer::Announcing;
//! use es_core::cloud_events::{CloudEvent, Source};
//! use es_core::memory::{MemoryQueues, MemoryStore};
//! use es_core::{
//!     Codec, CommitId, EncodedEvents, Event, EventStore, Expected, MessageQueue, NewCommit, QueueName,
//!     QueueOptions, ReceiveOptions, StreamId, SystemEntropy, Timestamp, Topic, TopicName,
//! };
//!
//! #[derive(Debug, PartialEq, Event)]
//! #[event(prefix = "Order")]
//! enum OrderEvent {
//!     Placed { item: String, #[event(personal)] customer: String },
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(MemoryStore::new());
//! # let placed = OrderEvent::Placed { item: "tea".into(), customer: "Ada".into() };
//! # let events = EncodedEvents::encode(&[placed], Codec::Json, Default::default(), 0)?;
//! # let now = Timestamp::UNIX_EPOCH;
//! # let id = CommitId::generate(now, &SystemEntropy);
//! # let commit = NewCommit::new(id, now, Default::default(), events);
//! # store.append(&StreamId::new("order", "7")?, Expected::Any, commit).await?;
//! // … a repository has appended `OrderEvent::Placed { item: "tea", customer: "Ada" }` to order:7 …
//! let queues = Arc::new(MemoryQueues::default());
//! let (topic, shipping) = (TopicName::new("orders")?, QueueName::new("shipping")?);
//! queues.create_topic(&topic).await?;
//! queues.configure(&shipping, QueueOptions::default()).await?;
//! queues.subscribe(&topic, &shipping, r#"{"type":["Order:Placed"]}"#.parse()?).await?;
//!
//! let announcer = Announcing::to_topic(queues.clone(), topic, Source::new("/shop")?)
//!     .with_data_of::<OrderEvent>()
//!     .on(store)?;
//! announcer.catch_up().await?; // or `run`, until a shutdown
//!
//! let received = queues.receive(&shipping, ReceiveOptions::default()).await?;
//! let event = CloudEvent::parse(received[0].body.as_bytes())?;
//! assert_eq!((event.event_type(), event.subject()), ("Order:Placed", Some("order:7")));
//! assert_eq!(event.data_as::<serde_json::Value>()?, serde_json::json!({ "item": "tea" }));
//! # Ok(())
//! # }
//! ```
//!
//! Ids of streams, correlation and causation ids and the names of event types always go out: nothing that
//! says something about a person belongs there. Who acted, and what else is in a commit's metadata, never
//! does.
//!
//! | file | what it is about |
//! |---|---|
//! | `disclosure` | what of a commit goes out |

mod disclosure;

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::{Adopted, Adoption, CheckpointStore, ConsumerId, Progress};
use crate::clock::Clock;
use crate::cloud_events::{CloudEvent, Source};
use crate::consumer::{Batch, Consumer, Failed, Handled, Handler, Passing, Rewindable};
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::event_store::EventStore;
use crate::feed::Feed;
use crate::message_queue::{MessageQueue, QueueName};
use crate::message_sender::{MessageSender, NotSent};
use crate::stream_id::StreamId;
use crate::topic::{Topic, TopicName};
use disclosure::{Data, Disclosure, Redact};

/// A consumer of a feed that announces what it reads.
///
/// # What it promises
///
/// - **Order, to FIFO destinations.** The group is the stream: the first occurrences of its events are in the
///   order of the log, whatever is refused or retried. Others keep no order; `streamversion` says it.
/// - **Nothing is left out.** The place in the feed moves on when everything before it was taken. What will
///   never be taken, as a message that is too large, is parked among the [dead letters](crate::DeadLetter)
///   with the later commits of its stream behind it.
/// - **Duplicates can be told.** An event may be there twice: when an answer was lost, or when the announcer
///   stopped before it had saved its progress. It has the same CloudEvents `id` every time, which is its
///   deduplication id on FIFO destinations.
/// - **Few requests.** A request has up to ten events: 1,000 events at hand are 100 requests. To FIFO
///   destinations a request has one event of each stream.
///
/// What is not taken for now is sent eight times, within seconds. Then the progress of the other streams is
/// saved, and the batch comes again until all of it was taken: what is behind it in the partition of the feed
/// waits. A topic or queue that is missing, or may not be written to, stops the announcer, and nothing is parked.
///
/// [Rewound](Consumer::rewind), it announces again what comes behind the place.
pub type Announcer = Consumer<Announcing>;

/// What an [`Announcer`] does with commits; and how one is made, beginning with
/// [`to_topic`](Self::to_topic) or [`to_queue`](Self::to_queue).
pub struct Announcing {
    sender: MessageSender,
    disclosure: Disclosure,
    categories: Option<BTreeSet<String>>,
    checkpoints: Arc<dyn CheckpointStore>,
}

/// How an [`Announcer`] announces.
#[must_use = "an announcer is made by `on` or `from`"]
pub struct AnnouncerOptions {
    sender: MessageSender,
    name: String,
    categories: Option<BTreeSet<String>>,
    disclosure: Disclosure,
    clock: Option<Arc<dyn Clock>>,
    entropy: Option<Arc<dyn Entropy>>,
    /// It was asked for all data, and for some.
    contradicts_itself: bool,
}

/// How many commits are read at once. They are in memory together, and are announced again after a crash.
const BATCH_SIZE: usize = 200;

impl Announcing {
    /// Publishes to a topic, with `source` as the CloudEvents source of all events.
    pub fn to_topic(topics: Arc<dyn Topic>, topic: TopicName, source: Source) -> AnnouncerOptions {
        let name = format!("announcer_of_{topic}");
        AnnouncerOptions::new(MessageSender::to_topic(topics, topic), name, source)
    }

    /// Sends to a queue, with `source` as the CloudEvents source of all events.
    pub fn to_queue(
        queues: Arc<dyn MessageQueue>,
        queue: QueueName,
        source: Source,
    ) -> AnnouncerOptions {
        let name = format!("announcer_of_{queue}");
        AnnouncerOptions::new(MessageSender::to_queue(queues, queue), name, source)
    }
}

impl AnnouncerOptions {
    fn new(sender: MessageSender, name: String, source: Source) -> Self {
        let disclosure =
            Disclosure { source, types: None, data: Data::None, redact: Redact::default() };
        Self {
            sender,
            name,
            categories: None,
            disclosure,
            clock: None,
            entropy: None,
            contradicts_itself: false,
        }
    }

    /// The name that the progress is kept under. Default: `announcer_of_<topic or queue>`. An announcer with
    /// another name begins at the feed's start.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Announces these categories only. Default: all.
    pub fn categories<C: Into<String>>(mut self, categories: impl IntoIterator<Item = C>) -> Self {
        self.categories = Some(categories.into_iter().map(Into::into).collect());
        self
    }

    /// Announces events of these types only, by their stored names, as `Order:Processed`. Others are passed
    /// over. Default: all.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.disclosure.types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// Sends the data of the events that `E` has: in the newest schema version, as JSON, without what `E`
    /// [marks as personal](Event::PERSONAL). Can be called for several types; events that none of them has go
    /// out as notices. Data that their type cannot read make a dead letter.
    pub fn with_data_of<E: Event>(mut self) -> Self {
        self.contradicts_itself |= matches!(self.disclosure.data, Data::All);
        self.disclosure.data.add::<E>();
        self
    }

    /// Sends all payloads byte for byte as they are in the log, **personal data included**: for queues that do
    /// not leave the system.
    pub fn with_all_data(mut self) -> Self {
        self.contradicts_itself |= matches!(self.disclosure.data, Data::Of(_));
        self.disclosure.data = Data::All;
        self
    }

    /// Has each event go through `redact` before it is sent, which can take from it, or change, what it will:
    /// [`CloudEvent::without_data`], [`CloudEvent::with_data`]. An error, or a panic, makes a dead letter. It
    /// must leave the id, and give the same for the same event.
    pub fn redact(
        mut self,
        redact: impl Fn(CloudEvent) -> Result<CloudEvent> + Send + Sync + 'static,
    ) -> Self {
        self.disclosure.redact = Redact::with(redact);
        self
    }

    /// The most bytes of a request, and so of a message. Default:
    /// [256 KiB](MessageSender::REQUEST_BYTES).
    pub fn request_bytes(mut self, bytes: usize) -> Self {
        self.sender = self.sender.with_request_bytes(bytes);
        self
    }

    /// How many requests are on their way at the same time, at least one. Default: 4.
    pub fn requests_in_flight(mut self, requests: usize) -> Self {
        self.sender = self.sender.with_requests_in_flight(requests);
        self
    }

    /// Takes time from this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.sender = self.sender.with_clock(Arc::clone(&clock));
        self.clock = Some(clock);
        self
    }

    /// Takes the jitter of its waits from here.
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.sender = self.sender.with_entropy(Arc::clone(&entropy));
        self.entropy = Some(entropy);
        self
    }

    /// An announcer of a store that is log, feed and checkpoints in one.
    ///
    /// # Errors
    ///
    /// As [`from`](Self::from).
    pub fn on<S: EventStore + Feed + CheckpointStore>(self, store: Arc<S>) -> Result<Announcer> {
        self.from(store.clone(), store.clone(), store)
    }

    /// An announcer that follows `feed`, repairs gaps from `log`, and keeps its progress in `checkpoints`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when no consumer can have the name, and [`Error::Misuse`] when it was asked for
    /// [all data](Self::with_all_data) and for [some](Self::with_data_of).
    pub fn from(
        self,
        feed: Arc<dyn Feed>,
        log: Arc<dyn EventStore>,
        checkpoints: Arc<dyn CheckpointStore>,
    ) -> Result<Announcer> {
        if self.contradicts_itself {
            let what = "with_all_data sends what with_data_of leaves out: ask for one of them";
            return Err(Error::Misuse(what.to_owned()));
        }
        let id = ConsumerId::new(&self.name)?;
        let Self { sender, disclosure, categories, .. } = self;
        let announcing = Announcing { sender, disclosure, categories, checkpoints };
        let mut announcer = Consumer::with_handler(announcing, id, feed, log, BATCH_SIZE);
        if let Some(clock) = self.clock {
            announcer = announcer.with_clock(clock);
        }
        if let Some(entropy) = self.entropy {
            announcer = announcer.with_entropy(entropy);
        }
        Ok(announcer)
    }
}

#[async_trait]
impl Handler for Announcing {
    type Effect = ();

    fn handles(&self, category: &str) -> bool {
        is_one_of(self.categories.as_ref(), category)
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &*self.checkpoints
    }

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    async fn handle(&self, batch: &Batch<'_>) -> Result<Handled<()>> {
        let (of_commits, mut failed) = batch.try_each(|at, commit| {
            let messages = self.disclosure.messages(commit, &self.sender, batch.consumer)?;
            Ok(messages.into_iter().map(move |message| (at, message)))
        });
        let (commits, messages): (Vec<_>, Vec<_>) = of_commits.into_iter().flatten().unzip();
        let sent = self.sender.send_messages(messages).await?;
        let mut not_sent: HashSet<&StreamId> = HashSet::new();
        for (sent, at) in sent.into_iter().zip(commits) {
            let Some(commit) = batch.commits.get(at) else { continue };
            let error = match sent {
                Ok(_) => continue,
                Err(NotSent::Failed(error)) => error,
                Err(NotSent::Behind) if not_sent.contains(commit.stream()) => continue,
                // A redaction has put its stream into a group with the one that failed.
                Err(behind @ NotSent::Behind) => Error::Unavailable {
                    what: format!("announcing {} by {}", commit.stream(), batch.consumer),
                    source: behind.into(),
                },
            };
            not_sent.insert(commit.stream());
            failed.push(Failed { at, error });
        }
        Ok(Handled { effect: (), failed })
    }

    /// Requests should be full, though a store may take less in one step.
    fn max_step_items(&self) -> usize {
        usize::MAX
    }

    async fn save(&self, (): (), progress: Progress) -> Result<()> {
        progress.save_divided(&*self.checkpoints).await
    }
}

/// Set to another place, it announces from there on: again what comes behind the place, and not what comes
/// before.
#[async_trait]
impl Rewindable for Announcing {
    type Beside = Passing;

    const HAS_VIEW: bool = false;

    fn beside(&self) -> Result<Passing> {
        let categories = self.categories.clone();
        let handles = move |category: &str| is_one_of(categories.as_ref(), category);
        Ok(Passing::new(handles, Arc::clone(&self.checkpoints)))
    }

    async fn start_over(&self, _: &Passing, consumer: &ConsumerId) -> Result<()> {
        self.checkpoints.reset(consumer).await
    }

    async fn adopt(&self, beside: &Passing, adoption: &Adoption) -> Result<Adopted> {
        beside.adopted(adoption).await
    }
}

/// `None` is all of them.
fn is_one_of(names: Option<&BTreeSet<String>>, name: &str) -> bool {
    names.is_none_or(|names| names.contains(name))
}

impl fmt::Debug for Announcing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcing")
            .field("sender", &self.sender)
            .field("categories", &self.categories)
            .field("disclosure", &self.disclosure)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AnnouncerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnnouncerOptions")
            .field("name", &self.name)
            .field("sender", &self.sender)
            .field("categories", &self.categories)
            .field("disclosure", &self.disclosure)
            .finish_non_exhaustive()
    }
}
