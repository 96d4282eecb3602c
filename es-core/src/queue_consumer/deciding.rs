//! From a message to a verdict.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use tracing::Instrument as _;

use super::QueueConsumer;
use super::verdict::{Decided, Verdict};
use crate::consumer::panicked;
use crate::dead_letter_queue::DeadLetterReason;
use crate::error::Error;
use crate::idempotency_store::{Begun, Claim, IdempotentRequest, Settled};
use crate::incoming::Incoming;
use crate::message_handler::{MessageError, Retry};
use crate::message_queue::{QueueOptions, ReceivedMessage};

/// How often a record is tried to be completed after the effect.
const COMPLETIONS: u32 = 3;

/// What became of one of the things that came in a message.
enum Outcome {
    Done,
    Before,
    /// Not tried: it comes again after this time.
    NotTried(Duration, String),
    Failed(MessageError),
    Refused(DeadLetterReason, String),
}

impl QueueConsumer {
    /// Handles what came in the message, one after the other, up to the first that fails.
    pub(super) async fn decide(&self, message: &ReceivedMessage) -> Decided {
        let span = tracing::info_span!(
            "process",
            otel.kind = "consumer",
            messaging.operation.type = "process",
            messaging.consumer.group.name = %self.name,
            messaging.destination.name = %self.queue,
            messaging.message.id = %message.id,
            messaging.message.receive_count = message.receive_count,
        );
        self.decide_in_span(message).instrument(span).await
    }

    async fn decide_in_span(&self, message: &ReceivedMessage) -> Decided {
        let attempt = self.unhandled.attempt(message);
        let decided = |verdict, tried| Decided { verdict, attempt, tried };
        let all = match Incoming::of(message) {
            Ok(all) => all,
            Err(error) => {
                let (reason, error) = (DeadLetterReason::Undecodable, error.to_string());
                return decided(Verdict::DeadLetter { reason, error }, true);
            }
        };
        let (mut done, mut before) = (0, 0);
        for incoming in all {
            let incoming = incoming.in_attempt(attempt);
            let verdict = match self.handle_once(message, &incoming).await {
                Outcome::Done => {
                    done += 1;
                    continue;
                }
                Outcome::Before => {
                    before += 1;
                    continue;
                }
                Outcome::NotTried(after, error) => {
                    return decided(Verdict::Again { after, error }, false);
                }
                Outcome::Failed(error) => self.after_failure(&error, attempt),
                Outcome::Refused(reason, error) => Verdict::DeadLetter { reason, error },
            };
            return decided(verdict, true);
        }
        match (done, before) {
            (0, 1..) => decided(Verdict::Duplicate, true),
            _ => decided(Verdict::Done, true),
        }
    }

