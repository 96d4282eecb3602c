//! From a message to a verdict.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use tracing::Instrument as _;

use super::progress::Progress;
use super::verdict::{Decided, Verdict};
use super::{Idempotence, QueueConsumer};
use crate::clock::Timestamp;
use crate::consumer::panicked;
use crate::dead_letter_queue::DeadLetterReason;
use crate::error::Error;
use crate::idempotency_store::IdempotentRequest;
use crate::idempotent::{Idempotent, Once, OnceError};
use crate::incoming::Incoming;
use crate::message_handler::{MessageError, Retry};
use crate::message_queue::{QueueOptions, ReceivedMessage};

/// What became of one of the things that came in a message.
enum Outcome {
    Done,
    Before,
    /// Not tried: it comes again after this time.
    NotTried(Duration, String),
    /// Not tried: the records cannot be asked.
    NotBegun(Error),
    Failed(MessageError),
    Refused(DeadLetterReason, String),
}

/// Why something had no effect.
enum NotHandled {
    /// It was received so often, and no attempt came to an end.
    Abandoned(u32),
    Failed(MessageError),
}

impl From<NotHandled> for Outcome {
    fn from(not_handled: NotHandled) -> Self {
        match not_handled {
            NotHandled::Failed(error) => Self::Failed(error),
            NotHandled::Abandoned(receives) => {
                let error = format!("it was received {receives} times, without an end");
                Self::Refused(DeadLetterReason::Abandoned, error)
            }
        }
    }
}

impl From<Result<(), NotHandled>> for Outcome {
    fn from(handled: Result<(), NotHandled>) -> Self {
        handled.map_or_else(Self::from, |()| Self::Done)
    }
}

impl QueueConsumer {
    /// After how many receives, at least, a message counts as one that kills its receivers.
    pub const ABANDONED_AFTER: u32 = 100;

    /// After how many receives a message of a group is given up at its next failure, however often this
    /// object has tried it.
    pub const GIVEN_UP_IN_GROUPS_AFTER: u32 = 1_000;

    /// For so long at least a message waits that is being handled elsewhere.
    const IN_PROGRESS_AT_LEAST: Duration = Duration::from_secs(1);

    /// Handles what came in the message, one after the other, up to the first that fails.
    pub(super) async fn decide(&self, message: &ReceivedMessage, progress: &Progress) -> Decided {
        let span = tracing::info_span!(
            "process",
            otel.kind = "consumer",
            messaging.operation.type = "process",
            messaging.consumer.group.name = %self.name,
            messaging.destination.name = %self.queue,
            messaging.message.id = %message.id,
            messaging.message.receive_count = message.receive_count,
        );
        self.decide_in_span(message, progress).instrument(span).await
    }

    async fn decide_in_span(&self, message: &ReceivedMessage, progress: &Progress) -> Decided {
        let attempt = self.unhandled.attempt(message);
        let decided = |verdict, tried| Decided { verdict, attempt, tried, not_begun: None };
        let all = match Incoming::of(message) {
            Ok(all) => all,
            Err(error) => {
                let (reason, error) = (DeadLetterReason::Undecodable, error.to_string());
                return decided(Verdict::DeadLetter { reason, error }, true);
            }
        };
        let (mut done, mut before) = (0, 0);
        for incoming in all {
            progress.goes_on().await;
            let incoming = incoming.in_attempt(attempt);
            let verdict = match self.handle_once(message, &incoming, progress).await {
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
                Outcome::NotBegun(error) => {
                    // Each time it comes back sooner, the records are no sooner there.
                    let after = self.backoff.delay(message.receive_count, &*self.entropy);
                    let again = Verdict::Again { after, error: error.with_causes() };
                    return Decided { not_begun: Some(error), ..decided(again, false) };
                }
                Outcome::Failed(error) => self.after_failure(message, &error, attempt),
                Outcome::Refused(reason, error) => Verdict::DeadLetter { reason, error },
            };
            return decided(verdict, true);
        }
        match (done, before) {
            (0, 1..) => decided(Verdict::Duplicate, true),
            _ => decided(Verdict::Done, true),
        }
    }

