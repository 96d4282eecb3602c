//! Records that are away, or slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use es_core::testing::VirtualClock;
use es_core::{Begun, Claim, Clock as _, IdempotencyStore, IdempotentRequest, Result, Settled};

use crate::kit::{Clerk, Desk, Does, HOUR, MINUTE, SECOND};
use crate::watched::{Request, unavailable};

const KEEP: Duration = HOUR;

/// Records that are away when a test says so, and take their time to complete.
#[derive(Debug)]
struct Records {
    inner: Arc<dyn IdempotencyStore>,
    clock: Arc<VirtualClock>,
    away: AtomicBool,
    completes_in: Duration,
}

impl Records {
    fn of(desk: &Desk) -> Self {
        let (inner, clock) = (desk.records.clone(), desk.clock.clone());
        Self { inner, clock, away: AtomicBool::new(false), completes_in: Duration::ZERO }
    }

    fn go_away(&self) {
        self.away.store(true, Ordering::SeqCst);
    }

    fn come_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }
}

#[async_trait]
impl IdempotencyStore for Records {
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> Result<Begun> {
        if self.away.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        self.inner.begin(request, hold).await
    }

    async fn complete(&self, claim: &Claim, result: Bytes, keep: Duration) -> Result<Settled> {
        if !self.completes_in.is_zero() {
            self.clock.sleep(self.completes_in).await;
        }
        self.inner.complete(claim, result, keep).await
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        self.inner.abandon(claim).await
    }
}

#[tokio::test]
async fn an_outage_of_the_records_costs_no_attempts_whoever_receives() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::FailsUntil(2));
    let records = Arc::new(Records::of(&desk));
    records.go_away();
    desk.send_all(0..5).await;
    let consumer =
        || desk.consumer(clerk.clone()).idempotent(records.clone(), KEEP).max_attempts(2);
    let (one, two) = (consumer(), consumer());

    let outage = desk.during(&two, async {
        desk.pass_by(20 * MINUTE, SECOND).await;
        let receives = desk.queues.count(Request::Receive);
        let began = clerk.began().len();
        records.come_back();
        desk.pass_by(2 * MINUTE, SECOND).await;
        (receives, began)
    });
    let (ran_one, (ran_two, (receives, began))) = desk.during(&one, outage).await;

    ran_one.unwrap();
    ran_two.unwrap();
    assert_eq!(began, 0);
    assert!(receives < 150, "{receives} receives of five messages");
    assert_eq!((clerk.done().len(), desk.buried().await), (5, 0));
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn what_waits_for_the_records_is_given_back_at_a_shutdown() {
    let desk = Desk::new().await;
    let records = Arc::new(Records::of(&desk));
    records.go_away();
    desk.send("0").await;
    let consumer = desk.consumer(Clerk::new()).idempotent(records, KEEP);

    let (ran, in_flight) = desk
        .during(&consumer, async {
            desk.pass(MINUTE).await;
            desk.counts().await.in_flight
        })
        .await;

    ran.unwrap();
    assert_eq!((in_flight, desk.counts().await.visible), (1, 1));
}

#[tokio::test]
async fn an_effect_is_recorded_though_the_time_of_its_handler_is_over_meanwhile() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk).told("0", Does::Takes(10 * SECOND));
    let records = Arc::new(Records { completes_in: 2 * SECOND, ..Records::of(&desk) });
    desk.send("0").await;
    let consumer = desk
        .consumer(clerk.clone())
        .idempotent(records, KEEP)
        .handler_timeout(11 * SECOND)
        .max_attempts(1);

    let (ran, ()) = desk.during(&consumer, desk.pass(MINUTE)).await;

    ran.unwrap();
    let worked = consumer.health().await.unwrap().worked;
    assert_eq!((worked.done, worked.retried, desk.buried().await), (1, 0, 0));
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn an_effect_is_recorded_though_the_consumer_stops_meanwhile() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk).told("0", Does::Takes(3 * SECOND));
    let records = Arc::new(Records { completes_in: 2 * SECOND, ..Records::of(&desk) });
    desk.send("0").await;
    let consumer = desk.consumer(clerk).idempotent(records, KEEP).drain(4 * SECOND);

    let (ran, ()) = desk.during(&consumer, async {}).await;

    ran.unwrap();
    assert_eq!(consumer.health().await.unwrap().worked.done, 1);
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn an_effect_is_recorded_by_whoever_settles_for_somebody_else() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk).told("0", Does::Takes(3 * SECOND));
    let records = Arc::new(Records { completes_in: 2 * SECOND, ..Records::of(&desk) });
    desk.send("0").await;
    let consumer = desk.consumer(clerk).idempotent(records, KEEP).handler_timeout(4 * SECOND);
    let message = desk.received_by_another().await.remove(0);

    let (verdict, ()) = futures::join!(consumer.settle(&message), desk.pass(10 * SECOND));

    assert!(verdict.is_done(), "{verdict:?}");
}

#[tokio::test]
async fn a_head_of_a_group_that_comes_again_while_it_is_recorded_does_not_block_the_group() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::at(&desk).told("a0", Does::Takes(10 * SECOND));
    let records = Arc::new(Records { completes_in: 15 * SECOND, ..Records::of(&desk) });
    for body in ["a0", "a1", "a2"] {
        desk.send_in("a", body).await;
    }
    let consumer =
        desk.consumer(clerk.clone()).idempotent(records, KEEP).handler_timeout(15 * SECOND);

    let (ran, ()) = desk
        .during(&consumer, async {
            // It is brought by the next receive, after 20 seconds; the record is there after 25.
            desk.pass(16 * SECOND).await;
            desk.queues.deliver_again();
            desk.pass_by(10 * MINUTE, SECOND).await;
        })
        .await;

    ran.unwrap();
    assert_eq!(clerk.done(), ["a0", "a1", "a2"]);
    assert!(desk.is_empty().await);
}

/// Records by whose clock a claim is long over when it is refused.
#[derive(Debug)]
struct Fast;

#[async_trait]
impl IdempotencyStore for Fast {
    async fn begin(&self, _: &IdempotentRequest, _: Duration) -> Result<Begun> {
        Ok(Begun::InProgress { until: "2020-01-01T00:00:00Z".parse().unwrap() })
    }

    async fn complete(&self, _: &Claim, _: Bytes, _: Duration) -> Result<Settled> {
        Ok(Settled::Lost)
    }

    async fn abandon(&self, _: &Claim) -> Result<Settled> {
        Ok(Settled::Lost)
    }
}

#[tokio::test]
async fn records_whose_clock_goes_wrong_make_no_busy_loop() {
    let desk = Desk::new().await;
    desk.send("0").await;
    let at_once = es_core::Backoff { base: Duration::ZERO, max: Duration::ZERO };
    let consumer = desk.consumer(Clerk::new()).backoff(at_once).idempotent(Arc::new(Fast), KEEP);

    let (ran, ()) = desk.during(&consumer, desk.pass(MINUTE)).await;

    ran.unwrap();
    let receives = desk.queues.count(Request::Receive);
    assert!(receives < 150, "{receives} receives in a minute");
}
