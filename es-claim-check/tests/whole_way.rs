//! Large events from a log to a handler, and back from the dead letters.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use es_claim_check::{CheckedQueues, ClaimCheck};
use es_core::announcer::Announcing;
use es_core::cloud_events::Source;
use es_core::memory::{MemoryQueues, MemoryStore};
use es_core::{
    Aggregate, Codec, Command, DeadLetterQueue, DeadMessageRedrive, Error, Event, Incoming,
    InvalidMessage, MessageError, MessageHandler, MessageQueue, MessageSender, NewMessage,
    QueueConsumer, QueueName, QueueOptions, Repository, Topic, TopicName,
};
use object_store::memory::InMemory;
use serde::Deserialize;

/// More than a request of SNS or SQS takes.
const LARGE: usize = 400 * 1024;

#[derive(Debug, Default)]
struct Letter;

#[derive(Debug, Clone, Command)]
enum LetterCommand {
    Write(String),
}

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Letter")]
enum LetterEvent {
    Written { text: String },
}

impl Aggregate for Letter {
    const CATEGORY: &'static str = "letter";
    type Command = LetterCommand;
    type Event = LetterEvent;
    type Error = std::convert::Infallible;

    fn handle(
        &self,
        LetterCommand::Write(text): LetterCommand,
    ) -> Result<Vec<LetterEvent>, Self::Error> {
        Ok(vec![LetterEvent::Written { text }])
    }

    fn apply(&mut self, _: LetterEvent) {}
}

/// Counts what it reads, once it has its glasses.
#[derive(Debug, Default)]
struct Reader {
    has_glasses: AtomicBool,
    characters: AtomicUsize,
}

#[derive(Debug, Deserialize)]
struct Written {
    text: String,
}

#[async_trait]
impl MessageHandler for Reader {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        if !self.has_glasses.load(Ordering::Relaxed) {
            return Err(MessageError::permanent("it cannot be read"));
        }
        let event = message.as_cloud_event().ok_or_else(|| MessageError::permanent("no event"))?;
        let written: Written = event.data_as().map_err(MessageError::permanent)?;
        self.characters.fetch_add(written.text.chars().count(), Ordering::Relaxed);
        Ok(())
    }
}

/// Topics and queues with room for no large message, and where their bodies are.
struct Post {
    plain: Arc<MemoryQueues>,
    check: ClaimCheck,
    queues: Arc<CheckedQueues>,
    letters: TopicName,
    reading: QueueName,
    dead: QueueName,
}

impl Post {
    async fn new() -> Self {
        let plain = Arc::new(MemoryQueues::default());
        let check = ClaimCheck::new(Arc::new(InMemory::new()), "bodies").at_most(4 * LARGE);
        let queues = Arc::new(check.queues(plain.clone()));
        let letters = TopicName::new("letters").unwrap();
        let (reading, dead) = (QueueName::new("reading").unwrap(), QueueName::new("dead").unwrap());
        for queue in [&reading, &dead] {
            let small = QueueOptions::default().max_message_size(256 * 1024);
            queues.configure(queue, small).await.unwrap();
        }
        plain.create_topic(&letters).await.unwrap();
        plain.subscribe(&letters, &reading, "{}".parse().unwrap()).await.unwrap();
        Self { plain, check, queues, letters, reading, dead }
    }

    fn sender(&self) -> MessageSender {
        let topics = Arc::new(self.check.topics(self.plain.clone()));
        MessageSender::to_topic(topics, self.letters.clone())
    }
}

#[tokio::test]
async fn a_large_event_of_a_log_is_published_handled_and_brought_back_from_the_dead_letters() {
    let post = Post::new().await;
    let store = Arc::new(MemoryStore::new());
    let letters = Repository::<Letter>::new(store.clone()).with_codec(Codec::Json);
    for (id, length) in [("short", 10), ("long", LARGE)] {
        letters.execute(id, LetterCommand::Write("ä".repeat(length))).await.unwrap();
    }
    let topics = Arc::new(post.check.topics(post.plain.clone()));
    let source = Source::new("/post").unwrap();
    let announcer = Announcing::to_topic(topics, post.letters.clone(), source)
        .with_data_of::<LetterEvent>()
        .on(store)
        .unwrap();
    let caught_up = announcer.catch_up().await.unwrap();
    assert_eq!((caught_up.applied, caught_up.parked), (2, 0));

    let reader = Arc::new(Reader::default());
    let consumer = QueueConsumer::new(
        "reader",
        post.queues.clone(),
        post.reading.clone(),
        Arc::clone(&reader),
    );
    let consumer = consumer.unwrap().dead_letters_to(post.dead.clone());
    assert_eq!(consumer.work_off().await.unwrap().dead_lettered, 2);

    reader.has_glasses.store(true, Ordering::Relaxed);
    let dead = DeadLetterQueue::new(post.queues.clone(), post.dead.clone());
    assert_eq!(dead.redrive(&DeadMessageRedrive::all()).await.unwrap().moved, 2);
    assert_eq!(consumer.work_off().await.unwrap().done, 2);
    assert_eq!(reader.characters.load(Ordering::Relaxed), 10 + LARGE);
}

#[tokio::test]
async fn a_request_has_ten_messages_also_when_they_are_large() {
    let post = Post::new().await;
    let messages = (0..10).map(|n| NewMessage::new(n.to_string().repeat(LARGE))).collect();
    let sent = post.sender().send_messages(messages).await.unwrap();
    assert!(sent.iter().all(Result::is_ok));
    let counts = post.plain.counts(&post.reading).await.unwrap();
    assert_eq!(counts.visible, 10);
}

#[tokio::test]
async fn what_is_too_large_to_be_kept_is_refused_before_it_is_sent() {
    let post = Post::new().await;
    let sender = post.sender();
    assert!(sender.check(&NewMessage::new("x".repeat(4 * LARGE))).is_ok());
    let refused = sender.check(&NewMessage::new("x".repeat(4 * LARGE + 1))).unwrap_err();
    let Error::InvalidMessage { source: InvalidMessage::TooLarge { actual, .. }, .. } = refused
    else {
        panic!("{refused}");
    };
    assert_eq!(actual, 4 * LARGE + 1);
}
