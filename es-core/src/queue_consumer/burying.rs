//! Sending what cannot be handled to the dead letters.

use std::sync::Arc;
use std::time::Duration;

use super::QueueConsumer;
use super::in_hand::{Stage, Token};
use super::shift::{Answer, Shift, Until};
use crate::dead_letter_queue::{Envelope, GivenUp};
use crate::error::{Error, Result};
use crate::message_queue::{InvalidMessage, QueueName, ReceivedMessage};

impl Shift<'_> {
    pub(super) fn bury_what_is_due(&mut self, now: Duration) {
        let Some(dead_letters) = &self.consumer.dead_letters else { return };
        let is_due = |stage: &Stage| match stage {
            Stage::Burying(burial) => burial.due.is_some_and(|due| due <= now),
            _ => false,
        };
        for token in self.hand.tokens_of(|held| is_due(&held.stage)) {
            let Some(held) = self.hand.get_mut(token) else { continue };
            let Stage::Burying(burial) = &mut held.stage else { continue };
            burial.due = None;
            let (message, given_up) = (held.message.clone(), Arc::clone(&burial.given_up));
            let consumer = self.consumer;
            self.requests.push(Box::pin(async move {
                let result = consumer.bury(dead_letters, &message, &given_up).await;
                Answer::Buried(token, result)
            }));
        }
    }

    pub(super) fn buried(&mut self, token: Token, result: Result<()>, now: Duration) {
        let Some(held) = self.hand.get_mut(token) else { return };
        let Stage::Burying(burial) = &mut held.stage else { return };
        match result {
            Ok(()) => {
                self.worked.dead_lettered += 1;
                self.count("dead_lettered");
                self.is_done(token, now);
            }
            Err(error) if error.is_transient() => {
                burial.failures += 1;
                let failures = burial.failures;
                let delay = QueueConsumer::REQUESTS.delay(failures, &*self.consumer.entropy);
                burial.due = Some(now + delay);
                self.note(
                    &error,
                    "a dead letter could not be sent; nothing is received until it is",
                );
                if self.until == Until::Empty && failures >= Self::TRIES {
                    self.not_buried(token, now);
                    self.fail(error, now);
                }
            }
            Err(error @ Error::InvalidMessage { .. }) => {
                self.note(&error, "a message fits in no dead letter; it comes again");
                self.not_buried(token, now);
            }
            Err(error) => {
                self.not_buried(token, now);
                self.fail(error, now);
            }
        }
    }

    /// Without a dead letter there is no acknowledgement: the message comes again, and is not handled again
    /// but only sent there, as far as this object remembers.
    fn not_buried(&mut self, token: Token, now: Duration) {
        if let Some(held) = self.hand.get(token)
            && let Stage::Burying(burial) = &held.stage
        {
            self.consumer.unhandled.give_up(&held.message.id, Arc::clone(&burial.given_up));
        }
        self.give_back_behind(token, now);
        self.worked.retried += 1;
        self.count("retried");
        self.give_back(token, self.consumer.backoff.max, now);
    }
}

impl QueueConsumer {
    /// Sends the dead letter, with as much of the error as there is room for beside the body.
    pub(super) async fn bury(
        &self,
        dead_letters: &QueueName,
        message: &ReceivedMessage,
        given_up: &GivenUp,
    ) -> Result<()> {
        let now = self.clock.now();
        let envelope = Envelope::new(&self.name, &self.queue, message, given_up, now);
        let mut result = Ok(());
        for error_len in Envelope::ERROR_LENGTHS {
            let letter = envelope.message(&message.body, dead_letters, error_len);
            result = self.queues.send(dead_letters, letter).await.map(drop);
            let too_large = matches!(
                &result,
                Err(Error::InvalidMessage { source: InvalidMessage::TooLarge { .. }, .. })
            );
            if !too_large {
                break;
            }
        }
        result
    }
}
