//! How many requests are made.

use crate::support::fake_messaging::{FakeMessaging, Fault};
use crate::support::scene::{Scene, queue, topic};
use es_core::{
    Cost, InvalidMessage, MessageQueue as _, NewMessage, QueueOptions, ReceiveOptions, Topic as _,
};

#[tokio::test]
async fn a_thousand_messages_are_sent_received_and_acknowledged_in_350_requests() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    // As a program that has just begun.
    let queues = scene.another_program();
    let before = scene.messaging.requests().len();
    let work = async {
        for batch in 0..100 {
            let message = |n| NewMessage::new(format!("{batch}{n}")).attribute("kind", "placed");
            let sent = queues.send_batch(&billing, (0..10).map(message).collect()).await;
            assert!(sent.expect("a batch").iter().all(Result::is_ok));
        }
        let mut worked = 0;
        loop {
            let received = queues.receive(&billing, ReceiveOptions::up_to(10)).await;
            let received = received.expect("a queue that is there");
            let receipts: Vec<_> = received.into_iter().map(|message| message.receipt).collect();
            if receipts.is_empty() {
                return worked;
            }
            let done = queues.acknowledge_batch(&billing, &receipts).await.expect("a batch");
            worked += done.iter().filter(|done| done.is_ok()).count();
        }
    };
    let (worked, cost) = Cost::of(work).await;
    let requests = scene.messaging.requests().len() - before;
    assert_eq!(worked, 1_000);
    assert!(requests <= 350, "{requests} requests");
    assert_eq!(cost.requests, requests as u64, "what is charged is what was asked");
}

#[tokio::test]
async fn what_the_sdk_sends_again_is_charged_as_a_repetition() {
    let scene = Scene::of_the_shop().await;
    scene.messaging.faults().at("SendMessageBatch", 1, Fault::LostRequest);
    let before = scene.messaging.requests().len();
    let (_, cost) = Cost::of(scene.send(&queue("billing"), "x")).await;
    assert_eq!((cost.requests, cost.retries), (1, 1));
    assert_eq!(scene.messaging.requests().len() - before, 2);
}

#[tokio::test]
async fn a_thousand_messages_are_published_in_a_hundred_requests() {
    let mut scene = Scene::of_the_shop().await;
    for batch in 0..100 {
        let messages = (0..10).map(|n| NewMessage::new(format!("{batch}{n}"))).collect();
        let published = scene.topics.publish_batch(&topic("orders"), messages).await;
        assert!(published.expect("a batch").iter().all(Result::is_ok));
    }
    assert_eq!(scene.take_operations(), ["PublishBatch"; 100]);
}

#[tokio::test]
async fn attributes_are_asked_for_again_after_five_minutes() {
    let mut scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    assert_eq!(scene.take_operations(), ["SendMessageBatch"]);
    scene.clock.advance(std::time::Duration::from_secs(5 * 60));
    scene.send(&billing, "x").await;
    assert_eq!(scene.take_operations(), ["GetQueueAttributes", "SendMessageBatch"]);
}

fn messages_of(sizes: &[usize]) -> Vec<NewMessage> {
    sizes.iter().map(|size| NewMessage::new("x".repeat(*size))).collect()
}

#[tokio::test]
async fn a_batch_goes_in_requests_that_are_not_too_large() {
    let mut scene = Scene::of_the_shop().await;
    let (audit, billing) = (queue("audit"), queue("billing"));
    let messages = messages_of(&[100_000, 150_000, 12_144, 1, 250_000]);
    for queue in [&audit, &billing] {
        let sent = scene.queues.send_batch(queue, messages.clone()).await.expect("a batch");
        assert!(sent.iter().all(Result::is_ok), "{sent:?}");
        assert_eq!(scene.take_operations(), ["SendMessageBatch"; 2]);
    }
    let published = scene.topics.publish_batch(&topic("orders"), messages).await;
    assert!(published.expect("a batch").iter().all(Result::is_ok));
    assert_eq!(scene.take_operations(), ["PublishBatch"; 2]);
}

#[tokio::test]
async fn a_message_that_is_larger_than_a_request_should_be_is_the_queue_s_to_judge() {
    let mut scene = Scene::of_the_shop().await;
    let messages = messages_of(&[1, 300_000, 1]);
    let sent = scene.queues.send_batch(&queue("audit"), messages).await.expect("a batch");
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(scene.take_operations(), ["SendMessageBatch"; 3]);
}

#[tokio::test]
async fn a_request_may_be_as_large_as_it_is_said() {
    let mut scene = Scene::with(
        7,
        FakeMessaging::with_large_requests,
        |queues| queues.max_request_bytes(1024 * 1024),
        |topics| topics,
    );
    scene.ensure(&crate::support::scene::shop()).await;
    scene.take_operations();
    let messages = messages_of(&[200_000; 5]);
    let sent = scene.queues.send_batch(&queue("audit"), messages).await.expect("a batch");
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(scene.take_operations(), ["SendMessageBatch"]);
}

#[tokio::test]
async fn an_oversized_message_is_refused_before_it_is_sent() {
    let mut scene = Scene::of_the_shop().await;
    let large = NewMessage::new("x".repeat(256 * 1024 + 1));
    let is_too_large = |error: es_core::Error| match error {
        es_core::Error::InvalidMessage { source, .. } => {
            matches!(source, InvalidMessage::TooLarge { limit: 262_144, .. })
        }
        _ => false,
    };
    let refused = scene.queues.send(&queue("billing"), large.clone()).await;
    assert!(is_too_large(refused.expect_err("it is too large")));
    let refused = scene.topics.publish(&topic("orders"), large).await;
    assert!(is_too_large(refused.expect_err("it is too large")));
    assert_eq!(scene.take_operations(), ["GetQueueAttributes"], "somebody may have raised it");
}

#[tokio::test]
async fn a_limit_that_another_program_has_raised_is_seen() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    let larger = QueueOptions::default().dead_letters(queue("dead"), 3);
    let larger = larger.max_message_size(1024 * 1024);
    scene.another_program().configure(&billing, larger).await.expect("it can be changed");
    scene.send(&billing, &"x".repeat(300_000)).await;
}
