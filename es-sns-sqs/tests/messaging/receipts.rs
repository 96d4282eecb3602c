//! What is promised of receipts, while SQS answers success to old ones.

use std::time::Duration;

use crate::support::fake_messaging::Fault;
use crate::support::scene::{SECOND, Scene, queue};
use es_core::{Error, MessageQueue as _, ReceiptHandle, ReceiveOptions, Result};

const TIMEOUT: Duration = Duration::from_secs(30);
const MILLISECOND: Duration = Duration::from_millis(1);

fn is_lost(outcome: &Result<()>) -> bool {
    matches!(outcome, Err(Error::ReceiptLost { .. }))
}

#[tokio::test]
async fn a_hold_that_is_over_is_lost_without_a_request() {
    let mut scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    let held = scene.receive_one(&billing).await;
    scene.clock.advance(TIMEOUT);
    scene.take_operations();
    assert!(is_lost(&scene.queues.extend(&billing, &held.receipt, SECOND).await));
    assert!(is_lost(&scene.queues.release(&billing, &held.receipt, SECOND).await));
    assert_eq!(scene.take_operations(), [""; 0]);
}

#[tokio::test]
async fn a_hold_is_counted_by_the_monotonic_clock() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    let held = scene.receive_one(&billing).await;
    scene.clock.set(scene.clock_now() - 20 * TIMEOUT);
    scene.queues.extend(&billing, &held.receipt, TIMEOUT).await.expect("it is held");
}

#[tokio::test]
async fn a_long_poll_holds_from_shortly_before_its_answer() {
    let scene = Scene::of_the_shop().await;
    let audit = queue("audit");
    let poll = ReceiveOptions::up_to(1).wait(20 * SECOND).visibility_timeout(4 * SECOND);
    for (later, is_held) in [(3 * SECOND - MILLISECOND, true), (3 * SECOND, false)] {
        // It becomes visible after 5 s, which the poll waits.
        scene.send(&audit, "x").await;
        let held = scene.queues.receive(&audit, poll).await.expect("a queue").remove(0);
        scene.clock.advance(later);
        let extended = scene.queues.extend(&audit, &held.receipt, 4 * SECOND).await;
        assert_eq!(extended.is_ok(), is_held, "{later:?} behind the answer: {extended:?}");
        if is_held {
            // From the extension on there is nothing to guess.
            scene.clock.advance(4 * SECOND - MILLISECOND);
            scene.queues.extend(&audit, &held.receipt, SECOND).await.expect("it is held");
            scene.queues.acknowledge(&audit, &held.receipt).await.expect("it is held");
        }
    }
}

#[tokio::test]
async fn what_somebody_else_has_received_is_acknowledged_without_effect() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    let held = scene.receive_one(&billing).await;
    scene.clock.advance(TIMEOUT);
    let other = scene.another_program();
    let theirs = other.receive(&billing, ReceiveOptions::up_to(1)).await.expect("a queue");
    assert_eq!(theirs[0].id, held.id);
    // This is what cannot be seen: SQS says that all is well.
    scene.queues.acknowledge(&billing, &held.receipt).await.expect("SQS says so");
    other.extend(&billing, &theirs[0].receipt, TIMEOUT).await.expect("they have it");
    other.acknowledge(&billing, &theirs[0].receipt).await.expect("they have it");
}

#[tokio::test]
async fn a_duplicate_that_this_program_receives_takes_the_message_over() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    scene.messaging.faults().at("ReceiveMessage", 1, Fault::Duplicate);
    let (first, second) = (scene.receive_one(&billing).await, scene.receive_one(&billing).await);
    assert_eq!(first.id, second.id);
    assert!(is_lost(&scene.queues.extend(&billing, &first.receipt, TIMEOUT).await));
    assert!(is_lost(&scene.queues.acknowledge(&billing, &first.receipt).await));
    scene.queues.acknowledge(&billing, &second.receipt).await.expect("the newest one counts");
    scene.clock.advance(TIMEOUT);
    assert_eq!(scene.bodies(&billing).await, [""; 0]);
}

#[tokio::test]
async fn an_extension_without_an_answer_promises_nothing() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    let held = scene.receive_one(&billing).await;
    scene.messaging.faults().always("ChangeMessageVisibilityBatch", Fault::LostAnswer);
    let shorter = scene.queues.extend(&billing, &held.receipt, 10 * SECOND).await;
    assert!(shorter.expect_err("no answer").is_transient());
    scene.messaging.faults().stop();
    scene.clock.advance(10 * SECOND);
    assert!(is_lost(&scene.queues.extend(&billing, &held.receipt, TIMEOUT).await));
    assert_eq!(scene.bodies(&billing).await, ["x"], "it was hidden for ten seconds only");
}

#[tokio::test]
async fn a_release_that_was_refused_can_be_asked_for_again() {
    let billing = queue("billing");
    for fault in [Fault::PartialFailure, Fault::Throttled, Fault::AccessDenied] {
        let scene = Scene::of_the_shop().await;
        scene.send(&billing, "x").await;
        let held = scene.receive_one(&billing).await;
        scene.messaging.faults().always("ChangeMessageVisibilityBatch", fault);
        let refused = scene.queues.release(&billing, &held.receipt, Duration::ZERO).await;
        assert!(refused.is_err() && !is_lost(&refused), "{fault:?}: {refused:?}");
        scene.messaging.faults().stop();
        let released = scene.queues.release(&billing, &held.receipt, Duration::ZERO).await;
        assert!(released.is_ok(), "{fault:?}: {released:?}");
        assert_eq!(scene.bodies(&billing).await, ["x"]);
    }
}

