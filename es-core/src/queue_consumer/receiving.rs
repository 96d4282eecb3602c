//! When messages are received, and how many.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::QueueConsumer;
use super::in_hand::{Hold, Stage};
use super::shift::{Shift, Until};
use crate::error::{Error, Result};
use crate::message_queue::{MAX_BATCH, ReceiveOptions, ReceivedMessage};
use crate::telemetry;

/// The receive that is under way, and when the next one is.
#[derive(Default)]
pub(super) struct Receipts<'a> {
    under_way: Option<BoxFuture<'a, Received>>,
    not_before: Duration,
    failures: u32,
    /// Since when there is room, but not for a full batch.
    some_room_since: Option<Duration>,
    /// How often something has left the hand.
    departures: u64,
    /// How often it had when the last receive was asked for, if that gave nothing.
    found_nothing_after: Option<u64>,
    /// A receive gave nothing while nothing was in the hand.
    found_the_end: bool,
}

/// What a receive came to.
pub(super) struct Received {
    /// Before it was asked for: from when holds are counted.
    asked_at: Duration,
    /// Whether nothing was in the hand then.
    empty_handed: bool,
    /// How often something had left the hand then.
    departures: u64,
    /// For how long it was to wait.
    wait: Duration,
    result: Result<Vec<ReceivedMessage>>,
}

impl Receipts<'_> {
    /// What the receive that is under way gives. Never ready when there is none.
    pub(super) async fn next(&mut self) -> Received {
        let Some(receive) = &mut self.under_way else { return std::future::pending().await };
        let received = receive.await;
        self.under_way = None;
        received
    }

    /// Something has left the hand: the queue may have more to give than before.
    pub(super) fn something_changed(&mut self) {
        self.departures = self.departures.wrapping_add(1);
    }

    /// The last receive gave nothing, and nothing has left the hand since it was asked for. What leaves the
    /// hand while a receive is under way counts: after the last message nothing else would ask again.
    fn found_nothing(&self) -> bool {
        self.found_nothing_after == Some(self.departures)
    }

    /// For a shift that ends there.
    pub(super) fn found_the_end(&self) -> bool {
        self.found_the_end
    }
}

impl Shift<'_> {
    /// The most by which two receives are apart of which the first gave nothing. A queue that waits as long as
    /// it is asked to is asked again at once; one that cannot, as SQS for less than a second, is not asked
    /// without a pause.
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);

    /// Asks for as many messages as there is room for, and waits a little for room for a full batch
    /// while there is some work.
    pub(super) fn receive_if_there_is_room(&mut self, now: Duration) {
        if self.receive_due().is_none_or(|due| due > now) {
            return;
        }
        let room = self.room().min(MAX_BATCH);
        let full_batch = self.consumer.concurrency.min(MAX_BATCH);
        let some_room_since = *self.receiving.some_room_since.get_or_insert(now);
        if room < full_batch && now < some_room_since + self.consumer.linger {
            return;
        }
        self.receiving.some_room_since = None;
        let (consumer, empty_handed) = (self.consumer, self.hand.is_empty());
        let departures = self.receiving.departures;
        let wait = match self.until {
            Until::Shutdown => consumer.long_poll(),
            Until::Empty => Duration::ZERO,
        };
        let options =
            ReceiveOptions::up_to(room).wait(wait).visibility_timeout(consumer.visibility_timeout);
        let receive = async move {
            let result = consumer.queues.receive(&consumer.queue, options).await;
            Received { asked_at: now, empty_handed, departures, wait, result }
        };
        self.receiving.under_way = Some(receive.boxed());
    }

    /// When the next receive can be asked for; `None` while something has to happen before.
    fn receive_due(&self) -> Option<Duration> {
        let receiving = &self.receiving;
        // What is no dead letter yet is not acknowledged either: the queue keeps the rest.
        let may = receiving.under_way.is_none()
            && self.leaving.is_none()
            && self.room() > 0
            && !self.cannot_bury()
            && !self.cannot_begin()
            && !(self.until == Until::Empty
                && (receiving.found_nothing() || receiving.found_the_end));
        may.then_some(receiving.not_before)
    }

    pub(super) fn next_receive(&self, now: Duration) -> Option<Duration> {
        let due = self.receive_due()?;
        let lingers = self.receiving.some_room_since.map(|since| since + self.consumer.linger);
        Some(if due > now { due } else { lingers.unwrap_or(due) })
    }

    fn room(&self) -> usize {
        self.consumer.concurrency.saturating_sub(self.hand.len())
    }

    fn cannot_bury(&self) -> bool {
        let failed = |stage: &Stage| matches!(stage, Stage::Burying(burial) if burial.failures > 0);
        self.hand.iter().any(|(_, held)| failed(&held.stage))
    }

    /// What more is received could not be handled either, and a receive is counted by the queue.
    fn cannot_begin(&self) -> bool {
        self.hand.iter().any(|(_, held)| matches!(held.stage, Stage::Stalled(_)))
    }

    pub(super) fn received(&mut self, received: Received, now: Duration) {
        match received.result {
            Ok(messages) => {
                self.receiving.failures = 0;
                self.is_well_again();
                self.receiving.found_nothing_after =
                    messages.is_empty().then_some(received.departures);
                self.receiving.found_the_end =
                    messages.is_empty() && received.empty_handed && self.until == Until::Empty;
                if messages.is_empty() {
                    let pause = received.wait.min(Self::LONGEST_PAUSE);
                    self.receiving.not_before = received.asked_at + pause;
                }
                for message in messages {
                    self.take_in_hand(message, received.asked_at, now);
                }
            }
            Err(error) if error.is_transient() => self.receive_failed(error, now),
            Err(error) => self.fail(error, now),
        }
    }

    fn receive_failed(&mut self, error: Error, now: Duration) {
        self.receiving.failures += 1;
        let failures = self.receiving.failures;
        self.note(&error, "no messages could be received; this is tried again");
        if self.until == Until::Empty && failures >= Self::TRIES {
            return self.fail(error, now);
        }
        let delay = QueueConsumer::REQUESTS.delay(failures, &*self.consumer.entropy);
        self.receiving.not_before = now + delay;
    }

    fn take_in_hand(&mut self, message: ReceivedMessage, asked_at: Duration, now: Duration) {
        let consumer = self.consumer;
        self.worked.received += 1;
        metrics::counter!(telemetry::MESSAGES_RECEIVED, "consumer" => consumer.name.clone())
            .increment(1);
        let hold = Hold::new(asked_at, consumer.visibility_timeout);
        if let Some(token) = self.hand.of(&message.id)
            && let Some(held) = self.hand.get_mut(token)
        {
            if held.is_at_work() {
                held.comes_again(message.receipt, hold);
                self.worked.duplicates += 1;
                return self.count("duplicate");
            }
            // What was to be done with it is over, and what waits for it was not handled.
            self.give_back_behind(token, now);
            self.let_go(token);
        }
        // The answer took so long that its time may be over: it is given back by somebody who does not
        // know until when it is hidden, and handled by whoever gets it next.
        let came_late = hold.over_at() <= now;
        let hold = if came_late { Hold::new(now, consumer.visibility_timeout) } else { hold };
        let token = self.hand.take(message, hold);
        if came_late || self.leaving.is_some() {
            return self.give_back_unhandled(token, now);
        }
        if !consumer.queue.is_fifo() || self.hand.line_up(token) {
            self.start(token, now);
        }
    }
}
