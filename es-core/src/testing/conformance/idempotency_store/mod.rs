//! The rules of [`IdempotencyStore`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Fixture;
use super::concurrently::concurrently;
use super::sample::hostile_ids;
use crate::clock::{Clock as _, Timestamp};
use crate::entropy::SystemEntropy;
use crate::error::{Error, Result};
use crate::idempotency_store::{
    Begun, Claim, IdempotencyStore, IdempotentRequest, MAX_RESULT_LEN, OwnerToken, Settled,
};
use crate::testing::VirtualClock;

mod effects;

/// What the rules are about: records, and the clock that they go by, which moves when a rule says so.
#[derive(Debug, Clone)]
pub struct RecordsAndClock {
    /// No record is there yet.
    pub records: Arc<dyn IdempotencyStore>,
    /// Made by [`VirtualClock::at`].
    pub clock: Arc<VirtualClock>,
}

impl<S: IdempotencyStore> From<(S, Arc<VirtualClock>)> for Fixture<RecordsAndClock> {
    fn from((records, clock): (S, Arc<VirtualClock>)) -> Self {
        Self::new(RecordsAndClock { records: Arc::new(records), clock })
    }
}

suite! { ($)
    idempotency_store for RecordsAndClock, tested by idempotency_store_conformance;
    self: [
        a_request_is_begun_once,
        of_those_who_begin_at_once_one_gets_a_claim,
        a_completed_request_gives_its_result,
        a_result_of_any_bytes_comes_back,
        a_result_over_the_limit_is_refused,
        another_payload_is_a_mismatch,
        requests_are_kept_apart,
        keys_of_any_length_are_kept_apart,
        a_request_in_progress_can_be_begun_again_when_its_time_is_over,
        an_owner_whose_time_is_over_can_complete_if_nobody_took_over,
        an_earlier_owner_has_no_say,
        of_an_earlier_owner_and_the_present_one_the_present_one_completes,
        an_abandoned_request_can_be_begun_at_once,
        a_completed_request_is_not_abandoned,
        a_completion_that_comes_again_keeps_the_first_result,
        a_completed_request_can_be_begun_again_when_it_expired,
        a_claim_that_was_made_up_has_no_say,
        times_are_kept_to_the_microsecond,
    ],
    effects: [
        a_request_that_comes_again_has_its_effect_once,
        of_requests_that_come_at_once_one_has_its_effect,
        an_effect_that_was_overtaken_gives_out_no_result,
        an_effect_that_took_too_long_counts_if_nobody_took_over,
        an_effect_that_failed_can_be_caused_again_at_once,
        another_payload_has_no_effect,
        an_effect_is_repeated_only_when_the_crash_came_before_its_record,
    ],
}

const HOLD: Duration = Duration::from_secs(60);
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);
const MICROSECOND: Duration = Duration::from_micros(1);

fn request(key: &str) -> IdempotentRequest {
    request_for("conformance", key, "payload")
}

fn request_for(scope: &str, key: &str, payload: &str) -> IdempotentRequest {
    IdempotentRequest::new(scope, key, payload.as_bytes()).expect("the rules use valid requests")
}

/// What the rules do where it must succeed.
impl RecordsAndClock {
    async fn begin(&self, request: &IdempotentRequest) -> Begun {
        let begun = self.records.begin(request, HOLD).await;
        begun.unwrap_or_else(|error| panic!("{request:?} cannot be begun: {error}"))
    }

    async fn start(&self, request: &IdempotentRequest) -> Claim {
        match self.begin(request).await {
            Begun::Started(claim) => {
                assert_eq!(claim.request, *request, "what is claimed");
                claim
            }
            begun => panic!("{request:?} is not started, but {begun:?}"),
        }
    }

    async fn complete(&self, claim: &Claim, result: &str) -> Settled {
        let result = Bytes::copy_from_slice(result.as_bytes());
        let completed = self.records.complete(claim, result, KEEP).await;
        completed.unwrap_or_else(|error| panic!("a completion failed: {error}"))
    }

