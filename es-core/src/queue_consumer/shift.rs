//! One run of a consumer: what it has to do, and what comes of it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::{AbortHandle, Abortable, BoxFuture, pending};
use futures::stream::FuturesUnordered;

use super::QueueConsumer;
use super::in_hand::{Burial, Cancelled, Hand, InHand, Stage, Token};
use super::observed::Shown;
use super::outbox::{Entry, Outbox};
use super::progress::Progress;
use super::receiving::{Receipts, Received};
use super::verdict::{Decided, Verdict};
use super::worked::Worked;
use crate::consumer::ConsumerState;
use crate::error::{Error, Result};
use crate::message_queue::ReceiptHandle;
use crate::telemetry;

/// When a shift ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// When it is told to.
    Shutdown,
    /// When the queue gives nothing more, or cannot be reached.
    Empty,
}

/// A consumer at work, from its first receive until everything in its hand is settled. All that it
/// waits for is in here: to drop it is to stop at once, and leave the rest to come again.
pub(super) struct Shift<'a> {
    pub(super) consumer: &'a QueueConsumer,
    pub(super) until: Until,
    pub(super) hand: Hand,
    pub(super) receiving: Receipts<'a>,
    handling: FuturesUnordered<BoxFuture<'a, (Token, Option<Decided>)>>,
    pub(super) requests: FuturesUnordered<BoxFuture<'a, Answer>>,
    pub(super) acknowledgements: Outbox,
    pub(super) releases: Outbox,
    pub(super) leaving: Option<Leaving>,
    pub(super) failure: Option<Error>,
    pub(super) worked: Worked,
    /// Whether the queue itself moves what was received too often.
    redrives: bool,
    shown: Shown<'a>,
}

/// The end of a shift.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving {
    /// Until then handlers may run.
    pub(super) handlers_until: Duration,
    /// Until then the queue is told what became of the messages.
    pub(super) all_until: Duration,
}

/// What the queue answered.
pub(super) enum Answer {
    Extended(Vec<Extension>, Result<Vec<Result<()>>>),
    Acknowledged(Vec<(Entry, ReceiptHandle)>, Result<Vec<Result<()>>>),
    Released(Vec<(Entry, ReceiptHandle)>, Result<Vec<Result<()>>>),
    Buried(Token, Result<()>),
}

/// A hold that was to be extended.
pub(super) struct Extension {
    pub(super) token: Token,
    pub(super) receipt: ReceiptHandle,
    pub(super) asked_at: Duration,
    pub(super) by: Duration,
}

/// What a shift was waiting for.
enum Happened {
    Shutdown,
    Handled(Token, Option<Decided>),
    Answered(Answer),
    Received(Received),
    TimePassed,
}

impl<'a> Shift<'a> {
    /// How long the queue is told what became of messages after handlers had to stop.
    const LAST_WORDS: Duration = Duration::from_secs(5);

    /// How often what has to be sent is tried by a shift that does not last.
    pub(super) const TRIES: u32 = 5;

    pub(super) fn new(consumer: &'a QueueConsumer, until: Until, redrives: bool) -> Self {
        Self {
            consumer,
            until,
            hand: Hand::default(),
            receiving: Receipts::default(),
            handling: FuturesUnordered::new(),
            requests: FuturesUnordered::new(),
            acknowledgements: Outbox::default(),
            releases: Outbox::default(),
            leaving: None,
            failure: None,
            worked: Worked::default(),
            redrives,
            shown: consumer.observed.begin(),
        }
    }

