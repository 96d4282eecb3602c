//! Queues for messages of any size.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::{
    Backoff, Error, MessageId, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions,
    ReceiptHandle, ReceiveOptions, ReceivedMessage, Redrive, Result, check_batch,
};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};

use crate::claim_check::{ClaimCheck, NotFetched};
use crate::pointer::{Pointer, restore};

/// How many bodies are fetched at the same time.
const FETCHES: usize = 4;

/// How long a message waits at least whose body cannot be fetched for now.
const FETCH_AGAIN: Duration = Duration::from_secs(10);

/// How much longer it waits when it was received before: each receive counts, and after many of them a
/// consumer takes it for one that kills its receivers.
const FETCH_LATER: Backoff = Backoff { base: FETCH_AGAIN, max: Duration::from_secs(2 * 60 * 60) };

/// Queues whose large messages carry a claim check; see [`ClaimCheck::queues`].
#[derive(Debug, Clone)]
pub struct CheckedQueues {
    check: ClaimCheck,
    queues: Arc<dyn MessageQueue>,
}

impl CheckedQueues {
    pub(crate) fn new(check: ClaimCheck, queues: Arc<dyn MessageQueue>) -> Self {
        Self { check, queues }
    }

    /// Gives messages back whose bodies cannot be fetched for now, and on a FIFO queue the later ones of
    /// their groups. What cannot be given back comes again when its hold ends.
    async fn give_back(&self, queue: &QueueName, messages: &[(Duration, ReceivedMessage)]) {
        if messages.is_empty() {
            return;
        }
        let releases: Vec<_> =
            messages.iter().map(|(wait, message)| (message.receipt.clone(), *wait)).collect();
        if let Err(error) = self.queues.release_batch(queue, &releases).await {
            tracing::warn!(%queue, error = %error.with_causes(), "messages cannot be given back");
        }
    }

    /// Of each message the body that it stands for, as far as they come within the time: a few at a time, in
    /// their order, so that some come however large they are.
    async fn bodies(
        &self,
        received: &[ReceivedMessage],
        time: Duration,
    ) -> Vec<Option<Result<String, NotFetched>>> {
        let until = self.check.monotonic().saturating_add(time);
        let bodies = received.iter().map(|message| async move {
            let pointer = Pointer::of(message)?;
            Some(self.check.fetch_until(until, &pointer).await)
        });
        stream::iter(bodies.collect::<Vec<_>>()).buffered(FETCHES).collect().await
    }

    fn wait(&self, message: &ReceivedMessage) -> Duration {
        let later = match message.receive_count {
            0 | 1 => Duration::ZERO,
            again => FETCH_LATER.delay(again, self.check.entropy()),
        };
        FETCH_AGAIN + later
    }
}

#[async_trait]
impl MessageQueue for CheckedQueues {
    async fn configure(&self, queue: &QueueName, options: QueueOptions) -> Result<()> {
        self.queues.configure(queue, options).await
    }

    async fn options(&self, queue: &QueueName) -> Result<QueueOptions> {
        self.queues.options(queue).await
    }

    async fn send_batch(
        &self,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        check_batch(messages.len())?;
        let (ready, outcome) = checked_in(&self.check, &format!("queue {queue}"), messages).await;
        if ready.is_empty() {
            // A queue that does not exist is an error of the whole batch, whatever is in it.
            self.queues.options(queue).await?;
            return outcome.with(Vec::new());
        }
        outcome.with(self.queues.send_batch(queue, ready).await?)
    }

