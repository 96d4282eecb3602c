//! The receipts that were handed out, and for how long each holds its message.
//!
//! SQS answers success to old receipts of standard queues. What this process knows by itself it says instead:
//! that it has received the message again, has given it back or acknowledged it, or that the time is over.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use es_core::{Error, MessageId, QueueName, QueueOptions, ReceiptHandle, Result};

pub(super) struct Holds {
    most: usize,
    hashers: [RandomState; 2],
    book: Mutex<Book>,
}

/// Stands for a receipt, which is some hundred bytes long.
type Fingerprint = (u64, u64);

#[derive(Default)]
struct Book {
    holds: HashMap<Fingerprint, Hold>,
    newest: HashMap<MessageId, Fingerprint>,
    /// In the order of their coming, to forget the oldest.
    order: VecDeque<Fingerprint>,
}

/// Times are those of the monotonic clock, not later than SQS sees them.
struct Hold {
    queue: QueueName,
    message: MessageId,
    since: Duration,
    until: Duration,
    /// It was used up, or the message was received again.
    is_lost: bool,
}

/// What was made of the end of a hold before SQS was asked to change it.
#[derive(Debug)]
pub(super) struct Shortened {
    from: Duration,
    to: Duration,
}

impl Holds {
    /// With the newest `most` receipts.
    pub(super) fn remembering(most: usize) -> Self {
        let hashers = [RandomState::new(), RandomState::new()];
        Self { most, hashers, book: Mutex::default() }
    }

    /// A message was received. An older receipt of it does not count any more.
    pub(super) fn received(
        &self,
        queue: &QueueName,
        message: &MessageId,
        receipt: &ReceiptHandle,
        (since, until): (Duration, Duration),
    ) {
        let fingerprint = self.fingerprint(receipt);
        let mut book = self.book();
        if let Some(older) = book.newest.insert(message.clone(), fingerprint)
            && let Some(older) = book.holds.get_mut(&older)
        {
            older.is_lost = true;
        }
        let (queue, message) = (queue.clone(), message.clone());
        let hold = Hold { queue, message, since, until, is_lost: false };
        if book.holds.insert(fingerprint, hold).is_none() {
            book.order.push_back(fingerprint);
        }
        book.forget_all_but(self.most);
    }

    /// Whether an acknowledgement can still count. What is not known here, SQS has to say.
    pub(super) fn check_acknowledgement(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
    ) -> Result<()> {
        match self.book().holds.get(&self.fingerprint(receipt)) {
            Some(hold) if hold.is_lost || hold.queue != *queue => Err(lost(queue)),
            _ => Ok(()),
        }
    }

    /// Whether a message can still be hidden for `timeout` from `now`. From here on nothing more than
    /// that is sure, until it is known that SQS has [refused](Self::refused): who asks may not get the
    /// answer. `None` for a receipt that is not remembered.
    pub(super) fn begin_hiding(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        now: Duration,
        timeout: Duration,
    ) -> Result<Option<Shortened>> {
        let fingerprint = self.fingerprint(receipt);
        let mut book = self.book();
        let Some(hold) = book.holds.get_mut(&fingerprint) else { return Ok(None) };
        if hold.is_lost || hold.queue != *queue || now >= hold.until {
            return Err(lost(queue));
        }
        let (until, limit) = (now.saturating_add(timeout), QueueOptions::MAX_VISIBILITY_TIMEOUT);
        if until > hold.since.saturating_add(limit) {
            return Err(Error::HeldTooLong { queue: queue.clone(), limit });
        }
        let from = hold.until;
        hold.until = from.min(until);
        Ok(Some(Shortened { from, to: hold.until }))
    }

    /// SQS has changed nothing, surely: the hold ends when it would have ended. What has become of it
    /// through another request stays.
    pub(super) fn refused(&self, receipt: &ReceiptHandle, shortened: &Shortened) {
        if let Some(hold) = self.book().holds.get_mut(&self.fingerprint(receipt))
            && hold.until == shortened.to
        {
            hold.until = shortened.from;
        }
    }

    /// The message is hidden until then.
    pub(super) fn hidden(&self, receipt: &ReceiptHandle, until: Duration) {
        if let Some(hold) = self.book().holds.get_mut(&self.fingerprint(receipt)) {
            hold.until = until;
        }
    }

    /// The message was acknowledged or given back, or SQS says that the receipt does not count.
    pub(super) fn used_up(&self, receipt: &ReceiptHandle) {
        if let Some(hold) = self.book().holds.get_mut(&self.fingerprint(receipt)) {
            hold.is_lost = true;
        }
    }

