//! Every fault of queues and topics does what it says, and says that it did.

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryQueues;
use es_core::testing::faults::{Call, Fault, Faults, FaultyMessageQueue, FaultyTopic};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Error, FilterPolicy, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions,
    ReceiptHandle, ReceiveOptions, ReceivedMessage, Topic, TopicName,
};

const MINUTE: Duration = Duration::from_secs(60);

struct Scene {
    clock: Arc<VirtualClock>,
    inner: Arc<MemoryQueues>,
    faults: Faults,
    queues: FaultyMessageQueue,
    queue: QueueName,
}

async fn scene() -> Scene {
    on(Faults::none(), "q").await
}

async fn on(faults: Faults, name: &str) -> Scene {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let inner = Arc::new(MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1))));
    let queues = FaultyMessageQueue::new(inner.clone(), faults.clone());
    let queue = QueueName::new(name).unwrap();
    inner.configure(&queue, QueueOptions::default()).await.unwrap();
    Scene { clock, inner, faults, queues, queue }
}

impl Scene {
    fn message(&self, body: &str) -> NewMessage {
        let message = NewMessage::new(body);
        if self.queue.is_fifo() { message.group("g") } else { message }
    }

    async fn send(&self, bodies: &[&str]) {
        for body in bodies {
            self.inner.send(&self.queue, self.message(body)).await.unwrap();
        }
    }

    async fn receive(&self, max: usize) -> Vec<ReceivedMessage> {
        self.queues.receive(&self.queue, ReceiveOptions::up_to(max)).await.unwrap()
    }

    async fn counts(&self) -> QueueCounts {
        self.inner.counts(&self.queue).await.unwrap()
    }

    fn met(&self, fault: Fault) -> bool {
        self.faults.injected(fault) == 1
    }
}

fn bodies(messages: &[ReceivedMessage]) -> Vec<&str> {
    messages.iter().map(|message| &*message.body).collect()
}

#[tokio::test]
async fn a_send_is_lost_on_its_way_there_or_back_or_late() {
    let s = scene().await;
    let cases = [
        (Fault::LostRequest, 0),
        (Fault::Throttling, 0),
        (Fault::LostAcknowledgement, 1),
        (Fault::LateRequest, 1),
    ];
    for (fault, sent) in cases {
        s.faults.at(Call::Send, 1, fault);
        let error = s.queues.send(&s.queue, s.message("x")).await.unwrap_err();
        assert!(error.is_transient() && s.met(fault), "{fault:?}: {error}");
        let arrived = || async { s.counts().await.visible };
        if fault == Fault::LateRequest {
            assert_eq!(arrived().await, 0, "it is still on its way");
        }
        s.faults.stop();
        for _ in 0..4 {
            s.queues.acknowledge(&s.queue, &ReceiptHandle::from_stored("x")).await.unwrap_err();
        }
        assert_eq!(arrived().await, sent, "{fault:?}");
        s.inner.purge(&s.queue).await.unwrap();
    }
}

#[tokio::test]
async fn messages_of_a_receive_without_an_answer_come_again() {
    let s = scene().await;
    s.send(&["a", "b"]).await;
    s.faults.at(Call::Receive, 1, Fault::LostAcknowledgement);
    let lost = s.queues.receive(&s.queue, ReceiveOptions::up_to(10)).await;
    assert!(matches!(lost, Err(Error::Unavailable { .. })), "{lost:?}");
    assert!(s.receive(10).await.is_empty(), "they were taken");
    s.clock.advance(MINUTE);
    let again = s.receive(10).await;
    assert_eq!((bodies(&again), again[0].receive_count), (vec!["a", "b"], 2));
}

#[tokio::test]
async fn a_receive_gives_fewer_than_there_are_and_keeps_some_back() {
    let s = scene().await;
    let all = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    s.send(&all).await;
    s.faults.at(Call::Receive, 1, Fault::TornPage);
    let fewer = s.receive(10).await.len() as u64;
    assert!(s.met(Fault::TornPage));
    assert_eq!(s.counts().await.visible, 10 - fewer);
    s.clock.advance(MINUTE);
    s.faults.at(Call::Receive, 1, Fault::LateDelivery);
    let given = s.receive(10).await.len();
    assert!(given < 10 && s.met(Fault::LateDelivery));
    assert_eq!(s.counts().await.in_flight, 10, "all were taken");
}

#[tokio::test]
async fn a_message_is_given_once_more_although_it_is_in_flight_or_was_acknowledged() {
    let s = scene().await;
    s.send(&["x"]).await;
    let first = s.receive(1).await.remove(0);
    let once_more = || async {
        s.faults.at(Call::Receive, 1, Fault::Duplicates);
        s.receive(1).await.remove(0)
    };
    let second = once_more().await;
    assert_eq!((&second.id, &*second.body), (&first.id, "x"));
    assert_ne!(second.receipt, first.receipt);
    // It stands for the same hold.
    s.queues.extend(&s.queue, &second.receipt, 2 * MINUTE).await.unwrap();
    s.clock.advance(MINUTE);
    assert!(s.receive(1).await.is_empty());
    s.queues.acknowledge(&s.queue, &first.receipt).await.unwrap();
    let third = once_more().await;
    let lost = s.queues.extend_batch(&s.queue, &[(third.receipt.clone(), MINUTE)]).await.unwrap();
    assert!(matches!(lost[..], [Err(Error::ReceiptLost { .. })]), "{lost:?}");
    for receipt in [&second.receipt, &third.receipt] {
        s.queues.acknowledge(&s.queue, receipt).await.unwrap();
    }
    assert_eq!(s.counts().await, QueueCounts::default());
    assert_eq!(s.faults.injected(Fault::Duplicates), 2);
}