    /// Receives messages and fetches their bodies, four at a time, for up to half of the hold; let that be long
    /// enough for the largest. One whose body cannot be fetched for now, does not get on for 10 seconds, or is
    /// not there by then, is given back for 10 seconds, and each time for up to twice as much more, at most two
    /// hours; one whose turn did not come, at once. They are not among those received: there may be none although
    /// some came. The queue counts such a receive as any other: let a redrive policy allow for some, and a
    /// consumer with dead letters of its own sits out an outage of two days.
    async fn receive(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        // Asked before anything is received, which an error would leave hidden.
        let hold = match options.visibility_timeout {
            Some(timeout) => timeout,
            None => self.queues.options(queue).await?.visibility_timeout,
        };
        let received = self.queues.receive(queue, options.visibility_timeout(hold)).await?;
        // Nobody extends the holds meanwhile, and who receives needs some of them.
        let bodies = self.bodies(&received, hold / 2).await;
        let (mut whole, mut back) = (Vec::with_capacity(received.len()), Vec::new());
        let mut held_up = HashSet::new();
        for (mut message, body) in received.into_iter().zip(bodies) {
            if message.group.as_ref().is_some_and(|group| held_up.contains(group)) {
                back.push((self.wait(&message), message));
                continue;
            }
            match body {
                None => whole.push(message),
                Some(Ok(body)) => {
                    restore(&mut message, body);
                    whole.push(message);
                }
                Some(Err(NotFetched::Never(error))) => {
                    tracing::warn!(%queue, message_id = %message.id, error = %error, "a claim check is not good");
                    whole.push(message);
                }
                Some(Err(NotFetched::Now(error))) => {
                    tracing::warn!(%queue, message_id = %message.id, error = %error, "a body cannot be fetched");
                    held_up.extend(message.group.clone());
                    back.push((self.wait(&message), message));
                }
                Some(Err(NotFetched::NotBegun)) => {
                    held_up.extend(message.group.clone());
                    back.push((Duration::ZERO, message));
                }
            }
        }
        self.give_back(queue, &back).await;
        Ok(whole)
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        visibility_timeout: Duration,
    ) -> Result<()> {
        self.queues.extend(queue, receipt, visibility_timeout).await
    }

    async fn extend_batch(
        &self,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.queues.extend_batch(queue, holds).await
    }

    async fn acknowledge_batch(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        self.queues.acknowledge_batch(queue, receipts).await
    }

    async fn release(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        self.queues.release(queue, receipt, delay).await
    }

    async fn release_batch(
        &self,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.queues.release_batch(queue, releases).await
    }

    async fn redrive(&self, dead_letters: &QueueName, redrive: Redrive) -> Result<u64> {
        self.queues.redrive(dead_letters, redrive).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<()> {
        self.queues.purge(queue).await
    }

    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts> {
        self.queues.counts(queue).await
    }

    async fn make_whole(
        &self,
        queue: &QueueName,
        messages: &mut [ReceivedMessage],
        time_limit: Duration,
    ) -> Vec<Result<()>> {
        let bodies = self.bodies(messages, time_limit).await;
        let made = messages.iter_mut().zip(bodies).map(|(message, body)| match body {
            None => Ok(()),
            Some(Ok(body)) => {
                restore(message, body);
                Ok(())
            }
            Some(Err(NotFetched::Never(error))) => {
                tracing::warn!(%queue, message_id = %message.id, error = %error, "a claim check is not good");
                Ok(())
            }
            Some(Err(NotFetched::Now(source))) => {
                Err(Error::Unavailable { what: "fetching a body".to_owned(), source })
            }
            Some(Err(NotFetched::NotBegun)) => Err(Error::DeadlineExceeded {
                what: "the beginning of fetching a body".to_owned(),
                waited: time_limit,
            }),
        });
        made.collect()
    }

    fn size_of(&self, message: &NewMessage) -> usize {
        self.check.size_of(message)
    }
}

/// Keeps the bodies of large messages: what can be sent, and what is to become of the rest.
pub(crate) async fn checked_in(
    check: &ClaimCheck,
    to: &str,
    messages: Vec<NewMessage>,
) -> (Vec<NewMessage>, Outcome) {
    let checked = messages.into_iter().map(|message| check.check_in(to, message));
    let mut ready = Vec::new();
    let mut refused = Vec::new();
    for checked in join_all(checked).await {
        match checked {
            Ok(message) => {
                ready.push(message);
                refused.push(None);
            }
            Err(error) => refused.push(Some(error)),
        }
    }
    (ready, Outcome { to: to.to_owned(), refused })
}

/// What became of a batch, some of which was not sent.
pub(crate) struct Outcome {
    to: String,
    /// In the order of the batch; `None` for what was sent.
    refused: Vec<Option<Error>>,
}

impl Outcome {
    /// The results in the order of the batch.
    pub(crate) fn with(self, sent: Vec<Result<MessageId>>) -> Result<Vec<Result<MessageId>>> {
        let mut sent = sent.into_iter();
        let result = |refused: Option<Error>| match refused {
            Some(error) => Ok(Err(error)),
            None => sent.next().ok_or_else(|| Error::Backend {
                what: format!("a batch to the {}", self.to),
                source: "there is not an answer for each of its entries".into(),
            }),
        };
        self.refused.into_iter().map(result).collect()
    }
}
