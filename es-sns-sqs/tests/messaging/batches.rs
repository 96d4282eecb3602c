//! Batches of which some entries fail.

use crate::support::fake_messaging::Fault;
use crate::support::scene::{Scene, queue, topic};
use es_core::{Error, MessageQueue as _, NewMessage, Topic as _};

/// As the filter of the billing takes it.
fn message(n: usize) -> NewMessage {
    NewMessage::new(n.to_string()).attribute("kind", "placed").attribute("items", "7")
}

fn numbered(count: usize) -> Vec<NewMessage> {
    (0..count).map(message).collect()
}

#[tokio::test]
async fn entries_that_fail_are_told_by_their_places_and_can_be_sent_again() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    for publish in [false, true] {
        let operation = if publish { "PublishBatch" } else { "SendMessageBatch" };
        scene.messaging.faults().at(operation, 1, Fault::PartialFailure);
        let mut waiting = numbered(10);
        let mut rounds = 0;
        while !waiting.is_empty() {
            let answers = if publish {
                scene.topics.publish_batch(&topic("orders"), waiting.clone()).await
            } else {
                scene.queues.send_batch(&billing, waiting.clone()).await
            };
            let answers = answers.expect("a batch");
            let failed = answers.iter().map(|answer| match answer {
                Ok(_) => false,
                Err(error) => {
                    assert!(error.is_transient(), "{error:?}");
                    assert!(error.with_causes().contains("InternalError"), "{error:?}");
                    true
                }
            });
            let mut failed = failed.collect::<Vec<_>>().into_iter();
            waiting.retain(|_| failed.next().expect("an answer for each"));
            rounds += 1;
        }
        assert_eq!(
            (rounds, scene.messaging.faults().injected(Fault::PartialFailure)),
            (2, 1 + usize::from(publish))
        );
        let mut bodies = scene.bodies(&billing).await;
        bodies.sort();
        assert_eq!(bodies, (0..10).map(|n: usize| n.to_string()).collect::<Vec<_>>(), "each once");
    }
}

#[tokio::test]
async fn an_entry_that_an_answer_leaves_out_may_have_been_sent() {
    let scene = Scene::of_the_shop().await;
    for operation in ["SendMessageBatch", "PublishBatch"] {
        scene.messaging.faults().at(operation, 1, Fault::EntryLeftOut);
    }
    let sent = scene.queues.send_batch(&queue("billing"), numbered(3)).await.expect("a batch");
    let published = scene.topics.publish_batch(&topic("orders"), numbered(3)).await;
    for mut answers in [sent, published.expect("a batch")] {
        assert_eq!(answers.len(), 3);
        let left_out = answers.pop().expect("the last").expect_err("it is not mentioned");
        assert!(left_out.is_transient() && answers.iter().all(Result::is_ok));
        let text = left_out.with_causes();
        assert!(text.contains("does not mention an entry"), "{text}");
    }
}

#[tokio::test]
async fn an_entry_that_the_service_will_never_take_is_told_as_one() {
    let scene = Scene::of_the_shop().await;
    let (audit, attribute) = (queue("audit"), "MaximumMessageSize");
    scene.send(&audit, "x").await;
    // Somebody has lowered the limit, and this program has not seen it yet.
    scene.messaging.lower_message_size("p-audit", 1024).await;
    assert_eq!(scene.messaging.attributes("p-audit")[attribute], "1024");
    let large = NewMessage::new("x".repeat(2_000));
    let refused = scene.queues.send(&audit, large).await.expect_err("it is too large");
    assert!(matches!(refused, Error::Backend { .. }), "{refused:?}");
    let text = refused.with_causes();
    assert!(text.starts_with("sending to queue p-audit at https://sqs.us-east-1."), "{text}");
    assert!(text.contains("InvalidParameterValue: ") && !text.contains("xxx"), "{text}");
}

#[tokio::test]
async fn receipts_of_which_some_fail_are_told_by_their_places() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    let sent = scene.queues.send_batch(&billing, numbered(10)).await.expect("a batch");
    assert_eq!(sent.len(), 10);
    let held = scene.receive(&billing).await;
    let mut receipts: Vec<_> = held.into_iter().map(|message| message.receipt).collect();
    assert_eq!(receipts.len(), 10);
    scene.messaging.faults().at("DeleteMessageBatch", 1, Fault::PartialFailure);
    for _ in 0..2 {
        let done = scene.queues.acknowledge_batch(&billing, &receipts).await.expect("a batch");
        let mut done = done.into_iter().map(|done| match done {
            Ok(()) => true,
            Err(error) => panic_unless_transient(&error),
        });
        receipts.retain(|_| !done.next().expect("an answer for each"));
    }
    assert!(receipts.is_empty());
    assert_eq!(scene.queues.counts(&billing).await.expect("counts"), Default::default());
}

fn panic_unless_transient(error: &Error) -> bool {
    assert!(error.is_transient(), "{error:?}");
    false
}

#[tokio::test]
async fn a_fifo_message_is_sent_once_though_its_answer_is_lost() {
    let scene = Scene::of_the_shop().await;
    let stock = queue("stock.fifo");
    for operation in ["SendMessageBatch", "PublishBatch"] {
        scene.messaging.faults().at(operation, 1, Fault::LostAnswer);
    }
    scene.send(&stock, "sent").await;
    let message = NewMessage::new("published").group("g");
    scene.topics.publish(&topic("movements.fifo"), message).await.expect("it is published");
    assert_eq!(scene.bodies(&stock).await, ["sent", "published"]);
}
