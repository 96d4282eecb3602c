//! What records are for: effects that are caused once, by [`Idempotent`].

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::idempotent::{Idempotent, Once, OnceError};
use crate::testing::faults::{Crashed, Faults, FaultyIdempotencyStore, crash_at};

/// Something that must be done once, and how often it was.
#[derive(Clone)]
struct Effects {
    done: Arc<AtomicU32>,
    idempotent: Idempotent,
    clock: Arc<VirtualClock>,
}

impl Effects {
    fn on(r: &RecordsAndClock) -> Self {
        let idempotent = Idempotent::new(r.records.clone(), HOLD, KEEP).with_clock(r.clock.clone());
        Self { done: Arc::default(), idempotent, clock: r.clock.clone() }
    }

    fn done(&self) -> u32 {
        self.done.load(Ordering::SeqCst)
    }

    /// Causes the effect, which takes this time, with this result.
    async fn once(&self, request: &IdempotentRequest, takes: Duration, result: &str) -> Once {
        let effect = || async {
            self.clock.advance(takes);
            self.done.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Infallible>(bytes(result))
        };
        let outcome = self.idempotent.once(request, effect).await;
        outcome.unwrap_or_else(|error| panic!("{request:?} failed: {error}"))
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(super) async fn a_request_that_comes_again_has_its_effect_once(r: RecordsAndClock) {
    let effects = Effects::on(&r);
    assert_eq!(effects.once(&request("k"), HOLD / 2, "first").await, Once::Done(bytes("first")));
    for _ in 0..3 {
        let again = effects.once(&request("k"), HOLD / 2, "again").await;
        assert_eq!(again, Once::Before(bytes("first")), "what a repetition gets");
        r.clock.advance(HOLD);
    }
    assert_eq!(effects.done(), 1, "how often the effect was caused");
    effects.once(&request("another"), HOLD / 2, "another").await.result();
    assert_eq!(effects.done(), 2, "of two requests");
}

pub(super) async fn of_requests_that_come_at_once_one_has_its_effect(r: RecordsAndClock) {
    for round in 0..10 {
        let (effects, request) = (Effects::on(&r), request(&round.to_string()));
        let outcomes = concurrently((0..8).map(|n: u32| {
            let (effects, request) = (effects.clone(), request.clone());
            async move { (n, effects.once(&request, Duration::ZERO, &n.to_string()).await) }
        }))
        .await;
        assert_eq!(effects.done(), 1, "how often the effect was caused, of 8 at once");
        let owners: Vec<_> =
            outcomes.iter().filter(|(_, outcome)| matches!(outcome, Once::Done(_))).collect();
        let [(owner, _)] = owners[..] else { panic!("{} of 8 caused it", owners.len()) };
        for result in outcomes.iter().filter_map(|(_, outcome)| outcome.result()) {
            assert_eq!(result, &bytes(&owner.to_string()), "the result that the others get");
        }
    }
}

pub(super) async fn an_effect_that_was_overtaken_gives_out_no_result(r: RecordsAndClock) {
    let (effects, request) = (Effects::on(&r), request("k"));
    let slow = effects.idempotent.once(&request, || async {
        r.clock.advance(HOLD);
        let taken_over = effects.once(&request, HOLD / 2, "of the new owner").await;
        assert_eq!(taken_over, Once::Done(bytes("of the new owner")));
        Ok::<_, Infallible>(bytes("of the slow one"))
    });
    let slow = slow.await.unwrap_or_else(|error| panic!("{request:?} failed: {error}"));
    assert_eq!(slow, Once::Overtaken, "what the slow one gets");
    let again = effects.once(&request, HOLD / 2, "again").await;
    assert_eq!(again, Once::Before(bytes("of the new owner")), "the result that counts");
}

pub(super) async fn an_effect_that_took_too_long_counts_if_nobody_took_over(r: RecordsAndClock) {
    let (effects, request) = (Effects::on(&r), request("k"));
    assert_eq!(effects.once(&request, 2 * HOLD, "slow").await, Once::Done(bytes("slow")));
    assert_eq!(effects.once(&request, HOLD, "again").await, Once::Before(bytes("slow")));
    assert_eq!(effects.done(), 1, "how often the effect was caused");
}

pub(super) async fn an_effect_that_failed_can_be_caused_again_at_once(r: RecordsAndClock) {
    let (effects, request) = (Effects::on(&r), request("k"));
    for _ in 0..2 {
        let outcome = effects.idempotent.once(&request, || async { Err("out of paper") }).await;
        assert!(matches!(outcome, Err(OnceError::Failed("out of paper"))), "{outcome:?}");
    }
    assert_eq!(effects.once(&request, HOLD / 2, "done").await, Once::Done(bytes("done")));
}

pub(super) async fn another_payload_has_no_effect(r: RecordsAndClock) {
    let effects = Effects::on(&r);
    let five = request_for("payments", "order-17", "5");
    effects.once(&five, HOLD / 2, "paid").await.result();
    let six = request_for("payments", "order-17", "6");
    let outcome = effects.idempotent.once(&six, || async { Err::<Bytes, _>("caused") }).await;
    match outcome {
        Err(error @ OnceError::Mismatch { .. }) => {
            let told = format!("{error} {error:?} {six:?}");
            assert!(told.contains("payments"), "where the key was used: {told}");
            assert!(!told.contains("order-17"), "keys may be personal: {told}");
        }
        outcome => panic!("another payload under a used key: {outcome:?}"),
    }
}

pub(super) async fn an_effect_is_repeated_only_when_the_crash_came_before_its_record(
    r: RecordsAndClock,
) {
    for suspension in 1.. {
        let (effects, request) = (Effects::on(&r), request(&suspension.to_string()));
        // Every request waits on its way there and back.
        let slow = FaultyIdempotencyStore::new(r.records.clone(), Faults::none().suspending());
        let idempotent = Idempotent::new(Arc::new(slow), HOLD, KEEP).with_clock(r.clock.clone());
        let crashing = Effects { idempotent, ..effects.clone() };
        let crash = crash_at(suspension, crashing.once(&request, Duration::ZERO, "first")).await;
        let caused = effects.done();
        r.clock.advance(2 * HOLD);
        let case = format!("after a crash at suspension {suspension}");
        let outcome = effects.once(&request, HOLD / 2, "second").await;
        let repeated = effects.done() - caused;
        match outcome {
            Once::Before(result) => {
                assert_eq!((caused, repeated), (1, 0), "{case}: effects before and after");
                assert_eq!(result, bytes("first"), "{case}: the result that was recorded");
            }
            Once::Done(_) => assert_eq!(repeated, 1, "{case}: effects of who caused it"),
            outcome => panic!("{case}: {outcome:?}"),
        }
        let again = effects.once(&request, HOLD / 2, "third").await;
        assert!(matches!(again, Once::Before(_)), "{case}: {again:?}");
        match crash {
            Err(Crashed { .. }) => {}
            Ok(_) => {
                assert_eq!(repeated, 0, "a request that was completed had its effect again");
                return;
            }
        }
    }
}