    async fn handle_once(&self, message: &ReceivedMessage, incoming: &Incoming) -> Outcome {
        let claim = match self.claim(incoming).await {
            Ok(claim) => claim,
            Err(outcome) => return outcome,
        };
        let outcome = match self.is_abandoned(message) {
            true => {
                let receives = message.receive_count;
                let error = format!("it was received {receives} times, without an end");
                Outcome::Refused(DeadLetterReason::Abandoned, error)
            }
            false => self.handle(incoming).await,
        };
        match (claim, &outcome) {
            (Some(claim), Outcome::Done) => self.complete(&claim).await,
            (Some(claim), _) => self.abandon(&claim).await,
            (None, _) => {}
        }
        outcome
    }

    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let handling = AssertUnwindSafe(self.handler.handle(incoming)).catch_unwind();
        match handling.await {
            Ok(Ok(())) => Outcome::Done,
            Ok(Err(error)) => Outcome::Failed(error),
            Err(panic) => Outcome::Failed(MessageError::permanent(panicked(&*panic))),
        }
    }

    /// The right to handle it, where there are records of what was handled; otherwise why not.
    async fn claim(&self, incoming: &Incoming) -> Result<Option<Claim>, Outcome> {
        let Some(idempotence) = &self.idempotence else { return Ok(None) };
        let body = incoming.body().as_bytes();
        let request = match IdempotentRequest::new(&self.name, incoming.id(), body) {
            Ok(request) => request,
            Err(error) => {
                return Err(Outcome::Refused(DeadLetterReason::Undecodable, error.to_string()));
            }
        };
        match idempotence.records.begin(&request, self.claim_hold()).await {
            Ok(Begun::Started(claim)) => Ok(Some(claim)),
            Ok(Begun::Completed(_)) => Err(Outcome::Before),
            Ok(Begun::InProgress { until }) => {
                let left = until.duration_since(self.clock.now());
                let after = Duration::try_from(left).unwrap_or_default();
                Err(Outcome::NotTried(after, "another receiver is at work on it".to_owned()))
            }
            Ok(Begun::Mismatch) => {
                let error = "its id is that of another message, with another content".to_owned();
                Err(Outcome::Refused(DeadLetterReason::IdReused, error))
            }
            Err(error) if error.is_transient() => {
                let after = self.backoff.delay(1, &*self.entropy);
                Err(Outcome::NotTried(after, error.with_causes()))
            }
            Err(error) => Err(Outcome::Failed(error.into())),
        }
    }

    /// Keeps that the effect was caused. Where that does not succeed the message is acknowledged all the
    /// same: to do it again is worse than not to recognise a duplicate, should one come.
    async fn complete(&self, claim: &Claim) {
        let Some(idempotence) = &self.idempotence else { return };
        for retry in 1..=COMPLETIONS {
            let completed =
                idempotence.records.complete(claim, Bytes::new(), idempotence.keep).await;
            match completed {
                Ok(Settled::Done) => return,
                Ok(Settled::Lost) => {
                    let consumer = &self.name;
                    tracing::warn!(%consumer, "a message was handled after its claim was over");
                    return;
                }
                Err(error) => self.note_record_error(&error, "completed"),
            }
            if retry < COMPLETIONS {
                self.clock.sleep(QueueConsumer::REQUESTS.delay(retry, &*self.entropy)).await;
            }
        }
    }

    /// Where that does not succeed the message waits until the claim is over.
    async fn abandon(&self, claim: &Claim) {
        let Some(idempotence) = &self.idempotence else { return };
        if let Err(error) = idempotence.records.abandon(claim).await {
            self.note_record_error(&error, "abandoned");
        }
    }

    fn note_record_error(&self, error: &Error, what: &str) {
        let (consumer, cause) = (&self.name, error as &dyn std::error::Error);
        tracing::warn!(%consumer, cause, "an idempotency record could not be {what}");
    }

    fn after_failure(&self, error: &MessageError, attempt: u32) -> Verdict {
        let text = error.with_causes();
        let after = match error.retry() {
            Retry::Never => {
                return Verdict::DeadLetter { reason: DeadLetterReason::Permanent, error: text };
            }
            Retry::Backoff => self.backoff.delay(attempt, &*self.entropy),
            Retry::After(delay) => delay.min(QueueOptions::MAX_VISIBILITY_TIMEOUT),
        };
        if self.dead_letters.is_some() && attempt >= self.max_attempts {
            return Verdict::DeadLetter { reason: DeadLetterReason::AttemptsUsedUp, error: text };
        }
        Verdict::Again { after, error: text }
    }

    /// The verdict about a message whose handler was broken off at its end.
    pub(super) fn timed_out(&self, message: &ReceivedMessage) -> Verdict {
        let error = format!("it was not handled within {:?}", self.handler_timeout);
        let attempt = self.unhandled.attempt(message);
        self.after_failure(&MessageError::transient(error), attempt)
    }

    /// Whether its attempts do not come to an end, as those of a message that kills its receivers. In a
    /// group messages are given back without an attempt, any number of times: nothing follows there.
    fn is_abandoned(&self, message: &ReceivedMessage) -> bool {
        let receives = self.unhandled.attempt(message);
        self.dead_letters.is_some()
            && message.group.is_none()
            && receives > self.max_attempts.saturating_mul(2)
    }
}
