//! Messages that somebody else receives and deletes, and pushes here meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;

use super::QueueConsumer;
use super::progress::Progress;
use super::verdict::{Decided, Verdict};
use crate::dead_letter_queue::GivenUp;
use crate::error::{Error, Result};
use crate::message_queue::ReceivedMessage;

impl QueueConsumer {
    /// Handles messages that somebody else has received and holds meanwhile, as the pollers of AWS Lambda do,
    /// and says what is to become of each, in their order. Nothing is acknowledged or released here.
    ///
    /// - [`Verdict::Again`]: it must not be acknowledged, and is best [released](Self::release_pushed).
    /// - [`Verdict::DeadLetter`]: the [dead-letter queue](Self::dead_letters_to) has it, so it can be acknowledged.
    ///   Without such a queue, and when it cannot be reached, the verdict is `Again`: the redrive policy of the
    ///   queue ends that.
    /// - Everything else: it can be acknowledged.
    ///
    /// Up to [`concurrency`](Self::concurrency) messages are handled side by side, those of a group of a FIFO
    /// queue one after the other. When one must come again, the later ones of its group are not tried and
    /// come again behind it. A message that is there twice is handled once.
    ///
    /// Bodies that the queues keep elsewhere are [fetched](crate::MessageQueue::make_whole) first, for up to half of the
    /// time. A message whose body cannot be had for now comes again, and it is no attempt.
    ///
    /// When `time_limit` is over no message is begun any more, and what is being handled is cancelled: both come
    /// again, and neither is an attempt. What a handler has done by then is recorded still, so leave some time for
    /// that. An [idempotent](Self::idempotent) consumer has what was cancelled locked for as long as its
    /// [`handler_timeout`](Self::handler_timeout) says: choose that below the limit.
    ///
    /// When the future is dropped, so are those of the handlers.
    pub async fn settle_pushed(
        &self,
        mut messages: Vec<ReceivedMessage>,
        time_limit: Duration,
    ) -> Vec<Verdict> {
        let until = self.clock.monotonic().saturating_add(time_limit);
        let whole = self.queues.make_whole(&self.queue, &mut messages, time_limit / 2).await;
        let (messages, lanes, whole) = (&messages, lanes_of(&messages), &whole[..]);
        let settling = lanes.into_iter().map(|lane| self.settle_lane(messages, whole, lane, until));
        let settling = futures::stream::iter(settling).buffer_unordered(self.concurrency);
        let settled: HashMap<usize, Verdict> =
            settling.flat_map(futures::stream::iter).collect().await;
        let first = first_of_each_id(messages);
        let missing = || again(Duration::MAX, "it was not tried");
        let verdict = |message: &ReceivedMessage| {
            let verdict = first.get(message.id.as_str()).and_then(|at| settled.get(at));
            verdict.cloned().unwrap_or_else(missing)
        };
        messages.iter().map(verdict).collect()
    }

    /// Settles messages one after the other, up to the first that comes again.
    async fn settle_lane(
        &self,
        messages: &[ReceivedMessage],
        whole: &[Result<()>],
        lane: Vec<usize>,
        until: Duration,
    ) -> Vec<(usize, Verdict)> {
        let mut verdicts = Vec::with_capacity(lane.len());
        let mut stopped = None;
        for at in lane {
            let message = &messages[at];
            let verdict = match stopped {
                Some(after) => {
                    self.give_back_pushed(message, after, "one before it in its group comes again")
                }
                None if self.clock.monotonic() >= until => {
                    self.give_back_pushed(message, Duration::MAX, "there was no time left for it")
                }
                None => match whole.get(at) {
                    Some(Ok(())) => self.settle_one(message, until).await,
                    Some(Err(error)) => self.give_back_unfetched(message, error),
                    None => {
                        self.give_back_pushed(message, Duration::MAX, "nobody said what is in it")
                    }
                },
            };
            if let Verdict::Again { after, .. } = verdict {
                // The queue keeps it behind the one before it. It must not be hidden for longer than that one.
                stopped.get_or_insert(match after {
                    Duration::MAX => Duration::MAX,
                    _ => Duration::ZERO,
                });
            }
            verdicts.push((at, verdict));
        }
        verdicts
    }

    async fn settle_one(&self, message: &ReceivedMessage, until: Duration) -> Verdict {
        if let Some(given_up) = self.unhandled.given_up(&message.id) {
            return self.bury_pushed(message, given_up).await;
        }
        let progress = Progress::default();
        let began = self.clock.monotonic();
        let own_limit = began.saturating_add(self.handler_timeout);
        let over = self.reaches(own_limit.min(until));
        let decided = match progress.of(self.decide(message, &progress), over).await {
            Some(decided) => decided,
            None if self.clock.monotonic() >= own_limit => {
                let attempt = self.unhandled.attempt(message);
                let verdict = self.timed_out(message);
                Decided { verdict, attempt, tried: true, not_begun: None }
            }
            None => {
                let why = "its time was over before it ended";
                return self.give_back_pushed(message, Duration::MAX, why);
            }
        };
        if let Some(error) = &decided.not_begun {
            let (consumer, message_id, cause) = (&self.name, &message.id, error.with_causes());
            tracing::warn!(%consumer, %message_id, cause, "the records cannot be asked; a message comes again");
            return self.give_back_pushed(message, Duration::MAX, &cause);
        }
        self.conclude_pushed(message, decided).await
    }

