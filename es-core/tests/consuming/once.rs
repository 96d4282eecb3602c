//! Messages that come more than once, and have their effect once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use es_core::testing::faults::crash_at_every_await;
use es_core::{
    Begun, Claim, IdempotencyStore, IdempotentRequest, MessageQueue as _, NewMessage, Result,
    Settled,
};

use crate::kit::{Clerk, Desk, Does, HOUR, MINUTE, SECOND};
use crate::watched::{Request, unavailable};

const KEEP: std::time::Duration = HOUR;

/// The same CloudEvent, however often it is sent.
fn event(data: u32) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"e-1","source":"/shop","type":"Order:Placed","data":{data}}}"#
    )
}

#[tokio::test]
async fn what_was_handled_is_acknowledged_as_a_duplicate() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    let consumer = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), KEEP);
    for _ in 0..3 {
        desk.send(&event(1)).await;
        consumer.work_off().await.unwrap();
    }
    let worked = consumer.health().await.unwrap().worked;
    assert_eq!((worked.done, worked.duplicates), (1, 2));
    assert_eq!(clerk.began().len(), 1);
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn duplicates_at_the_same_time_have_one_effect() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk).told(&event(1), Does::Takes(3 * SECOND));
    for _ in 0..5 {
        desk.send(&event(1)).await;
    }
    let one = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), KEEP).concurrency(2);
    let two = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), KEEP).concurrency(3);

    let both = desk.during(&two, desk.pass_by(15 * MINUTE, SECOND));
    let (ran_one, (ran_two, ())) = desk.during(&one, both).await;

    ran_one.unwrap();
    ran_two.unwrap();
    assert_eq!(clerk.done().len(), 1);
    assert!(desk.is_empty().await);
    assert_eq!(desk.buried().await, 0);
}

#[tokio::test]
async fn a_lost_acknowledgement_and_a_second_delivery_have_one_effect() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    desk.send("0").await;
    desk.queues.down(Request::Acknowledge);
    let first = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), KEEP);
    let (ran, ()) = desk.during(&first, desk.pass(10 * SECOND)).await;
    ran.unwrap();
    assert_eq!(desk.counts().await.in_flight, 1, "nobody heard the acknowledgement");

    desk.queues.up();
    desk.clock.advance(MINUTE);
    let restarted = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), KEEP);
    let worked = restarted.work_off().await.unwrap();

    assert_eq!((clerk.began().len(), worked.duplicates), (1, 1));
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn while_another_receiver_is_at_work_a_message_waits_and_loses_no_attempt() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told(&event(1), Does::FailsUntil(2));
    let consumer =
        desk.consumer(clerk.clone()).idempotent(desk.records.clone(), KEEP).max_attempts(3);
    // Another one has begun it, and dies.
    desk.send(&event(1)).await;
    let received = desk.received_by_another().await;
    let incoming = es_core::Incoming::of(&received[0]).unwrap();
    let (id, body) = (incoming[0].id(), incoming[0].body().as_bytes());
    let request = IdempotentRequest::new("clerk", id, body).unwrap();
    let begun = desk.records.begin(&request, 6 * MINUTE).await.unwrap();
    assert!(matches!(begun, Begun::Started(_)));

    let (ran, before) = desk
        .during(&consumer, async {
            desk.pass_by(5 * MINUTE, SECOND).await;
            let before = clerk.began().len();
            desk.pass_by(5 * MINUTE, SECOND).await;
            before
        })
        .await;

    ran.unwrap();
    assert_eq!(before, 0);
    assert_eq!(clerk.done().len(), 1, "the wait was no attempt");
    assert_eq!(desk.buried().await, 0);
}

#[tokio::test]
async fn an_id_with_another_content_is_a_dead_letter() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    let consumer = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), KEEP);
    desk.send(&event(1)).await;
    consumer.work_off().await.unwrap();
    desk.send(&event(2)).await;
    let worked = consumer.work_off().await.unwrap();
    assert_eq!((worked.dead_lettered, clerk.began().len()), (1, 1));
}

#[tokio::test]
async fn what_failed_can_be_begun_again_at_once() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::FailsUntil(3));
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), KEEP);

    let (ran, ()) = desk.during(&consumer, desk.pass(30 * SECOND)).await;

    ran.unwrap();
    assert_eq!((clerk.began().len(), clerk.done().len()), (3, 1));
}

#[tokio::test]
async fn a_claim_outlasts_the_handler_that_has_it() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs);
    desk.send("0").await;
    let consumer = desk
        .consumer(clerk.clone())
        .idempotent(desk.records.clone(), KEEP)
        .handler_timeout(10 * SECOND)
        .max_attempts(3);

    let (ran, (cancelled, again)) = desk
        .during(&consumer, async {
            desk.pass(11 * SECOND).await;
            let cancelled = clerk.dropped().len();
            // The claim is still held: what the handler had begun may still be on its way.
            desk.pass(8 * SECOND).await;
            (cancelled, clerk.began().len())
        })
        .await;

    ran.unwrap();
    assert_eq!((cancelled, again), (1, 1));
}