    async fn abandon(&self, claim: &Claim) -> Settled {
        let abandoned = self.records.abandon(claim).await;
        abandoned.unwrap_or_else(|error| panic!("an abandonment failed: {error}"))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn after(&self, time: Duration) -> Timestamp {
        self.now().saturating_add(time).expect("the rules stay in the range of times")
    }

    async fn assert_in_progress(&self, request: &IdempotentRequest, until: Timestamp, case: &str) {
        assert_eq!(self.begin(request).await, Begun::InProgress { until }, "{case}");
    }

    async fn assert_completed(&self, request: &IdempotentRequest, result: &str, case: &str) {
        let expected = Begun::Completed(Bytes::copy_from_slice(result.as_bytes()));
        assert_eq!(self.begin(request).await, expected, "{case}");
    }

    async fn assert_lost(&self, claim: &Claim, case: &str) {
        assert_eq!(self.complete(claim, "late").await, Settled::Lost, "a completion by {case}");
        assert_eq!(self.abandon(claim).await, Settled::Lost, "an abandonment by {case}");
    }
}

async fn a_request_is_begun_once(r: RecordsAndClock) {
    let (request, until) = (request("k"), r.after(HOLD));
    r.start(&request).await;
    for _ in 0..3 {
        r.assert_in_progress(&request, until, "a request that another one is at").await;
        r.clock.advance(HOLD / 4);
    }
}

async fn of_those_who_begin_at_once_one_gets_a_claim(r: RecordsAndClock) {
    for round in 0..20 {
        let request = request(&round.to_string());
        let begun = concurrently((0..8).map(|_| {
            let (r, request) = (r.clone(), request.clone());
            async move { r.begin(&request).await }
        }))
        .await;
        let claims: Vec<_> =
            begun.iter().filter(|begun| matches!(begun, Begun::Started(_))).collect();
        assert_eq!(claims.len(), 1, "{} of 8 have claims to one request", claims.len());
        let until = r.after(HOLD);
        let others = begun.iter().filter(|begun| **begun == Begun::InProgress { until });
        assert_eq!(others.count(), 7, "what the others are told");
    }
}

async fn a_completed_request_gives_its_result(r: RecordsAndClock) {
    let request = request("k");
    let claim = r.start(&request).await;
    assert_eq!(r.complete(&claim, "the result").await, Settled::Done);
    for _ in 0..3 {
        r.assert_completed(&request, "the result", "a request that had its effect").await;
        r.clock.advance(KEEP / 4);
    }
}

async fn a_result_of_any_bytes_comes_back(r: RecordsAndClock) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let results = [
        Vec::new(),
        vec![0],
        b"{\"text\":\"\xc3\xbc\"}".to_vec(),
        vec![0xff, 0xfe],
        every_byte.clone(),
        every_byte.repeat(MAX_RESULT_LEN / 256),
    ];
    for (n, result) in results.into_iter().map(Bytes::from).enumerate() {
        let request = request(&n.to_string());
        let claim = r.start(&request).await;
        let completed = r.records.complete(&claim, result.clone(), KEEP).await;
        assert!(matches!(completed, Ok(Settled::Done)), "not completed, but {completed:?}");
        assert_eq!(r.begin(&request).await, Begun::Completed(result));
    }
}

async fn a_result_over_the_limit_is_refused(r: RecordsAndClock) {
    let (request, until) = (request("k"), r.after(HOLD));
    let claim = r.start(&request).await;
    for over in [1, 100_000] {
        let result = Bytes::from(vec![b'x'; MAX_RESULT_LEN + over]);
        match r.records.complete(&claim, result, KEEP).await {
            Err(Error::ResultTooLarge { scope, actual, limit }) => {
                let expected = ("conformance", MAX_RESULT_LEN + over, MAX_RESULT_LEN);
                assert_eq!((scope.as_str(), actual, limit), expected);
            }
            outcome => panic!("{over} bytes over the limit: not refused, but {outcome:?}"),
        }
        r.assert_in_progress(&request, until, "a result that was refused").await;
    }
    assert_eq!(r.complete(&claim, "smaller").await, Settled::Done, "the claim stands");
}