    async fn conclude_pushed(&self, message: &ReceivedMessage, decided: Decided) -> Verdict {
        let (consumer, message_id, attempt) = (&self.name, &message.id, decided.attempt);
        match decided.verdict.clone() {
            Verdict::Done => self.settled_pushed(message, "done", Verdict::Done),
            Verdict::Duplicate => self.settled_pushed(message, "duplicate", Verdict::Duplicate),
            Verdict::Again { after, error } if !decided.tried => {
                self.unhandled.note(message_id);
                self.count("given_back");
                Verdict::Again { after, error }
            }
            Verdict::Again { after, error } => {
                tracing::warn!(
                    %consumer, %message_id, attempt, error, ?after,
                    "a message was not handled and comes again"
                );
                self.count("retried");
                Verdict::Again { after, error }
            }
            Verdict::DeadLetter { reason, error } => {
                tracing::error!(
                    %consumer, %message_id, attempt, %reason, error, "a message cannot be handled"
                );
                let given_up = Arc::new(decided.given_up(reason, error));
                self.bury_pushed(message, given_up).await
            }
        }
    }

    /// Sends a message to the dead letters. While that fails, or there is no queue for them, it comes again.
    async fn bury_pushed(&self, message: &ReceivedMessage, given_up: Arc<GivenUp>) -> Verdict {
        let Some(dead_letters) = &self.dead_letters else {
            self.count("retried");
            let after = self.backoff.delay(given_up.attempts, &*self.entropy);
            return Verdict::Again { after, error: given_up.error.clone() };
        };
        match self.bury(dead_letters, message, &given_up).await {
            Ok(()) => {
                let GivenUp { reason, error, .. } = (*given_up).clone();
                self.settled_pushed(message, "dead_lettered", Verdict::DeadLetter { reason, error })
            }
            Err(error) => {
                let (consumer, message_id) = (&self.name, &message.id);
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(%consumer, %message_id, cause, "a dead letter could not be sent; it comes again");
                self.unhandled.give_up(&message.id, given_up);
                self.count("retried");
                Verdict::Again { after: self.backoff.max, error: error.with_causes() }
            }
        }
    }

    fn settled_pushed(
        &self,
        message: &ReceivedMessage,
        outcome: &'static str,
        verdict: Verdict,
    ) -> Verdict {
        self.unhandled.forget(&message.id);
        self.count(outcome);
        verdict
    }

    fn give_back_unfetched(&self, message: &ReceivedMessage, error: &Error) -> Verdict {
        let (consumer, message_id, cause) = (&self.name, &message.id, error.with_causes());
        tracing::warn!(%consumer, %message_id, cause, "a body cannot be fetched; its message comes again");
        self.give_back_pushed(message, Duration::MAX, &cause)
    }

    fn give_back_pushed(&self, message: &ReceivedMessage, after: Duration, why: &str) -> Verdict {
        self.unhandled.note(&message.id);
        self.count("given_back");
        again(after, why)
    }
}

fn again(after: Duration, why: &str) -> Verdict {
    Verdict::Again { after, error: why.to_owned() }
}

/// Where each message is for the first time.
fn first_of_each_id(messages: &[ReceivedMessage]) -> HashMap<&str, usize> {
    let mut first = HashMap::with_capacity(messages.len());
    for (at, message) in messages.iter().enumerate() {
        first.entry(message.id.as_str()).or_insert(at);
    }
    first
}

/// What is handled one after the other: the messages of a group. All others are for themselves, in the order in
/// which they came.
fn lanes_of(messages: &[ReceivedMessage]) -> Vec<Vec<usize>> {
    let first = first_of_each_id(messages);
    let mut lanes: Vec<Vec<usize>> = Vec::new();
    let mut of_group: HashMap<&str, usize> = HashMap::new();
    for (at, message) in messages.iter().enumerate() {
        if first.get(message.id.as_str()) != Some(&at) {
            continue;
        }
        match &message.group {
            Some(group) => match of_group.get(group.as_str()) {
                Some(&lane) => lanes[lane].push(at),
                None => {
                    of_group.insert(group, lanes.len());
                    lanes.push(vec![at]);
                }
            },
            None => lanes.push(vec![at]),
        }
    }
    lanes
}