/// Records of which the next completions fail.
#[derive(Debug)]
struct Forgetful(Arc<dyn IdempotencyStore>);

#[async_trait]
impl IdempotencyStore for Forgetful {
    async fn begin(&self, request: &IdempotentRequest, hold: std::time::Duration) -> Result<Begun> {
        self.0.begin(request, hold).await
    }

    async fn complete(&self, _: &Claim, _: Bytes, _: std::time::Duration) -> Result<Settled> {
        Err(unavailable())
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        self.0.abandon(claim).await
    }
}

#[tokio::test]
async fn an_effect_that_cannot_be_recorded_is_acknowledged_rather_than_repeated() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    desk.send("0").await;
    let records = Arc::new(Forgetful(desk.records.clone()));
    let consumer = desk.consumer(clerk.clone()).idempotent(records, KEEP);

    let (ran, ()) = desk.during(&consumer, desk.pass(30 * SECOND)).await;

    ran.unwrap();
    assert_eq!(clerk.began().len(), 1);
    assert!(desk.is_empty().await);
}

/// Records that are not there.
#[derive(Debug)]
struct Away;

#[async_trait]
impl IdempotencyStore for Away {
    async fn begin(&self, _: &IdempotentRequest, _: std::time::Duration) -> Result<Begun> {
        Err(unavailable())
    }

    async fn complete(&self, _: &Claim, _: Bytes, _: std::time::Duration) -> Result<Settled> {
        Err(unavailable())
    }

    async fn abandon(&self, _: &Claim) -> Result<Settled> {
        Err(unavailable())
    }
}

#[tokio::test]
async fn without_records_nothing_is_handled_and_no_attempt_is_lost() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone()).idempotent(Arc::new(Away), KEEP).max_attempts(1);

    let (ran, ()) = desk.during(&consumer, desk.pass(MINUTE)).await;

    ran.unwrap();
    assert!(clerk.began().is_empty());
    assert_eq!(desk.buried().await, 0);
    let receives = desk.queues.count(Request::Receive);
    assert!(receives < 120, "{receives} receives in a minute: that is a busy loop");
}

/// Records whose requests wait on their way there and on their way back.
#[derive(Debug)]
struct Distant {
    inner: Arc<dyn IdempotencyStore>,
    /// How many records were asked for, and how many are there.
    completions: AtomicUsize,
    completed: AtomicUsize,
}

impl Distant {
    fn of(desk: &Desk) -> Arc<Self> {
        let (completions, completed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { inner: desk.records.clone(), completions, completed })
    }

    /// Whether an effect has no record.
    fn lacks_a_record(&self) -> bool {
        self.completions.load(Ordering::SeqCst) > self.completed.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl IdempotencyStore for Distant {
    async fn begin(&self, request: &IdempotentRequest, hold: std::time::Duration) -> Result<Begun> {
        tokio::task::yield_now().await;
        let begun = self.inner.begin(request, hold).await;
        tokio::task::yield_now().await;
        begun
    }

    async fn complete(
        &self,
        claim: &Claim,
        result: Bytes,
        keep: std::time::Duration,
    ) -> Result<Settled> {
        self.completions.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let settled = self.inner.complete(claim, result, keep).await;
        self.completed.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        settled
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        self.inner.abandon(claim).await
    }
}

#[tokio::test]
async fn a_crash_at_any_await_leaves_one_effect_unless_it_is_between_effect_and_record() {
    let fresh = async || {
        let desk = Desk::suspending().await;
        desk.queues.inner.send(&desk.orders, NewMessage::new("0")).await.unwrap();
        let records = Distant::of(&desk);
        (desk, Clerk::new(), records)
    };
    let scenario = async |(desk, clerk, records): &(Desk, Arc<Clerk>, Arc<Distant>)| {
        let consumer = desk.consumer(clerk.clone()).idempotent(records.clone(), KEEP);
        consumer.work_off().await.unwrap();
    };
    let in_the_window = AtomicUsize::new(0);
    let crashes = crash_at_every_await(fresh, scenario, async |(desk, clerk, records)| {
        let effects = 1 + usize::from(records.lacks_a_record());
        in_the_window.fetch_add(effects - 1, Ordering::SeqCst);
        // A second delivery long after.
        for _ in 0..3 {
            desk.clock.advance(7 * MINUTE);
            let consumer = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), KEEP);
            consumer.work_off().await.unwrap();
        }
        assert_eq!(clerk.done().len(), effects);
        assert_eq!(desk.queues.inner.counts(&desk.orders).await.unwrap().in_flight, 0);
    });
    assert!(crashes.await > 7);
    assert_eq!(in_the_window.into_inner(), 1, "the one window that the documentation names");
}