async fn another_payload_is_a_mismatch(r: RecordsAndClock) {
    let (first, other) = (request("k"), request_for("conformance", "k", "other"));
    let claim = r.start(&first).await;
    assert_eq!(r.begin(&other).await, Begun::Mismatch, "while the first is in progress");
    assert_eq!(r.complete(&claim, "done").await, Settled::Done);
    assert_eq!(r.begin(&other).await, Begun::Mismatch, "when the first is completed");
    r.assert_completed(&first, "done", "the first request").await;
    // A record that expired says nothing about what comes after it.
    r.clock.advance(KEEP);
    let claim = r.start(&other).await;
    assert_eq!(r.begin(&first).await, Begun::Mismatch, "the other way round");
    r.clock.advance(HOLD);
    let again = r.start(&first).await;
    r.assert_lost(&claim, "the owner of another payload").await;
    assert_eq!(r.complete(&again, "again").await, Settled::Done);
}

async fn requests_are_kept_apart(r: RecordsAndClock) {
    let ids = hostile_ids();
    let mut requests: Vec<_> =
        ids.iter().map(|id| request_for("conformance", id, "payload")).collect();
    let scopes = ids.iter().filter(|id| id.len() <= IdempotentRequest::MAX_SCOPE_LEN);
    requests.extend(scopes.map(|scope| request_for(scope, "key", "payload")));
    // Keys are any text.
    let keys = [" ", " a", "a ", "a\nb", "a\0b", "\u{7f}", "a\0", "\u{feff}a"];
    requests.extend(keys.map(|key| request_for("conformance", key, "payload")));
    let mut claims = Vec::new();
    for request in &requests {
        claims.push(r.start(request).await);
    }
    for claim in &claims {
        assert_eq!(r.complete(claim, &format!("{:?}", claim.request)).await, Settled::Done);
    }
    for request in &requests {
        r.assert_completed(request, &format!("{request:?}"), "one of many requests").await;
    }
}

async fn keys_of_any_length_are_kept_apart(r: RecordsAndClock) {
    // Around the longest key that a service takes, and long ones that differ at their ends only.
    let lengths = [1, 63, 64, 65, 71, 72, 1_000, 1_023, 1_024, 1_025, 2_048, 4_095, 4_096];
    let mut requests = Vec::new();
    for len in lengths {
        for end in ["a", "b"] {
            let key = format!("{}{end}", "x".repeat(len - 1));
            requests.push((request(&key), format!("{len}{end}")));
        }
    }
    for (request, name) in &requests {
        let claim = r.start(request).await;
        assert_eq!(r.complete(&claim, name).await, Settled::Done);
    }
    for (request, name) in &requests {
        r.assert_completed(request, name, "one of many long keys").await;
    }
}

async fn a_request_in_progress_can_be_begun_again_when_its_time_is_over(r: RecordsAndClock) {
    let request = request("k");
    let first = r.start(&request).await;
    let until = r.after(HOLD);
    r.clock.advance(HOLD - MICROSECOND);
    r.assert_in_progress(&request, until, "a microsecond before its time is over").await;
    r.clock.advance(MICROSECOND);
    let second = r.start(&request).await;
    assert_ne!(first.token, second.token, "two owners have the same token");
    r.assert_in_progress(&request, r.after(HOLD), "begun again").await;
}

async fn an_owner_whose_time_is_over_can_complete_if_nobody_took_over(r: RecordsAndClock) {
    for (n, late) in [MICROSECOND, HOLD, 23 * 60 * HOLD].into_iter().enumerate() {
        let request = request(&n.to_string());
        let claim = r.start(&request).await;
        r.clock.advance(HOLD + late);
        assert_eq!(r.complete(&claim, "late").await, Settled::Done, "{late:?} late");
        r.assert_completed(&request, "late", "completed late").await;
    }
}

async fn an_earlier_owner_has_no_say(r: RecordsAndClock) {
    let request = request("k");
    let first = r.start(&request).await;
    r.clock.advance(HOLD);
    let second = r.start(&request).await;
    let until = r.after(HOLD);
    r.assert_lost(&first, "an owner whose record was begun again").await;
    r.assert_in_progress(&request, until, "an earlier owner came late").await;
    assert_eq!(r.complete(&second, "second").await, Settled::Done);
    r.assert_lost(&first, "an owner whose record another one completed").await;
    r.assert_completed(&request, "second", "an earlier owner came late").await;
    r.clock.advance(KEEP);
    let third = r.start(&request).await;
    for earlier in [&first, &second] {
        r.assert_lost(earlier, "an owner of a record that expired").await;
    }
    assert_eq!(r.abandon(&third).await, Settled::Done);
    for gone in [&first, &second, &third] {
        r.assert_lost(gone, "an owner of a record that is gone").await;
    }
    r.start(&request).await;
}