    pub(super) async fn work(
        mut self,
        mut shutdown: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<Worked> {
        loop {
            let now = self.now();
            self.begin_what_is_due(now);
            self.shown.holds(self.hand.len(), self.worked);
            if self.is_over(now) {
                break;
            }
            let happened = self.wait(now, shutdown.as_mut()).await;
            self.take(happened);
        }
        match self.failure {
            Some(error) => Err(error),
            None => Ok(self.worked),
        }
    }

    async fn wait(
        &mut self,
        now: Duration,
        shutdown: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Happened {
        let clock = &self.consumer.clock;
        let next = self.next_due(now);
        let time_passes = async {
            match next {
                Some(next) => clock.sleep(next.saturating_sub(now)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // First, so that after a standstill no handler goes on with what is over.
            () = time_passes => Happened::TimePassed,
            () = shutdown, if self.leaving.is_none() => Happened::Shutdown,
            Some((token, ended)) = self.handling.next() => Happened::Handled(token, ended),
            Some(answer) = self.requests.next() => Happened::Answered(answer),
            received = self.receiving.next() => Happened::Received(received),
        }
    }

    fn take(&mut self, happened: Happened) {
        let now = self.now();
        match happened {
            Happened::Shutdown => self.leave(now),
            Happened::Handled(token, Some(decided)) => self.decided(token, decided, now),
            Happened::Handled(token, None) => self.was_cancelled(token, now),
            Happened::Answered(Answer::Extended(holds, result)) => {
                self.extended(holds, result, now)
            }
            Happened::Answered(Answer::Acknowledged(batch, result)) => {
                self.acknowledged(batch, result, now);
            }
            Happened::Answered(Answer::Released(batch, result)) => {
                self.released(batch, result, now);
            }
            Happened::Answered(Answer::Buried(token, result)) => self.buried(token, result, now),
            Happened::Received(received) => self.received(received, now),
            Happened::TimePassed => {}
        }
    }

    fn begin_what_is_due(&mut self, now: Duration) {
        self.cancel_what_is_over(now);
        self.send_heartbeats(now);
        self.bury_what_is_due(now);
        self.begin_what_was_stalled(now);
        self.tell_the_queue(now);
        self.receive_if_there_is_room(now);
    }

    /// When something is due that no answer will bring about.
    fn next_due(&self, now: Duration) -> Option<Duration> {
        let of_messages = self.hand.iter().filter_map(|(_, held)| Self::due(held)).min();
        let leaving = self.leaving.map(|leaving| match now < leaving.handlers_until {
            true => leaving.handlers_until,
            false => leaving.all_until,
        });
        let outboxes = [self.acknowledgements.next_due(), self.releases.next_due()];
        let all = outboxes.into_iter().chain([of_messages, leaving, self.next_receive(now)]);
        all.flatten().min()
    }

    fn due(held: &InHand) -> Option<Duration> {
        let of_stage = match &held.stage {
            Stage::Waiting => Some(held.hold.over_at()),
            Stage::Stalled(due) => Some(held.hold.over_at().min(*due)),
            Stage::Handling { until, cancelled: None, .. } => Some(held.hold.over_at().min(*until)),
            Stage::Burying(burial) => burial.due.map(|due| due.min(held.hold.over_at())),
            Stage::GivenBack(_) => Some(held.hold.over_at()),
            Stage::Handling { .. } | Stage::Done => None,
        };
        let is_held = !matches!(held.stage, Stage::GivenBack(_));
        let extend_at = held.hold.extend_at().filter(|_| is_held);
        of_stage.into_iter().chain(extend_at).min()
    }

    fn is_over(&self, now: Duration) -> bool {
        let may_be = match self.leaving {
            Some(leaving) if now >= leaving.all_until => return true,
            Some(_) => true,
            None => self.receiving.found_the_end(),
        };
        may_be && self.hand.is_empty()
    }

    pub(super) fn now(&self) -> Duration {
        self.consumer.clock.monotonic()
    }

    /// Stops taking messages, and gives back what nobody works on.
    pub(super) fn leave(&mut self, now: Duration) {
        if self.leaving.is_some() {
            return;
        }
        let handlers_until = now + self.consumer.drain;
        let all_until = handlers_until + Self::LAST_WORDS;
        self.leaving = Some(Leaving { handlers_until, all_until });
        for token in
            self.hand.tokens_of(|held| matches!(held.stage, Stage::Waiting | Stage::Stalled(_)))
        {
            self.give_back_unhandled(token, now);
        }
    }

    /// Stops at an error that trying again cannot help.
    pub(super) fn fail(&mut self, error: Error, now: Duration) {
        let (consumer, queue) = (&self.consumer.name, &self.consumer.queue);
        let cause = &error as &dyn std::error::Error;
        tracing::error!(%consumer, %queue, cause, "stopped at an error that trying again cannot help");
        self.shown.met(&error.with_causes(), ConsumerState::Failed, self.consumer.clock.now());
        self.failure.get_or_insert(error);
        self.leave(now);
    }

    /// Notes an error that is tried again.
    pub(super) fn note(&self, error: &Error, what: &str) {
        let (consumer, queue) = (&self.consumer.name, &self.consumer.queue);
        let cause = error as &dyn std::error::Error;
        tracing::warn!(%consumer, %queue, cause, "{what}");
        self.shown.met(&error.with_causes(), ConsumerState::Retrying, self.consumer.clock.now());
    }

    /// Notes that what had failed succeeds again.
    pub(super) fn is_well_again(&self) {
        self.shown.is_well();
    }

    pub(super) fn count(&self, outcome: &'static str) {
        self.consumer.count(outcome);
    }

    /// Begins to handle a message.
    pub(super) fn start(&mut self, token: Token, now: Duration) {
        let consumer = self.consumer;
        let Some(held) = self.hand.get_mut(token) else { return };
        let message = held.message.clone();
        if let Some(given_up) = consumer.unhandled.given_up(&message.id) {
            held.stage = Stage::Burying(Burial { given_up, failures: 0, due: Some(now) });
            return;
        }
        let (abort, registration) = AbortHandle::new_pair();
        let until = now + consumer.handler_timeout;
        held.stage = Stage::Handling { abort, until, cancelled: None };
        let handling = async move {
            let progress = Progress::default();
            let broken_off = Abortable::new(pending::<()>(), registration);
            // A record that takes longer than its claim is held is none.
            let decided = tokio::select! {
                biased;
                decided = progress.of(consumer.decide(&message, &progress), broken_off) => decided,
                () = consumer.reaches(now + consumer.claim_hold()) => None,
            };
            let took = consumer.clock.monotonic().saturating_sub(now);
            metrics::histogram!(telemetry::MESSAGE_SECONDS, "consumer" => consumer.name.clone())
                .record(took.as_secs_f64());
            (token, decided)
        };
        self.handling.push(Box::pin(handling));
    }

    /// Holds a message until the records can be asked about it. To give it back would have the queue count
    /// receives that are no attempts, and other processes do not know that they are none.
    fn stall(&mut self, token: Token, error: &Error, now: Duration) {
        self.note(error, "the records cannot be asked; nothing is received until they can");
        let Some(held) = self.hand.get_mut(token) else { return };
        held.not_begun = held.not_begun.saturating_add(1);
        let delay = QueueConsumer::REQUESTS.delay(held.not_begun, &*self.consumer.entropy);
        held.stage = Stage::Stalled(now + delay);
    }

    fn begin_what_was_stalled(&mut self, now: Duration) {
        let is_due = |held: &InHand| matches!(held.stage, Stage::Stalled(due) if due <= now);
        for token in self.hand.tokens_of(is_due) {
            self.start(token, now);
        }
    }

    /// Breaks off what may not go on.
    fn cancel_what_is_over(&mut self, now: Duration) {
        let leaving = self.leaving;
        let is_over = |held: &InHand| {
            let hold_is_over = now >= held.hold.over_at();
            match &held.stage {
                Stage::Waiting | Stage::Stalled(_) | Stage::GivenBack(_) => hold_is_over,
                Stage::Handling { until, cancelled: None, .. } => {
                    let leaves = leaving.is_some_and(|leaving| now >= leaving.handlers_until);
                    hold_is_over || now >= *until || leaves
                }
                Stage::Burying(burial) => hold_is_over && burial.due.is_some(),
                Stage::Handling { .. } | Stage::Done => false,
            }
        };
        for token in self.hand.tokens_of(is_over) {
            let Some(held) = self.hand.get(token) else { continue };
            let hold_is_over = now >= held.hold.over_at();
            match &held.stage {
                Stage::Handling { .. } if hold_is_over && held.hold.is_at_limit() => {
                    self.cancel(token, Cancelled::HeldTooLong);
                }
                Stage::Handling { .. } if hold_is_over => self.cancel(token, Cancelled::HoldOver),
                Stage::Handling { until, .. } if now >= *until => {
                    self.cancel(token, Cancelled::TimedOut);
                }
                Stage::Handling { .. } => self.cancel(token, Cancelled::Shutdown),
                _ => self.leave_to_come_again(token, now),
            }
        }
    }

    /// Drops the future of a handler, unless it has just come to its end: then that is recorded. What
    /// follows, follows from that.
    pub(super) fn cancel(&mut self, token: Token, why: Cancelled) {
        let Some(held) = self.hand.get_mut(token) else { return };
        if let Stage::Handling { abort, cancelled: cancelled @ None, .. } = &mut held.stage {
            *cancelled = Some(why);
            abort.abort();
            let (consumer, message_id) = (&self.consumer.name, &held.message.id);
            tracing::warn!(%consumer, %message_id, ?why, "a handler was cancelled");
        }
    }

    fn was_cancelled(&mut self, token: Token, now: Duration) {
        let Some(held) = self.hand.get(token) else { return };
        let Stage::Handling { cancelled, .. } = held.stage else { return };
        match cancelled.unwrap_or(Cancelled::TimedOut) {
            Cancelled::ReceiptLost | Cancelled::HoldOver => self.leave_to_come_again(token, now),
            Cancelled::HeldTooLong | Cancelled::Shutdown => {
                self.give_back_behind(token, now);
                self.give_back_unhandled(token, now);
            }
            Cancelled::TimedOut => {
                let attempt = self.consumer.unhandled.attempt(&held.message);
                let verdict = self.consumer.timed_out(&held.message);
                self.decided(
                    token,
                    Decided { verdict, attempt, tried: true, not_begun: None },
                    now,
                );
            }
        }
    }

    fn decided(&mut self, token: Token, decided: Decided, now: Duration) {
        let Some(id) = self.hand.get(token).map(|held| held.message.id.clone()) else { return };
        if let Some(error) = &decided.not_begun
            && self.until == Until::Shutdown
            && self.leaving.is_none()
        {
            return self.stall(token, error, now);
        }
        match decided.verdict.clone() {
            Verdict::Done => {
                self.worked.done += 1;
                self.count("done");
                self.is_done(token, now);
            }
            Verdict::Duplicate => {
                self.worked.duplicates += 1;
                self.count("duplicate");
                self.is_done(token, now);
            }
            Verdict::Again { after, .. } if !decided.tried => {
                self.give_back_behind(token, now);
                self.consumer.unhandled.note(&id);
                self.worked.given_back += 1;
                self.count("given_back");
                self.give_back(token, after, now);
            }
            Verdict::Again { after, error } => {
                tracing::warn!(
                    consumer = %self.consumer.name, message_id = %id, attempt = decided.attempt, error,
                    ?after, "a message was not handled and comes again"
                );
                self.retry(token, after, &error, now);
            }
            Verdict::DeadLetter { reason, error } => {
                tracing::error!(
                    consumer = %self.consumer.name, message_id = %id, attempt = decided.attempt,
                    %reason, error, "a message cannot be handled"
                );
                if self.consumer.dead_letters.is_some() {
                    self.shown.noticed(&error, self.consumer.clock.now());
                    let given_up = decided.given_up(reason, error).into();
                    let burial = Burial { given_up, failures: 0, due: Some(now) };
                    if let Some(held) = self.hand.get_mut(token) {
                        held.stage = Stage::Burying(burial);
                    }
                    return;
                }
                // The queue moves it when it has been received often enough. Without a redrive policy it
                // comes back until its retention is over.
                let backoff = self.consumer.backoff;
                let wait = match self.redrives {
                    true => backoff.delay(decided.attempt, &*self.consumer.entropy),
                    false => backoff.max,
                };
                self.retry(token, wait, &error, now);
            }
        }
    }

    fn retry(&mut self, token: Token, after: Duration, error: &str, now: Duration) {
        self.shown.noticed(error, self.consumer.clock.now());
        self.give_back_behind(token, now);
        self.worked.retried += 1;
        self.count("retried");
        self.give_back(token, after, now);
    }

    /// Acknowledges a message and goes on with the next of its group.
    pub(super) fn is_done(&mut self, token: Token, now: Duration) {
        let Some(held) = self.hand.get_mut(token) else { return };
        held.stage = Stage::Done;
        self.consumer.unhandled.forget(&held.message.id);
        self.acknowledgements.put(token, now, self.consumer.linger);
        if let Some(&next) = self.hand.step_out(token).first() {
            self.start(next, now);
        }
    }

    /// Gives the later ones of a group back, which must not be handled before this one.
    pub(super) fn give_back_behind(&mut self, token: Token, now: Duration) {
        for later in self.hand.step_out(token) {
            self.give_back_unhandled(later, now);
        }
    }

    pub(super) fn give_back_unhandled(&mut self, token: Token, now: Duration) {
        let Some(held) = self.hand.get(token) else { return };
        self.consumer.unhandled.note(&held.message.id);
        self.worked.given_back += 1;
        self.count("given_back");
        self.give_back(token, Duration::ZERO, now);
    }

    pub(super) fn give_back(&mut self, token: Token, after: Duration, now: Duration) {
        self.hand.step_out(token);
        let Some(held) = self.hand.get_mut(token) else { return };
        held.stage = Stage::GivenBack(after);
        // A heartbeat that arrives after the release would hide the message again.
        if held.hold.is_being_extended() {
            return;
        }
        self.releases.put(token, now, self.consumer.linger);
    }

    /// Lets a message go whose hold is over, or is somebody else's. It comes by itself.
    pub(super) fn leave_to_come_again(&mut self, token: Token, now: Duration) {
        self.give_back_behind(token, now);
        if let Some(held) = self.let_go(token)
            && !matches!(held.stage, Stage::GivenBack(_))
        {
            if matches!(held.stage, Stage::Waiting | Stage::Stalled(_)) {
                self.consumer.unhandled.note(&held.message.id);
            }
            self.worked.given_back += 1;
            self.count("given_back");
        }
    }

    pub(super) fn let_go(&mut self, token: Token) -> Option<InHand> {
        self.acknowledgements.forget(token);
        self.releases.forget(token);
        self.receiving.something_changed();
        self.hand.let_go(token)
    }

    /// Whether nothing is left that could add to a batch soon.
    pub(super) fn nothing_more_to_tell_soon(&self) -> bool {
        let working = |held: &InHand| {
            matches!(held.stage, Stage::Handling { .. } | Stage::Burying(_) | Stage::Waiting)
        };
        self.leaving.is_some() || !self.hand.iter().any(|(_, held)| working(held))
    }
}
