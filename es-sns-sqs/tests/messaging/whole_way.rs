//! From a sender through a topic and a queue to a handler: what it costs, and what is too large for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use es_claim_check::ClaimCheck;
use es_core::cloud_events::{CloudEvent, Source};
use es_core::{
    DeadLetterQueue, DeadMessageRedrive, Incoming, MessageError, MessageHandler, MessageQueue,
    MessageSender, NewMessage, QueueConsumer, QueueCounts, Topic,
};
use object_store::memory::InMemory;
use tokio::sync::Notify;

use crate::support::scene::{Scene, queue, topic};

/// Counts what it is given, unless it is closed.
#[derive(Debug, Default)]
struct Clerk {
    closed: AtomicBool,
    messages: AtomicUsize,
    bytes: AtomicU64,
    /// Told when that many were handled.
    enough: usize,
    had_enough: Notify,
}

#[async_trait]
impl MessageHandler for Clerk {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(MessageError::permanent("it is closed"));
        }
        self.bytes.fetch_add(message.body().len() as u64, Ordering::Relaxed);
        if self.messages.fetch_add(1, Ordering::Relaxed) + 1 == self.enough {
            self.had_enough.notify_one();
        }
        Ok(())
    }
}

fn consumer(scene: &Scene, queues: Arc<dyn MessageQueue>, clerk: &Arc<Clerk>) -> QueueConsumer {
    QueueConsumer::new("clerk", queues, queue("billing"), Arc::clone(clerk))
        .expect("a valid name")
        .dead_letters_to(queue("given-up"))
        .with_clock(scene.clock.clone())
}

#[tokio::test]
async fn a_thousand_events_cost_350_requests_from_their_publishing_to_their_acknowledgement() {
    let mut scene = Scene::of_the_shop_in_step().await;
    let source = Source::new("/shop").expect("a source");
    let event = |n: u32| CloudEvent::new(&n.to_string(), source.clone(), "Placed");
    let messages: Vec<NewMessage> = (0..1_000)
        .map(|n| event(n).and_then(|event| event.message()).expect("an event"))
        .map(|message| message.attribute("kind", "placed").attribute("items", "1"))
        .collect();

    let topics: Arc<dyn Topic> = Arc::new(scene.topics.clone());
    let sender = MessageSender::to_topic(topics, topic("orders")).with_clock(scene.clock.clone());
    let sent = scene
        .while_time_passes(sender.send_messages(messages))
        .await
        .expect("a topic that is there");
    assert!(sent.iter().all(Result::is_ok));
    let clerk = Arc::new(Clerk { enough: 1_000, ..Clerk::default() });
    let consumer = consumer(&scene, Arc::new(scene.queues.clone()), &clerk).concurrency(30);
    let run = consumer.run(clerk.had_enough.notified());
    scene.while_time_passes(run).await.expect("a queue that is there");

    let left = scene.queues.counts(&queue("billing")).await.expect("a queue that is there");
    assert_eq!(left, QueueCounts::default());
    let requests = scene.take_operations();
    assert!(requests.len() <= 350, "{} requests", requests.len());
    let of_kind = |kind: &str| requests.iter().filter(|made| *made == kind).count();
    assert_eq!((of_kind("PublishBatch"), of_kind("DeleteMessageBatch")), (100, 100));
}

#[tokio::test]
async fn a_message_that_is_too_large_for_the_services_goes_with_a_claim_check_there_and_back() {
    const LARGE: usize = 2 * 1024 * 1024;
    let scene = Scene::of_the_shop().await;
    let check = ClaimCheck::new(Arc::new(InMemory::new()), "bodies");
    let topics = Arc::new(check.topics(Arc::new(scene.topics.clone())));
    let queues: Arc<dyn MessageQueue> = Arc::new(check.queues(Arc::new(scene.queues.clone())));
    let message = NewMessage::new("x".repeat(LARGE));
    let message = message.attribute("kind", "placed").attribute("items", "1");
    let plainly = MessageSender::to_topic(Arc::new(scene.topics.clone()), topic("orders"));
    assert!(plainly.check(&message).is_err(), "alone it is too large");

    let sender = MessageSender::to_topic(topics, topic("orders")).with_clock(scene.clock.clone());
    let sent = sender.send_messages(vec![message]).await.expect("a topic that is there");
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let clerk = Arc::new(Clerk { closed: AtomicBool::new(true), ..Clerk::default() });
    let consumer = consumer(&scene, queues.clone(), &clerk);
    assert_eq!(consumer.work_off().await.expect("a queue that is there").dead_lettered, 1);

    clerk.closed.store(false, Ordering::Relaxed);
    let dead = DeadLetterQueue::new(queues, queue("given-up")).with_clock(scene.clock.clone());
    let redriven = dead.redrive(&DeadMessageRedrive::all()).await.expect("queues that are there");
    assert_eq!((redriven.moved, redriven.stayed), (1, Vec::new()));
    assert_eq!(consumer.work_off().await.expect("a queue that is there").done, 1);
    assert_eq!(clerk.bytes.load(Ordering::Relaxed), LARGE as u64);
}
