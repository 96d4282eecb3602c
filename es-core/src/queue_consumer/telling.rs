//! Telling the queue what became of messages, in batches.

use std::time::Duration;

use super::QueueConsumer;
use super::in_hand::Stage;
use super::outbox::Entry;
use super::shift::{Answer, Shift, Until};
use crate::error::{Error, Result};
use crate::message_queue::ReceiptHandle;

/// What the queue is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Acknowledgement,
    Release,
}

impl Shift<'_> {
    pub(super) fn tell_the_queue(&mut self, now: Duration) {
        let alone = self.nothing_more_to_tell_soon();
        while let Some(batch) = self.acknowledgements.take(now, alone) {
            self.acknowledge(batch);
        }
        while let Some(batch) = self.releases.take(now, alone) {
            self.release(batch, now);
        }
    }

    fn acknowledge(&mut self, batch: Vec<Entry>) {
        let batch: Vec<(Entry, ReceiptHandle)> =
            batch.into_iter().filter_map(|entry| self.with_receipt(entry)).collect();
        let consumer = self.consumer;
        self.requests.push(Box::pin(async move {
            let receipts: Vec<_> = batch.iter().map(|(_, receipt)| receipt.clone()).collect();
            let result = consumer.queues.acknowledge_batch(&consumer.queue, &receipts).await;
            Answer::Acknowledged(batch, result)
        }));
    }

    fn release(&mut self, batch: Vec<Entry>, now: Duration) {
        let batch: Vec<(Entry, ReceiptHandle)> =
            batch.into_iter().filter_map(|entry| self.with_receipt(entry)).collect();
        let delay = |entry: &Entry| match self.hand.get(entry.token) {
            Some(held) => match held.stage {
                Stage::GivenBack(after) => after.min(held.hold.room(now)),
                _ => Duration::ZERO,
            },
            None => Duration::ZERO,
        };
        let releases: Vec<_> =
            batch.iter().map(|(entry, receipt)| (receipt.clone(), delay(entry))).collect();
        let consumer = self.consumer;
        self.requests.push(Box::pin(async move {
            let result = consumer.queues.release_batch(&consumer.queue, &releases).await;
            Answer::Released(batch, result)
        }));
    }

    fn with_receipt(&self, entry: Entry) -> Option<(Entry, ReceiptHandle)> {
        Some((entry, self.hand.get(entry.token)?.receipt.clone()))
    }

    pub(super) fn acknowledged(
        &mut self,
        batch: Vec<(Entry, ReceiptHandle)>,
        result: Result<Vec<Result<()>>>,
        now: Duration,
    ) {
        self.told(Told::Acknowledgement, batch, result, now);
    }

    pub(super) fn released(
        &mut self,
        batch: Vec<(Entry, ReceiptHandle)>,
        result: Result<Vec<Result<()>>>,
        now: Duration,
    ) {
        self.told(Told::Release, batch, result, now);
    }

    fn told(
        &mut self,
        what: Told,
        batch: Vec<(Entry, ReceiptHandle)>,
        result: Result<Vec<Result<()>>>,
        now: Duration,
    ) {
        match result {
            Ok(results) => {
                let mut results = results.into_iter();
                for (entry, receipt) in batch {
                    match results.next() {
                        Some(result) => self.told_of(what, entry, &receipt, result, now),
                        None => self.tell_again(what, entry, now),
                    }
                }
            }
            Err(error) if error.is_transient() => {
                self.note(&error, "the queue could not be told what became of messages");
                let tries = batch.iter().map(|(entry, _)| entry.tries).max().unwrap_or_default();
                for (entry, _) in batch {
                    self.tell_again(what, entry, now);
                }
                if self.until == Until::Empty && tries + 1 >= Self::TRIES {
                    self.give_up_telling(error, now);
                }
            }
            Err(error) => {
                for (entry, _) in batch {
                    self.let_go(entry.token);
                }
                self.fail(error, now);
            }
        }
    }

    fn told_of(
        &mut self,
        what: Told,
        entry: Entry,
        receipt: &ReceiptHandle,
        result: Result<()>,
        now: Duration,
    ) {
        match result {
            Ok(()) => drop(self.let_go(entry.token)),
            Err(Error::ReceiptLost { .. }) => {
                let newer = self.hand.get(entry.token).is_some_and(|held| held.receipt != *receipt);
                match newer {
                    true => self.tell_again(what, entry, now),
                    // An earlier request had its effect and its answer was lost, or the message is
                    // somebody else's.
                    false => drop(self.let_go(entry.token)),
                }
            }
            Err(error) if error.is_transient() => {
                self.note(&error, "the queue could not be told what became of a message");
                self.tell_again(what, entry, now);
            }
            Err(error) => {
                self.note(
                    &error,
                    "the queue cannot be told what became of a message; it comes again",
                );
                self.let_go(entry.token);
            }
        }
    }

    fn tell_again(&mut self, what: Told, entry: Entry, now: Duration) {
        if self.hand.get(entry.token).is_none() {
            return;
        }
        let backoff = QueueConsumer::REQUESTS;
        let delay = backoff.delay(entry.tries.saturating_add(1), &*self.consumer.entropy);
        match what {
            Told::Acknowledgement => self.acknowledgements.put_back(entry, now, delay),
            Told::Release => self.releases.put_back(entry, now, delay),
        }
    }

    /// For a shift that does not last: all of it comes again.
    fn give_up_telling(&mut self, error: Error, now: Duration) {
        for token in
            self.hand.tokens_of(|held| matches!(held.stage, Stage::Done | Stage::GivenBack(_)))
        {
            self.let_go(token);
        }
        self.fail(error, now);
    }
}
