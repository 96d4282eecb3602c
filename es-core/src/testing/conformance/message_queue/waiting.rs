//! Long polls.

use std::future::Future;
use std::pin::pin;

use futures::future::join_all;
use tokio::time::timeout;

use super::super::concurrently::{beside, finished};
use super::*;

const WAIT: Duration = ReceiveOptions::MAX_WAIT;

/// How long, on the machine's clock, a receiver may leave a rule without an answer before the virtual
/// clock goes on by a second. It only bounds how long a broken queue is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// A receiver that waits as long as one can.
async fn wait_for_one(q: QueuesAndClock, queue: QueueName) -> Vec<ReceivedMessage> {
    q.receive_with(&queue, ReceiveOptions::up_to(1).wait(WAIT)).await
}

/// Returns when more than `sleeps` sleeps have been begun on the clock.
async fn asleep(q: &QueuesAndClock, sleeps: usize) {
    while q.clock.slept().len() <= sleeps {
        tokio::task::yield_now().await;
    }
}

/// Waits for an answer, and lets as much time pass as the receiver sleeps.
async fn answer_after_its_sleep<T>(q: &QueuesAndClock, receiver: impl Future<Output = T>) -> T {
    let mut receiver = pin!(receiver);
    loop {
        let before = q.clock.slept().len();
        tokio::select! {
            biased;
            answer = &mut receiver => return answer,
            () = asleep(q, before) => {}
        }
        for sleep in &q.clock.slept()[before..] {
            q.advance(*sleep);
        }
    }
}

/// Waits for an answer that must come without the wait running out.
pub(super) async fn answer_in_time<T>(q: &QueuesAndClock, receiver: impl Future<Output = T>) -> T {
    let started = q.now();
    let mut receiver = pin!(receiver);
    loop {
        if let Ok(answer) = timeout(PATIENCE, &mut receiver).await {
            return answer;
        }
        q.advance(SECOND);
        let waited = q.now().duration_since(started).unsigned_abs();
        assert!(waited < WAIT, "a receiver goes on waiting though there is a message for it");
    }
}

/// Starts to receive from `queue`, does `work` when the receiver waits, and expects it to be answered
/// then.
pub(super) async fn receive_beside<T>(
    q: &QueuesAndClock,
    queue: &QueueName,
    work: impl Future<Output = T>,
) -> Vec<ReceivedMessage> {
    let before = q.clock.slept().len();
    let mut receiver = pin!(wait_for_one(q.clone(), queue.clone()));
    tokio::select! {
        biased;
        answer = &mut receiver => panic!("a receiver does not wait, but has {answer:?}"),
        () = asleep(q, before) => {}
    }
    work.await;
    answer_in_time(q, receiver).await
}

pub(super) async fn a_receive_waits_as_long_as_asked(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    for wait in [Duration::ZERO, SECOND, WAIT] {
        let started = q.now();
        let options = ReceiveOptions::up_to(1).wait(wait);
        let received = answer_after_its_sleep(&q, q.receive_with(&queue, options)).await;
        assert_eq!(bodies(&received), [""; 0]);
        let waited = q.now().duration_since(started).unsigned_abs();
        assert!(waited >= wait, "a wait of {wait:?} ended after {waited:?}");
    }
}

pub(super) async fn a_wait_is_ended_by_a_send(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    let received = receive_beside(&q, &queue, q.send_bodies(&queue, &["x"])).await;
    assert_eq!(bodies(&received), ["x"]);
    q.acknowledge(&queue, &received[0]).await;
    for round in 0..30 {
        let receiver = beside(wait_for_one(q.clone(), queue.clone()));
        // The send comes before, while and after the wait begins: no order may lose it.
        for _ in 0..round % 10 {
            tokio::task::yield_now().await;
        }
        q.send_bodies(&queue, &["x"]).await;
        let received = answer_in_time(&q, finished(receiver)).await;
        assert_eq!(bodies(&received), ["x"]);
        q.acknowledge(&queue, &received[0]).await;
    }
}

pub(super) async fn a_wait_is_ended_by_a_release(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    let options = ReceiveOptions::up_to(1).visibility_timeout(HOUR);
    let held = q.receive_with(&queue, options).await.remove(0);
    let release = q.release(&queue, &held, Duration::ZERO);
    let received = receive_beside(&q, &queue, release).await;
    assert_eq!(bodies(&received), ["x"]);
}

pub(super) async fn a_wait_is_ended_when_a_message_becomes_visible(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send(&queue, NewMessage::new("x").delay(5 * SECOND)).await;
    let mut expected = q.now() + 5 * SECOND;
    for case in ["after its delay", "when its timeout is over"] {
        let receiver = wait_for_one(q.clone(), queue.clone());
        let received = answer_after_its_sleep(&q, receiver).await;
        assert_eq!(bodies(&received), ["x"], "{case}");
        let late = q.now().duration_since(expected).unsigned_abs();
        assert!(late <= SECOND, "{case}: {late:?} late");
        q.extend(&queue, &received[0], 5 * SECOND).await;
        expected = q.now() + 5 * SECOND;
    }
}

pub(super) async fn every_waiting_receiver_is_served(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    let before = q.clock.slept().len();
    let receivers = (0..6).map(|_| wait_for_one(q.clone(), queue.clone()));
    let mut receivers = pin!(join_all(receivers));
    tokio::select! {
        biased;
        answers = &mut receivers => panic!("receivers do not wait, but have {answers:?}"),
        () = asleep(&q, before + 5) => {}
    }
    q.send_bodies(&queue, &["0", "1", "2", "3", "4", "5"]).await;
    let served = answer_in_time(&q, receivers).await.concat();
    assert_eq!(sorted_bodies(&served), ["0", "1", "2", "3", "4", "5"]);
}
