//! Holding on to what is in the hand.

use std::time::Duration;

use super::in_hand::{Cancelled, Stage, Token};
use super::shift::{Answer, Extension, Shift};
use crate::backoff::Backoff;
use crate::error::{Error, Result};
use crate::message_queue::{MAX_BATCH, ReceiptHandle};
use crate::telemetry;

impl Shift<'_> {
    /// Extends the holds that are half over, and with them those that will be soon: whatever is in the
    /// hand, from being received to being acknowledged.
    pub(super) fn send_heartbeats(&mut self, now: Duration) {
        let soon = now + self.consumer.visibility_timeout / 8;
        let due_by = |at: Duration| {
            move |held: &super::in_hand::InHand| {
                let goes_on = !matches!(held.stage, Stage::GivenBack(_));
                goes_on && held.hold.extend_at().is_some_and(|due| due <= at)
            }
        };
        if self.hand.tokens_of(due_by(now)).is_empty() {
            return;
        }
        for batch in self.hand.tokens_of(due_by(soon)).chunks(MAX_BATCH) {
            self.extend(batch, now);
        }
    }

    fn extend(&mut self, batch: &[Token], now: Duration) {
        let mut extensions = Vec::with_capacity(batch.len());
        for &token in batch {
            let Some(held) = self.hand.get_mut(token) else { continue };
            let by = held.hold.extend(now);
            if !by.is_zero() {
                let receipt = held.receipt.clone();
                extensions.push(Extension { token, receipt, asked_at: now, by });
            }
        }
        if extensions.is_empty() {
            return;
        }
        let consumer = self.consumer;
        let holds: Vec<(ReceiptHandle, Duration)> =
            extensions.iter().map(|one| (one.receipt.clone(), one.by)).collect();
        self.requests.push(Box::pin(async move {
            let result = consumer.queues.extend_batch(&consumer.queue, &holds).await;
            Answer::Extended(extensions, result)
        }));
    }

    pub(super) fn extended(
        &mut self,
        extensions: Vec<Extension>,
        result: Result<Vec<Result<()>>>,
        now: Duration,
    ) {
        for Extension { token, receipt, .. } in &extensions {
            self.is_answered(*token, receipt, now);
        }
        match result {
            Ok(results) => {
                let mut results = results.into_iter();
                for extension in extensions {
                    match results.next() {
                        Some(result) => self.extended_one(extension, result, now),
                        None => self.extend_again(extension.token, now),
                    }
                }
            }
            Err(error) if error.is_transient() => {
                self.note(&error, "messages could not be held; this is tried again");
                for extension in extensions {
                    self.extend_again(extension.token, now);
                }
            }
            Err(error) => self.fail(error, now),
        }
    }

    /// What waited for the answer can be released now.
    fn is_answered(&mut self, token: Token, receipt: &ReceiptHandle, now: Duration) {
        let Some(held) = self.hand.get_mut(token) else { return };
        if held.receipt != *receipt {
            return;
        }
        held.hold.is_answered();
        if matches!(held.stage, Stage::GivenBack(_)) {
            self.releases.put(token, now, self.consumer.linger);
        }
    }

    fn extended_one(&mut self, extension: Extension, result: Result<()>, now: Duration) {
        let Extension { token, receipt, asked_at, by } = extension;
        let Some(held) = self.hand.get_mut(token) else { return };
        if held.receipt != receipt {
            // It has come again meanwhile, and what counts is the new receipt.
            return;
        }
        match result {
            Ok(()) => held.hold.extended(asked_at, by),
            Err(Error::ReceiptLost { .. }) => self.lost(token, now),
            // It stays hidden for as long as it was. When that is over, so is the work.
            Err(Error::HeldTooLong { .. }) => self.cancel(token, Cancelled::HeldTooLong),
            Err(error) => {
                self.note(&error, "a message could not be held; this is tried again");
                self.extend_again(token, now);
            }
        }
    }

    fn extend_again(&mut self, token: Token, now: Duration) {
        let timeout = self.consumer.visibility_timeout;
        let backoff = Backoff { base: timeout / 40, max: timeout / 10 };
        if let Some(held) = self.hand.get_mut(token) {
            let failures = held.hold.failed();
            held.hold.extend_again(now + backoff.delay(failures, &*self.consumer.entropy));
        }
    }

    /// The message is somebody else's, or gone.
    fn lost(&mut self, token: Token, now: Duration) {
        let Some(held) = self.hand.get(token) else { return };
        match &held.stage {
            // Acknowledging it used the receipt up, or will tell.
            Stage::Done | Stage::GivenBack(_) => return,
            Stage::Handling { .. } => self.cancel(token, Cancelled::ReceiptLost),
            Stage::Burying(burial) if burial.due.is_none() => return,
            Stage::Waiting | Stage::Stalled(_) | Stage::Burying(_) => {
                self.leave_to_come_again(token, now);
            }
        }
        metrics::counter!(telemetry::RECEIPTS_LOST, "consumer" => self.consumer.name.clone())
            .increment(1);
    }
}
