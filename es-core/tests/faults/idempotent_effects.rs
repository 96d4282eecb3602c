//! Effects behind records of what was done, while requests are lost and late, time runs out and
//! processes die. The oracle counts: of the effects of one request one is the first, and each further
//! one follows an owner that was cut off between its effect and the record of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use es_core::memory::MemoryIdempotency;
use es_core::testing::faults::{
    Call, Fault, Faults, FaultyIdempotencyStore, crash_at, crash_at_every_await,
};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{Idempotent, IdempotentRequest, Once, OnceError};
use futures::future::join_all;

const HOLD: Duration = Duration::from_secs(60);
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

struct Scene {
    clock: Arc<VirtualClock>,
    faults: Faults,
    idempotent: Idempotent,
    requests: RefCell<BTreeMap<u64, Traces>>,
}

/// What one request has left behind.
#[derive(Default)]
struct Traces {
    effects: usize,
    /// How often somebody who had caused the effect does not know that it is recorded.
    cut_off: usize,
    results: Vec<Bytes>,
}

impl Scene {
    fn new(seed: u64, faults: Faults) -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let faults = faults.with_clock(clock.clone());
        let records = MemoryIdempotency::new(clock.clone(), entropy.clone());
        let records = FaultyIdempotencyStore::new(Arc::new(records), faults.clone());
        let idempotent = Idempotent::new(Arc::new(records), HOLD, KEEP)
            .with_clock(clock.clone())
            .with_entropy(entropy);
        Self { clock, faults, idempotent, requests: RefCell::default() }
    }

    fn traces<T>(&self, key: u64, of: impl FnOnce(&mut Traces) -> T) -> T {
        of(self.requests.borrow_mut().entry(key).or_default())
    }

    /// Asks for the effect once. Whether there is a result, and, for an effect that was caused here,
    /// whether its owner knows that it is recorded.
    async fn ask(&self, key: u64, caused: &Cell<bool>, fails: bool) -> bool {
        let request = IdempotentRequest::new("effects", &key.to_string(), b"payload").unwrap();
        let effect = || async {
            tokio::task::yield_now().await;
            if fails {
                return Err("it failed");
            }
            caused.set(true);
            let nth = self.traces(key, |traces| {
                traces.effects += 1;
                traces.effects
            });
            tokio::task::yield_now().await;
            Ok(Bytes::from(format!("{key}: effect {nth}")))
        };
        match self.idempotent.once(&request, effect).await {
            Ok(outcome) => {
                if let Some(result) = outcome.result() {
                    self.traces(key, |traces| traces.results.push(result.clone()));
                }
                caused.set(caused.get() && !matches!(outcome, Once::Done(_)));
                outcome.result().is_some()
            }
            Err(OnceError::Failed(_) | OnceError::NotBegun(_) | OnceError::Unrecorded(_)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }

    /// A worker that gets every request some times, and dies at times.
    async fn work(&self, seed: u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        for _ in 0..40 {
            let key = rng.u64(..4);
            let (fails, dies) = (rng.u8(..5) == 0, rng.usize(1..30));
            let caused = Cell::new(false);
            let _ = crash_at(dies, self.ask(key, &caused, fails)).await;
            if caused.get() {
                self.traces(key, |traces| traces.cut_off += 1);
            }
            self.clock.advance(Duration::from_secs(rng.u64(..20)));
        }
    }
}

#[tokio::test]
async fn every_request_has_one_result_and_further_effects_only_from_owners_that_were_cut_off() {
    let (mut repeated, mut cut_off) = (0, 0);
    for seed in 0..60 {
        let faults = Faults::seeded(seed)
            .with_rates(Fault::TRANSIENT, 0.1)
            .with_delay(Duration::from_secs(7))
            .suspending();
        let scene = Scene::new(seed, faults);
        join_all((0..3).map(|worker| scene.work(3 * seed + worker))).await;
        scene.faults.stop();
        scene.clock.advance(HOLD);
        for key in 0..4 {
            // What is late may still be on its way, and leave the request in progress.
            while !scene.ask(key, &Cell::new(false), false).await {
                scene.clock.advance(HOLD);
            }
            scene.traces(key, |traces| {
                assert!(traces.effects <= 1 + traces.cut_off, "seed {seed}: request {key}");
                traces.results.dedup();
                assert_eq!(traces.results.len(), 1, "seed {seed}: results of request {key}");
                repeated += traces.effects - 1;
                cut_off += traces.cut_off;
            });
        }
    }
    assert!(repeated > 0, "nobody was cut off at a bad moment");
    assert!(cut_off > repeated, "often enough the record was there");
}

#[tokio::test]
async fn without_a_crash_and_in_time_a_redelivery_has_no_effect_whatever_is_lost() {
    for seed in 0..40 {
        // Completions are tried more often than they are lost.
        let faults = Faults::seeded(seed).suspending().with_throttling(1);
        for nth in 1..=3 {
            faults.at(Call::CompleteRequest, nth, Fault::LostAcknowledgement);
        }
        let scene = Scene::new(seed, faults);
        for _ in 0..3 {
            assert!(scene.ask(1, &Cell::new(false), false).await, "seed {seed}");
        }
        scene.traces(1, |traces| assert_eq!(traces.effects, 1, "seed {seed}"));
    }
}

#[tokio::test]
async fn an_effect_is_repeated_exactly_when_the_crash_is_between_it_and_its_record() {
    let counts = RefCell::new([0; 3]);
    let crashes = crash_at_every_await(
        async || Scene::new(1, Faults::none().suspending()),
        async |scene: &Scene| scene.ask(1, &Cell::new(false), false).await,
        async |scene| {
            let before = scene.traces(1, |traces| traces.effects);
            let recorded = recorded(scene).await;
            scene.clock.advance(HOLD);
            assert!(scene.ask(1, &Cell::new(false), false).await);
            let after = scene.traces(1, |traces| traces.effects);
            let expected = if recorded { before } else { before + 1 };
            assert_eq!(after, expected, "{before} before, recorded: {recorded}");
            counts.borrow_mut()[before + usize::from(recorded)] += 1;
        },
    );
    assert!(crashes.await > 4);
    let [before_the_effect, between, after_the_record] = *counts.borrow();
    assert!(before_the_effect > 0 && between > 0 && after_the_record > 0, "{counts:?}");
}

/// Whether the request is completed, without beginning it for longer than this takes.
async fn recorded(scene: &Scene) -> bool {
    let request = IdempotentRequest::new("effects", "1", b"payload").unwrap();
    let outcome = scene.idempotent.once(&request, || async { Err("only asked") }).await;
    matches!(outcome, Ok(Once::Before(_)))
}
