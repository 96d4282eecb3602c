//! Idempotency stores that are broken in one way each.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use es_core::memory::MemoryIdempotency;
use es_core::testing::conformance::idempotency_store::SUITE;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Begun, Claim, Clock as _, IdempotencyStore, IdempotentRequest, MAX_RESULT_LEN, OwnerToken,
    Result, Settled, Timestamp,
};

use crate::{assert_breaks, assert_keeps};

/// Records with a fault; whatever the fault does not touch is the memory store's.
#[derive(Debug)]
struct Broken<F> {
    inner: MemoryIdempotency,
    clock: Arc<VirtualClock>,
    fault: F,
}

fn records<F: Fault>() -> (Broken<F>, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let inner = MemoryIdempotency::new(clock.clone(), Arc::new(SeededEntropy::new(1)));
    (Broken { inner, clock: clock.clone(), fault: F::default() }, clock)
}

#[async_trait]
trait Fault: Debug + Default + Send + Sync + 'static {
    async fn begin(
        &self,
        by: &MemoryIdempotency,
        request: &IdempotentRequest,
        hold: Duration,
        _now: Timestamp,
    ) -> Result<Begun> {
        by.begin(request, hold).await
    }

    async fn complete(
        &self,
        by: &MemoryIdempotency,
        claim: &Claim,
        result: Bytes,
        keep: Duration,
        _now: Timestamp,
    ) -> Result<Settled> {
        by.complete(claim, result, keep).await
    }
}

#[async_trait]
impl<F: Fault> IdempotencyStore for Broken<F> {
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> Result<Begun> {
        self.fault.begin(&self.inner, request, hold, self.clock.now()).await
    }

    async fn complete(&self, claim: &Claim, result: Bytes, keep: Duration) -> Result<Settled> {
        self.fault.complete(&self.inner, claim, result, keep, self.clock.now()).await
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        self.inner.abandon(claim).await
    }
}

fn as_request(request: &IdempotentRequest, key: &str, payload: &[u8]) -> IdempotentRequest {
    IdempotentRequest::new(request.scope(), key, payload).expect("a valid request")
}

fn with_request(begun: Begun, request: &IdempotentRequest) -> Begun {
    match begun {
        Begun::Started(claim) => Begun::Started(Claim { request: request.clone(), ..claim }),
        begun => begun,
    }
}

/// Does not look at what is asked for.
#[derive(Debug, Default)]
struct BlindToPayloads;

#[async_trait]
impl Fault for BlindToPayloads {
    async fn begin(
        &self,
        by: &MemoryIdempotency,
        request: &IdempotentRequest,
        hold: Duration,
        _: Timestamp,
    ) -> Result<Begun> {
        let begun = by.begin(&as_request(request, request.key(), b""), hold).await?;
        Ok(with_request(begun, request))
    }

    async fn complete(
        &self,
        by: &MemoryIdempotency,
        claim: &Claim,
        result: Bytes,
        keep: Duration,
        _: Timestamp,
    ) -> Result<Settled> {
        let request = as_request(&claim.request, claim.request.key(), b"");
        by.complete(&Claim { request, ..claim.clone() }, result, keep).await
    }
}

#[tokio::test]
async fn a_key_that_stands_for_any_payload_is_found() {
    let rules = [
        ("another_payload_is_a_mismatch", "while the first is in progress"),
        ("another_payload_has_no_effect", "another payload under a used key"),
    ];
    assert_breaks(&SUITE, records::<BlindToPayloads>, &rules).await;
    assert_keeps(&SUITE, records::<BlindToPayloads>, &["a_request_is_begun_once"]).await;
}

/// Has one token per request: whoever began it completes it.
#[derive(Debug, Default)]
struct WithoutOwner(Mutex<HashMap<IdempotentRequest, OwnerToken>>);

#[async_trait]
impl Fault for WithoutOwner {
    async fn begin(
        &self,
        by: &MemoryIdempotency,
        request: &IdempotentRequest,
        hold: Duration,
        _: Timestamp,
    ) -> Result<Begun> {
        let begun = by.begin(request, hold).await?;
        if let Begun::Started(claim) = &begun {
            self.0.lock().expect("no panic").insert(request.clone(), claim.token);
        }
        Ok(begun)
    }

    async fn complete(
        &self,
        by: &MemoryIdempotency,
        claim: &Claim,
        result: Bytes,
        keep: Duration,
        _: Timestamp,
    ) -> Result<Settled> {
        let newest = self.0.lock().expect("no panic").get(&claim.request).copied();
        let token = newest.unwrap_or(claim.token);
        by.complete(&Claim { token, ..claim.clone() }, result, keep).await
    }
}

#[tokio::test]
async fn a_record_that_an_earlier_owner_completes_is_found() {
    let rules = [
        ("an_earlier_owner_has_no_say", "a completion by an owner whose record was begun again"),
        (
            "of_an_earlier_owner_and_the_present_one_the_present_one_completes",
            "whose completion counts",
        ),
        ("a_claim_that_was_made_up_has_no_say", "a completion by nobody"),
        ("an_effect_that_was_overtaken_gives_out_no_result", "what the slow one gets"),
    ];
    assert_breaks(&SUITE, records::<WithoutOwner>, &rules).await;
    assert_keeps(&SUITE, records::<WithoutOwner>, &["a_completed_request_gives_its_result"]).await;
}