#[tokio::test]
async fn a_standard_queue_comes_in_any_order() {
    let s = scene().await;
    s.send(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]).await;
    s.faults.at(Call::Receive, 1, Fault::Reordering);
    let received = s.receive(10).await;
    assert!(received.len() == 10 && !bodies(&received).is_sorted(), "{:?}", bodies(&received));
}

#[tokio::test]
async fn a_fifo_queue_keeps_its_order_and_repeats_nothing() {
    for seed in 0..20 {
        let faults = Faults::seeded(seed).with_rates(Fault::TRANSIENT, 0.3);
        let s = on(faults, "q.fifo").await;
        s.send(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]).await;
        let mut came = Vec::new();
        while came.len() < 10 {
            s.clock.advance(MINUTE);
            let received = s.queues.receive(&s.queue, ReceiveOptions::up_to(3)).await;
            for message in received.unwrap_or_default() {
                s.inner.acknowledge(&s.queue, &message.receipt).await.unwrap();
                came.push(message.body);
            }
        }
        assert!(came.is_sorted(), "seed {seed}: {came:?}");
        assert_eq!(s.counts().await, QueueCounts::default());
    }
}

#[tokio::test]
async fn of_a_batch_some_entries_fail_and_nothing_happens_for_them() {
    let s = scene().await;
    s.faults.at(Call::Send, 1, Fault::FailedEntries);
    let batch = (0..8).map(|n| s.message(&n.to_string())).collect();
    let outcomes = s.queues.send_batch(&s.queue, batch).await.unwrap();
    let sent: Vec<String> =
        (0..8).filter(|n| outcomes[*n].is_ok()).map(|n| n.to_string()).collect();
    assert!(sent.len() < 8 && s.met(Fault::FailedEntries));
    for failed in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(failed.is_transient(), "{failed}");
    }
    let received = s.receive(10).await;
    assert_eq!(bodies(&received), sent);

    let holds: Vec<_> = received.iter().map(|it| (it.receipt.clone(), 10 * MINUTE)).collect();
    s.faults.at(Call::Extend, 1, Fault::FailedEntries);
    let extended = s.queues.extend_batch(&s.queue, &holds).await.unwrap();
    s.clock.advance(MINUTE);
    let failed = extended.iter().filter(|outcome| outcome.is_err()).count() as u64;
    assert!(failed > 0);
    assert_eq!(s.counts().await.visible, failed);

    let receipts: Vec<_> = received.iter().map(|it| it.receipt.clone()).collect();
    s.faults.at(Call::Acknowledge, 1, Fault::FailedEntries);
    let acknowledged = s.queues.acknowledge_batch(&s.queue, &receipts).await.unwrap();
    let failed = acknowledged.iter().filter(|outcome| outcome.is_err()).count() as u64;
    let QueueCounts { visible, in_flight, .. } = s.counts().await;
    assert!(failed > 0);
    assert_eq!(visible + in_flight, failed);
}

#[tokio::test]
async fn a_late_release_does_not_touch_what_was_received_since() {
    let s = scene().await;
    s.send(&["x"]).await;
    let first = s.receive(1).await.remove(0);
    s.faults.at(Call::Release, 1, Fault::LateRequest);
    s.queues.release(&s.queue, &first.receipt, Duration::ZERO).await.unwrap_err();
    s.clock.advance(MINUTE);
    let second = s.inner.receive(&s.queue, ReceiveOptions::up_to(1)).await.unwrap().remove(0);
    for _ in 0..4 {
        assert!(s.receive(1).await.is_empty());
    }
    s.queues.acknowledge(&s.queue, &second.receipt).await.unwrap();
}

#[tokio::test]
async fn a_topic_publishes_twice_late_or_in_part() {
    let s = scene().await;
    let topics = FaultyTopic::new(s.inner.clone(), s.faults.clone());
    let topic = TopicName::new("t").unwrap();
    topics.create_topic(&topic).await.unwrap();
    topics.subscribe(&topic, &s.queue, FilterPolicy::everything()).await.unwrap();
    let arrived = async || {
        let visible = s.counts().await.visible;
        s.inner.purge(&s.queue).await.unwrap();
        visible
    };
    s.faults.at(Call::Publish, 1, Fault::Duplicates);
    topics.publish(&topic, NewMessage::new("x")).await.unwrap();
    assert_eq!(arrived().await, 2);
    for (fault, expected) in [(Fault::LostRequest, 0), (Fault::LostAcknowledgement, 1)] {
        s.faults.at(Call::Publish, 1, fault);
        topics.publish(&topic, NewMessage::new("x")).await.unwrap_err();
        assert_eq!(arrived().await, expected, "{fault:?}");
    }
    s.faults.at(Call::Publish, 1, Fault::FailedEntries);
    let batch = vec![NewMessage::new("x"); 8];
    let published = topics.publish_batch(&topic, batch).await.unwrap();
    let done = published.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    assert!(done < 8);
    assert_eq!(arrived().await, done);
    s.faults.at(Call::Publish, 1, Fault::LateRequest);
    topics.publish(&topic, NewMessage::new("late")).await.unwrap_err();
    let mut late = 0;
    for _ in 0..4 {
        topics.publish(&topic, NewMessage::new("x")).await.unwrap();
        late += arrived().await - 1;
    }
    assert_eq!(late, 1);
}