#[tokio::test]
async fn a_release_that_may_have_been_done_is_not_asked_for_again() {
    let billing = queue("billing");
    // What three attempts of the SDK meet.
    let throttled = Fault::Throttled;
    for lost in [Fault::LostAnswer, Fault::InternalError] {
        for met in [[lost, throttled, throttled], [throttled, throttled, lost]] {
            let scene = Scene::of_the_shop().await;
            scene.send(&billing, "x").await;
            let held = scene.receive_one(&billing).await;
            for (nth, fault) in (1..).zip(met) {
                scene.messaging.faults().at("ChangeMessageVisibilityBatch", nth, fault);
            }
            let unknown = scene.queues.release(&billing, &held.receipt, Duration::ZERO).await;
            assert!(unknown.is_err_and(|error| error.is_transient()), "{met:?}");
            let again = scene.queues.release(&billing, &held.receipt, Duration::ZERO).await;
            assert!(is_lost(&again), "{met:?}: {again:?}");
        }
    }
}

#[tokio::test]
async fn an_entry_that_the_answer_leaves_out_may_have_been_done() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    let held = scene.receive_one(&billing).await;
    scene.messaging.faults().at("ChangeMessageVisibilityBatch", 1, Fault::EntryLeftOut);
    let unknown = scene.queues.release(&billing, &held.receipt, Duration::ZERO).await;
    assert!(unknown.is_err_and(|error| error.is_transient()));
    assert!(is_lost(&scene.queues.release(&billing, &held.receipt, Duration::ZERO).await));
}

#[tokio::test]
async fn a_receive_waits_no_longer_than_it_is_told() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    for (wait, asked) in [(SECOND / 3, 0), (SECOND, 1), (2 * SECOND - MILLISECOND, 1)] {
        let poll = ReceiveOptions::up_to(1).wait(wait).visibility_timeout(3 * SECOND);
        scene.queues.receive(&billing, poll).await.expect("a queue");
        let request = scene.messaging.requests().pop().expect("a request");
        assert_eq!(request.body["WaitTimeSeconds"], asked, "{wait:?}");
    }
}

#[tokio::test]
async fn an_acknowledgement_whose_answer_is_lost_counts() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    let held = scene.receive_one(&billing).await;
    scene.messaging.faults().at("DeleteMessageBatch", 1, Fault::LostAnswer);
    scene.queues.acknowledge(&billing, &held.receipt).await.expect("the SDK asks again");
    scene.clock.advance(TIMEOUT);
    assert_eq!(scene.bodies(&billing).await, [""; 0]);
}

#[tokio::test]
async fn a_late_acknowledgement_is_refused_by_a_fifo_queue() {
    let scene = Scene::of_the_shop().await;
    let stock = queue("stock.fifo");
    scene.send(&stock, "x").await;
    let held = scene.receive_one(&stock).await;
    scene.clock.advance(TIMEOUT);
    assert!(is_lost(&scene.queues.acknowledge(&stock, &held.receipt).await));
    assert_eq!(scene.bodies(&stock).await, ["x"]);
}

#[tokio::test]
async fn receipts_of_another_program_are_sqs_s_to_judge() {
    let scene = Scene::of_the_shop().await;
    let (billing, stock) = (queue("billing"), queue("stock.fifo"));
    let other = scene.another_program();
    for queue in [&billing, &stock] {
        scene.send(queue, "x").await;
        let held = scene.receive_one(queue).await;
        other.extend(queue, &held.receipt, TIMEOUT).await.expect("it is held");
        scene.clock.advance(TIMEOUT);
        let expired = other.extend(queue, &held.receipt, TIMEOUT).await;
        assert!(is_lost(&expired), "{expired:?}");
        let too_long = other.extend(queue, &held.receipt, 1_000 * TIMEOUT * 2).await;
        assert!(matches!(too_long, Err(Error::HeldTooLong { .. })), "{too_long:?}");
        let made_up = ReceiptHandle::from_stored("made up");
        assert!(is_lost(&other.acknowledge(queue, &made_up).await));
    }
}

#[tokio::test]
async fn a_hold_of_twelve_hours_is_refused_by_sqs_too() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    let held = scene.receive_one(&billing).await;
    scene.clock.advance(SECOND);
    // For who does not know when it was received.
    let other = scene.another_program();
    let too_long = other.extend(&billing, &held.receipt, Duration::from_secs(12 * 60 * 60)).await;
    assert!(matches!(too_long, Err(Error::HeldTooLong { .. })), "{too_long:?}");
}

#[tokio::test]
async fn a_receive_of_a_fifo_queue_whose_answer_is_lost_is_repeated() {
    let scene = Scene::of_the_shop().await;
    let stock = queue("stock.fifo");
    scene.send(&stock, "x").await;
    scene.messaging.faults().at("ReceiveMessage", 1, Fault::LostAnswer);
    let held = scene.receive_one(&stock).await;
    assert_eq!((&*held.body, held.receive_count), ("x", 1));
    scene.queues.acknowledge(&stock, &held.receipt).await.expect("it is held");
}