    async fn handle_once(
        &self,
        message: &ReceivedMessage,
        incoming: &Incoming,
        progress: &Progress,
    ) -> Outcome {
        let Some(idempotence) = &self.idempotence else {
            return self.handle(message, incoming, progress).await.into();
        };
        let body = incoming.body().as_bytes();
        let request = match IdempotentRequest::new(&self.name, incoming.id(), body) {
            Ok(request) => request,
            Err(error) => {
                return Outcome::Refused(DeadLetterReason::Undecodable, error.to_string());
            }
        };
        let Idempotence { records, keep } = idempotence;
        let idempotent = Idempotent::new(Arc::clone(records), self.claim_hold(), *keep)
            .with_clock(Arc::clone(&self.clock))
            .with_entropy(Arc::clone(&self.entropy));
        let handle =
            || async { self.handle(message, incoming, progress).await.map(|()| Bytes::new()) };
        match idempotent.once(&request, handle).await {
            Ok(Once::Done(_)) => Outcome::Done,
            Ok(Once::Before(_)) => Outcome::Before,
            Ok(Once::InProgress { until }) => {
                let error = "another receiver is at work on it".to_owned();
                Outcome::NotTried(self.in_progress_for(until), error)
            }
            Ok(Once::Overtaken) => {
                let (consumer, message_id) = (&self.name, incoming.message_id());
                tracing::warn!(%consumer, %message_id, "a message was handled after its claim was over");
                Outcome::Done
            }
            Err(OnceError::Failed(failed)) => failed.into(),
            Err(error @ OnceError::Mismatch { .. }) => {
                Outcome::Refused(DeadLetterReason::IdReused, error.to_string())
            }
            Err(OnceError::NotBegun(error)) if error.is_transient() => Outcome::NotBegun(error),
            Err(OnceError::NotBegun(error)) => Outcome::Failed(error.into()),
            // To do it again is worse than not to recognise a duplicate, should one come.
            Err(OnceError::Unrecorded(error)) => {
                let (consumer, message_id) = (&self.name, incoming.message_id());
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(%consumer, %message_id, cause, "a message was handled, without a record");
                Outcome::Done
            }
        }
    }

    /// How long another receiver may still be at work. The time is that of the records' clock, and the wall
    /// clock here may show anything: it is never longer than a claim is held, and never so short that the
    /// message goes to and fro.
    fn in_progress_for(&self, until: Timestamp) -> Duration {
        let left = Duration::try_from(until.duration_since(self.clock.now())).unwrap_or_default();
        left.min(self.claim_hold()).max(Self::IN_PROGRESS_AT_LEAST)
    }

    async fn handle(
        &self,
        message: &ReceivedMessage,
        incoming: &Incoming,
        progress: &Progress,
    ) -> Result<(), NotHandled> {
        if self.is_abandoned(message) {
            return Err(NotHandled::Abandoned(message.receive_count));
        }
        let handling = AssertUnwindSafe(self.handler.handle(incoming)).catch_unwind();
        let handled = handling.await;
        progress.is_handled();
        match handled {
            Ok(handled) => handled.map_err(NotHandled::Failed),
            Err(panic) => Err(NotHandled::Failed(MessageError::permanent(panicked(&*panic)))),
        }
    }

    fn after_failure(
        &self,
        message: &ReceivedMessage,
        error: &MessageError,
        attempt: u32,
    ) -> Verdict {
        self.unhandled.note_attempt(&message.id);
        let text = error.with_causes();
        let after = match error.retry() {
            Retry::Never => {
                return Verdict::DeadLetter { reason: DeadLetterReason::Permanent, error: text };
            }
            Retry::Backoff => self.backoff.delay(attempt, &*self.entropy),
            Retry::After(delay) => delay.min(QueueOptions::MAX_VISIBILITY_TIMEOUT),
        };
        let is_last = attempt >= self.max_attempts || self.fails_without_end(message);
        if self.dead_letters.is_some() && is_last {
            return Verdict::DeadLetter { reason: DeadLetterReason::AttemptsUsedUp, error: text };
        }
        Verdict::Again { after, error: text }
    }

    /// The verdict about a message whose handler was broken off at its end.
    pub(super) fn timed_out(&self, message: &ReceivedMessage) -> Verdict {
        let error = format!("it was not handled within {:?}", self.handler_timeout);
        let attempt = self.unhandled.attempt(message);
        self.after_failure(message, &MessageError::transient(error), attempt)
    }

    /// Whether it was received so often from a group that it is given up whoever tries it: each process
    /// counts its own attempts there, and may not come to the last one.
    fn fails_without_end(&self, message: &ReceivedMessage) -> bool {
        message.group.is_some() && message.receive_count >= Self::GIVEN_UP_IN_GROUPS_AFTER
    }

    /// Whether its attempts do not come to an end, as those of a message that kills its receivers. Few
    /// receives say nothing about that: other processes, and those before this one, give back what they
    /// cannot begin, and so do queues that cannot fetch a body. In a group messages are given back without
    /// an attempt any number of times: nothing follows there.
    fn is_abandoned(&self, message: &ReceivedMessage) -> bool {
        let receives = self.unhandled.attempt(message);
        self.dead_letters.is_some()
            && message.group.is_none()
            && receives > self.max_attempts.saturating_mul(2).max(Self::ABANDONED_AFTER)
    }
}