    /// All messages of the queue are gone.
    pub(super) fn purged(&self, queue: &QueueName) {
        for hold in self.book().holds.values_mut().filter(|hold| hold.queue == *queue) {
            hold.is_lost = true;
        }
    }

    /// By chance the same for two receipts once in 10³⁸ pairs.
    fn fingerprint(&self, receipt: &ReceiptHandle) -> Fingerprint {
        let [one, other] = &self.hashers;
        (one.hash_one(receipt.as_str()), other.hash_one(receipt.as_str()))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn forget_all_but(&mut self, most: usize) {
        while self.order.len() > most {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(hold) = self.holds.remove(&oldest)
                && self.newest.get(&hold.message) == Some(&oldest)
            {
                self.newest.remove(&hold.message);
            }
        }
    }
}

pub(super) fn lost(queue: &QueueName) -> Error {
    Error::ReceiptLost { queue: queue.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn queue() -> QueueName {
        QueueName::new("q").unwrap()
    }

    fn receipt(n: usize) -> ReceiptHandle {
        ReceiptHandle::from_stored(&format!("receipt {n}"))
    }

    /// The message `m<n>` is received with receipt `n` at 0 for 30 s.
    fn holding(most: usize, receipts: usize) -> Holds {
        let holds = Holds::remembering(most);
        for n in 0..receipts {
            let message = MessageId::from_stored(&format!("m{n}"));
            holds.received(&queue(), &message, &receipt(n), (Duration::ZERO, 30 * SECOND));
        }
        holds
    }

    fn hide(
        holds: &Holds,
        n: usize,
        now: Duration,
        timeout: Duration,
    ) -> Result<Option<Shortened>> {
        holds.begin_hiding(&queue(), &receipt(n), now, timeout)
    }

    #[test]
    fn a_hold_ends_with_its_time() {
        let holds = holding(10, 1);
        assert!(hide(&holds, 0, 29 * SECOND, 30 * SECOND).is_ok());
        holds.hidden(&receipt(0), 59 * SECOND);
        assert!(hide(&holds, 0, 58 * SECOND, SECOND / 2).is_ok());
        let late = hide(&holds, 0, 59 * SECOND, SECOND);
        assert!(matches!(late, Err(Error::ReceiptLost { .. })), "{late:?}");
    }

    #[test]
    fn a_shorter_time_may_hold_though_its_answer_is_lost() {
        let holds = holding(10, 1);
        assert!(hide(&holds, 0, SECOND, SECOND).is_ok());
        assert!(matches!(hide(&holds, 0, 2 * SECOND, SECOND), Err(Error::ReceiptLost { .. })));
        let holds = holding(10, 1);
        assert!(hide(&holds, 0, SECOND, 60 * SECOND).is_ok());
        assert!(matches!(hide(&holds, 0, 30 * SECOND, SECOND), Err(Error::ReceiptLost { .. })));
    }

    #[test]
    fn a_refused_change_leaves_the_hold_as_it_was() {
        let holds = holding(10, 1);
        let released = hide(&holds, 0, SECOND, Duration::ZERO).unwrap().unwrap();
        holds.refused(&receipt(0), &released);
        assert!(hide(&holds, 0, 29 * SECOND, 30 * SECOND).is_ok());
        let holds = holding(10, 1);
        let released = hide(&holds, 0, SECOND, Duration::ZERO).unwrap().unwrap();
        // By a request that was asked before, and answered behind.
        holds.hidden(&receipt(0), 10 * SECOND);
        holds.refused(&receipt(0), &released);
        assert!(matches!(hide(&holds, 0, 10 * SECOND, SECOND), Err(Error::ReceiptLost { .. })));
    }

    #[test]
    fn the_oldest_receipts_are_forgotten() {
        let holds = holding(3, 5);
        for n in 0..5 {
            holds.used_up(&receipt(n));
        }
        let is_known = |n| holds.check_acknowledgement(&queue(), &receipt(n)).is_err();
        assert_eq!([0, 1, 2, 3, 4].map(is_known), [false, false, true, true, true]);
        assert_eq!(holds.book().newest.len(), 3);
    }

    #[test]
    fn a_message_that_is_received_again_has_one_receipt_that_counts() {
        let holds = holding(10, 2);
        let again = (40 * SECOND, 70 * SECOND);
        holds.received(&queue(), &MessageId::from_stored("m0"), &receipt(7), again);
        let counts = |n| holds.check_acknowledgement(&queue(), &receipt(n)).is_ok();
        assert_eq!([0, 1, 7].map(counts), [false, true, true]);
        holds.purged(&queue());
        assert_eq!([0, 1, 7].map(counts), [false; 3]);
    }
}