async fn of_an_earlier_owner_and_the_present_one_the_present_one_completes(r: RecordsAndClock) {
    for round in 0..10 {
        let request = request(&round.to_string());
        let mut claims = vec![r.start(&request).await];
        for _ in 0..3 {
            r.clock.advance(HOLD);
            claims.push(r.start(&request).await);
        }
        let settled = concurrently(claims.into_iter().enumerate().map(|(n, claim)| {
            let r = r.clone();
            async move { r.complete(&claim, &n.to_string()).await }
        }))
        .await;
        use Settled::{Done, Lost};
        assert_eq!(settled, [Lost, Lost, Lost, Done], "whose completion counts");
        r.assert_completed(&request, "3", "four owners completed").await;
    }
}

async fn an_abandoned_request_can_be_begun_at_once(r: RecordsAndClock) {
    let request = request("k");
    let mut owners: Vec<Claim> = Vec::new();
    for _ in 0..3 {
        let claim = r.start(&request).await;
        for earlier in &owners {
            r.assert_lost(earlier, "an owner that abandoned its record").await;
        }
        r.assert_in_progress(&request, r.after(HOLD), "begun after it was abandoned").await;
        assert_eq!(r.abandon(&claim).await, Settled::Done);
        owners.push(claim);
    }
    // Also with another payload: nothing was done.
    r.start(&request_for("conformance", "k", "other")).await;
}

async fn a_completed_request_is_not_abandoned(r: RecordsAndClock) {
    let request = request("k");
    let claim = r.start(&request).await;
    assert_eq!(r.complete(&claim, "done").await, Settled::Done);
    assert_eq!(r.abandon(&claim).await, Settled::Lost, "an abandonment after the completion");
    r.assert_completed(&request, "done", "abandoned after its completion").await;
}

async fn a_completion_that_comes_again_keeps_the_first_result(r: RecordsAndClock) {
    let request = request("k");
    let claim = r.start(&request).await;
    for result in ["first", "first", "another"] {
        assert_eq!(r.complete(&claim, result).await, Settled::Done, "completed with {result}");
        r.assert_completed(&request, "first", "completed again").await;
    }
    r.clock.advance(KEEP);
    r.start(&request).await;
}

async fn a_completed_request_can_be_begun_again_when_it_expired(r: RecordsAndClock) {
    let request = request("k");
    for round in ["one", "two"] {
        let claim = r.start(&request).await;
        r.clock.advance(HOLD / 2);
        assert_eq!(r.complete(&claim, round).await, Settled::Done);
        // The time runs from the completion.
        r.clock.advance(KEEP - MICROSECOND);
        r.assert_completed(&request, round, "a microsecond before it expires").await;
        r.clock.advance(MICROSECOND);
    }
    r.start(&request).await;
}

async fn a_claim_that_was_made_up_has_no_say(r: RecordsAndClock) {
    let (known, unknown) = (request("k"), request("unknown"));
    let until = r.after(HOLD);
    r.start(&known).await;
    for request in [&known, &unknown] {
        let token = OwnerToken::generate(&SystemEntropy);
        r.assert_lost(&Claim { request: request.clone(), token }, "nobody").await;
    }
    r.assert_in_progress(&known, until, "somebody made a claim up").await;
    r.start(&unknown).await;
}

async fn times_are_kept_to_the_microsecond(r: RecordsAndClock) {
    r.clock.set("2026-03-01T12:00:00.123456789Z".parse().expect("a time"));
    let until: Timestamp = "2026-03-01T12:01:00.123456Z".parse().expect("a time");
    let request = request("k");
    r.start(&request).await;
    r.assert_in_progress(&request, until, "a time with nanoseconds").await;
    // The longest duration that there is does not overflow.
    let for_ever = request_for("conformance", "for ever", "payload");
    let begun: Result<Begun> = r.records.begin(&for_ever, Duration::MAX).await;
    assert!(matches!(begun, Ok(Begun::Started(_))), "claimed for ever: {begun:?}");
    r.clock.advance(1_000 * KEEP);
    let begun = r.begin(&for_ever).await;
    assert!(matches!(begun, Begun::InProgress { .. }), "claimed for ever: {begun:?}");
}