/// Waits for a dead owner for ever.
#[derive(Debug, Default)]
struct Patient;

#[async_trait]
impl Fault for Patient {
    async fn begin(
        &self,
        by: &MemoryIdempotency,
        request: &IdempotentRequest,
        _: Duration,
        _: Timestamp,
    ) -> Result<Begun> {
        by.begin(request, Duration::MAX).await
    }
}

#[tokio::test]
async fn a_record_in_progress_that_never_expires_is_found() {
    let rule = "a_request_in_progress_can_be_begun_again_when_its_time_is_over";
    let effects = "an_effect_is_repeated_only_when_the_crash_came_before_its_record";
    let rules = [(rule, "InProgress"), (effects, "after a crash at suspension 2: InProgress")];
    assert_breaks(&SUITE, records::<Patient>, &rules).await;
}

/// Refuses an owner for the clock alone, though nobody has taken its place.
#[derive(Debug, Default)]
struct Punctual(Mutex<HashMap<IdempotentRequest, Timestamp>>);

#[async_trait]
impl Fault for Punctual {
    async fn begin(
        &self,
        by: &MemoryIdempotency,
        request: &IdempotentRequest,
        hold: Duration,
        now: Timestamp,
    ) -> Result<Begun> {
        let begun = by.begin(request, hold).await?;
        if matches!(begun, Begun::Started(_)) {
            let until = now.saturating_add(hold).unwrap_or(now);
            self.0.lock().expect("no panic").insert(request.clone(), until);
        }
        Ok(begun)
    }

    async fn complete(
        &self,
        by: &MemoryIdempotency,
        claim: &Claim,
        result: Bytes,
        keep: Duration,
        now: Timestamp,
    ) -> Result<Settled> {
        let until = self.0.lock().expect("no panic").get(&claim.request).copied();
        if until.is_some_and(|until| until <= now) {
            return Ok(Settled::Lost);
        }
        by.complete(claim, result, keep).await
    }
}

#[tokio::test]
async fn an_effect_that_is_repeated_for_the_clock_alone_is_found() {
    let rules = [
        ("an_owner_whose_time_is_over_can_complete_if_nobody_took_over", "late"),
        ("an_effect_that_took_too_long_counts_if_nobody_took_over", "Overtaken"),
    ];
    assert_breaks(&SUITE, records::<Punctual>, &rules).await;
}

/// Says that it keeps results.
#[derive(Debug, Default)]
struct Forgetful;

#[async_trait]
impl Fault for Forgetful {
    async fn complete(
        &self,
        by: &MemoryIdempotency,
        claim: &Claim,
        _: Bytes,
        _: Duration,
        _: Timestamp,
    ) -> Result<Settled> {
        by.abandon(claim).await
    }
}

#[tokio::test]
async fn completions_that_are_forgotten_are_found() {
    let rules = [
        ("a_completed_request_gives_its_result", "Started"),
        ("a_request_that_comes_again_has_its_effect_once", "what a repetition gets"),
        (
            "an_effect_is_repeated_only_when_the_crash_came_before_its_record",
            "after a crash at suspension 1: Done",
        ),
    ];
    assert_breaks(&SUITE, records::<Forgetful>, &rules).await;
}

/// Keeps as much of a result as there is room for.
#[derive(Debug, Default)]
struct Cutting;

#[async_trait]
impl Fault for Cutting {
    async fn complete(
        &self,
        by: &MemoryIdempotency,
        claim: &Claim,
        mut result: Bytes,
        keep: Duration,
        _: Timestamp,
    ) -> Result<Settled> {
        result.truncate(MAX_RESULT_LEN);
        by.complete(claim, result, keep).await
    }
}

#[tokio::test]
async fn a_result_that_is_cut_is_found() {
    let rules = [("a_result_over_the_limit_is_refused", "1 bytes over the limit: not refused")];
    assert_breaks(&SUITE, records::<Cutting>, &rules).await;
}

/// Cuts keys to what a sort key can be.
#[derive(Debug, Default)]
struct ShortKeys;

fn cut(request: &IdempotentRequest) -> IdempotentRequest {
    let key = request.key().get(..1024).unwrap_or(request.key());
    as_request(request, key, b"payload")
}

#[async_trait]
impl Fault for ShortKeys {
    async fn begin(
        &self,
        by: &MemoryIdempotency,
        request: &IdempotentRequest,
        hold: Duration,
        _: Timestamp,
    ) -> Result<Begun> {
        Ok(with_request(by.begin(&cut(request), hold).await?, request))
    }

    async fn complete(
        &self,
        by: &MemoryIdempotency,
        claim: &Claim,
        result: Bytes,
        keep: Duration,
        _: Timestamp,
    ) -> Result<Settled> {
        let claim = Claim { request: cut(&claim.request), ..claim.clone() };
        by.complete(&claim, result, keep).await
    }
}

#[tokio::test]
async fn long_keys_that_are_taken_for_one_are_found() {
    let rules = [("keys_of_any_length_are_kept_apart", "is not started, but")];
    assert_breaks(&SUITE, records::<ShortKeys>, &rules).await;
}
