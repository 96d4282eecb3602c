//! Messages of FIFO queues.

use es_core::QueueConsumer;

use crate::kit::{Clerk, Desk, Does, MINUTE, SECOND};
use crate::watched::{Mishap, Request};

#[tokio::test]
async fn a_group_is_handled_one_after_the_other_and_groups_side_by_side() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::at(&desk);
    for group in ["a", "b", "c"] {
        for number in 0..3 {
            let body = format!("{group}{number}");
            clerk.tell(&body, Does::Takes(SECOND));
            desk.send_in(group, &body).await;
        }
    }
    let consumer = desk.consumer(clerk.clone()).concurrency(9);

    let (ran, after_half_a_second) = desk
        .during(&consumer, async {
            desk.pass(SECOND / 2).await;
            let began = clerk.began();
            desk.pass(10 * SECOND).await;
            began
        })
        .await;

    ran.unwrap();
    assert_eq!(after_half_a_second, ["a0", "b0", "c0"]);
    let done = clerk.done();
    for group in ["a", "b", "c"] {
        let of_group: Vec<_> = done.iter().filter(|body| body.starts_with(group)).collect();
        assert_eq!(of_group, [&format!("{group}0"), &format!("{group}1"), &format!("{group}2")]);
    }
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn behind_one_that_fails_the_later_ones_of_its_group_wait() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::new().told("a0", Does::FailsUntil(3));
    for body in ["a0", "a1", "a2"] {
        desk.send_in("a", body).await;
    }
    desk.send_in("b", "b0").await;
    let consumer = desk.consumer(clerk.clone()).max_attempts(5);

    let (ran, ()) = desk.during(&consumer, desk.pass(MINUTE)).await;

    ran.unwrap();
    let done = clerk.done();
    let of_a: Vec<_> = done.iter().filter(|body| body.starts_with('a')).collect();
    assert_eq!(done[0], "b0");
    assert_eq!(of_a, ["a0", "a1", "a2"]);
    assert_eq!(clerk.began().iter().filter(|body| *body == "a1").count(), 1);
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn what_fails_under_consumers_that_do_not_live_long_is_given_up_in_the_end() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::new().told("a0", Does::Fails);
    desk.send_in("a", "a0").await;
    desk.send_in("a", "a1").await;
    let limit = QueueConsumer::GIVEN_UP_IN_GROUPS_AFTER;
    for job in 1..=limit {
        let worked = desk.consumer(clerk.clone()).max_attempts(3).work_off().await.unwrap();
        assert_eq!(worked.dead_lettered, u64::from(job == limit), "job {job}");
        desk.clock.advance(11 * SECOND);
    }
    assert_eq!((clerk.done(), desk.buried().await), (vec!["a1".to_owned()], 1));
}

#[tokio::test]
async fn those_that_waited_have_all_their_attempts() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::new().told("a0", Does::Fails).told("a1", Does::FailsUntil(3));
    desk.send_in("a", "a0").await;
    desk.send_in("a", "a1").await;
    let consumer = desk.consumer(clerk.clone()).max_attempts(3);

    let (ran, ()) = desk.during(&consumer, desk.pass(2 * MINUTE)).await;

    ran.unwrap();
    // It was received five times, of which three were attempts.
    assert_eq!(clerk.began(), ["a0", "a0", "a0", "a1", "a1", "a1"]);
    assert_eq!(clerk.done(), ["a1"]);
    assert_eq!(desk.buried().await, 1);
}

#[tokio::test]
async fn behind_a_dead_letter_the_group_goes_on_once_it_is_buried() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::new().told("a0", Does::FailsForGood);
    desk.send_in("a", "a0").await;
    desk.send_in("a", "a1").await;
    desk.queues.down(Request::Send);
    let consumer = desk.consumer(clerk.clone());

    let (ran, before) = desk
        .during(&consumer, async {
            desk.pass(10 * SECOND).await;
            let before = clerk.done();
            desk.queues.up();
            desk.pass(10 * SECOND).await;
            before
        })
        .await;

    ran.unwrap();
    assert!(before.is_empty());
    assert_eq!((clerk.done(), desk.buried().await), (vec!["a1".to_owned()], 1));
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn behind_a_lost_receipt_nothing_of_the_group_is_handled() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::new().told("a0", Does::Hangs);
    for body in ["a0", "a1", "a2"] {
        desk.send_in("a", body).await;
    }
    let consumer = desk.consumer(clerk.clone());

    let (ran, (before, dropped, given_back)) = desk
        .during(&consumer, async {
            desk.queues.take_away(&desk.orders, "a0").await;
            desk.pass(29 * SECOND).await;
            let before = clerk.began();
            desk.pass(2 * SECOND).await;
            (before, clerk.dropped(), consumer.health().await.unwrap().worked.given_back)
        })
        .await;

    ran.unwrap();
    assert_eq!((before, dropped), (vec!["a0".to_owned()], vec!["a0".to_owned()]));
    // Who has the first has the say over the others: they went back to the queue, and came from there.
    assert_eq!(given_back, 3);
    assert_eq!(clerk.done(), ["a1", "a2"]);
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn the_order_of_a_group_survives_lost_answers_and_failures() {
    for seed in 0..30_usize {
        let desk = Desk::fifo().await;
        let clerk = Clerk::new();
        for number in 0..12 {
            let group = ["a", "b"][number % 2];
            let body = format!("{group}{number:02}");
            if (number + seed).is_multiple_of(3) {
                clerk.tell(&body, Does::FailsUntil(2));
            }
            desk.send_in(group, &body).await;
        }
        let requests = [Request::Acknowledge, Request::Release, Request::Receive, Request::Extend];
        for n in 0..6 {
            let mishap = [Mishap::Lost, Mishap::AnswerLost][(seed / 3 + n) % 2];
            desk.queues.next(requests[(seed * 7 + n) % requests.len()], mishap);
        }
        let consumer = desk.consumer(clerk.clone()).max_attempts(4);

        let (ran, ()) = desk.during(&consumer, desk.pass_by(5 * MINUTE, SECOND)).await;

        ran.unwrap();
        assert!(desk.is_empty().await, "seed {seed}");
        for group in ["a", "b"] {
            let mut done = clerk.done();
            done.retain(|body| body.starts_with(group));
            // A message whose answer was lost may be handled again, and never before an earlier one.
            done.dedup();
            let mut sorted = done.clone();
            sorted.sort();
            assert_eq!((&done, done.len()), (&sorted, 6), "seed {seed}");
        }
    }
}
