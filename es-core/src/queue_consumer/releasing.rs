//! Pushed messages that come again, given back by who handled them.

use std::time::Duration;

use futures::StreamExt as _;

use super::QueueConsumer;
use super::verdict::Verdict;
use crate::clock::within;
use crate::error::{Error, Result};
use crate::message_queue::{MAX_BATCH, QueueOptions, ReceiptHandle};

/// How long who pushes a message may have held it before: the five minutes in which AWS Lambda gathers a batch, and the
/// fifteen of an invocation.
const HELD_BEFORE: Duration = Duration::from_secs(20 * 60);

impl QueueConsumer {
    /// Releases those of [pushed](Self::settle_pushed) messages that come again, each after the time that its verdict
    /// says: without, they are hidden until the end of the hold, which whoever pushes them has chosen before anything
    /// failed. Of a FIFO queue this gives back what is behind them in their group, too, so that the group waits for
    /// its first message alone.
    ///
    /// The times are those of the consumer's [`backoff`](Self::backoff), or what its handler asked for; at most 11 hours
    /// and 40 minutes, as a queue counts its [12 hours](QueueOptions::MAX_VISIBILITY_TIMEOUT) from the receive. A message
    /// that nobody tried to handle is not released: there was no time for it, its body could not be fetched, or the
    /// records of an [idempotent](Self::idempotent) consumer could not be asked about it. Nor are those behind it in its
    /// group.
    ///
    /// Takes `time_limit` at most, and asks the queue for nothing when nothing comes again. What cannot be released is
    /// logged: it comes again at the end of its hold.
    pub async fn release_pushed(
        &self,
        settled: impl IntoIterator<Item = (ReceiptHandle, &Verdict)>,
        time_limit: Duration,
    ) {
        let releases: Vec<_> = settled.into_iter().filter_map(release_of).collect();
        if releases.is_empty() {
            return;
        }
        let batches = futures::stream::iter(releases.chunks(MAX_BATCH));
        let releasing = batches.for_each_concurrent(self.concurrency, |batch| async move {
            let released = self.queues.release_batch(&self.queue, batch).await;
            self.note_kept(batch.len(), released);
        });
        if within(&*self.clock, time_limit, releasing).await.is_none() {
            let waited = time_limit;
            let late = Error::DeadlineExceeded { what: "releasing messages".to_owned(), waited };
            self.note_kept(releases.len(), Err(late));
        }
    }

    /// Notes which messages of a batch stay hidden.
    fn note_kept(&self, batch: usize, released: Result<Vec<Result<()>>>) {
        let (kept, error) = match released {
            Ok(answers) => {
                let errors: Vec<Error> = answers.into_iter().filter_map(Result::err).collect();
                (errors.len(), errors.into_iter().next())
            }
            Err(error) => (batch, Some(error)),
        };
        let Some(error) = error else { return };
        let (consumer, queue, cause) = (&self.name, &self.queue, error.with_causes());
        tracing::warn!(%consumer, %queue, kept, cause, "messages come again at the end of their hold, and no sooner");
    }
}

fn release_of((receipt, verdict): (ReceiptHandle, &Verdict)) -> Option<(ReceiptHandle, Duration)> {
    let Verdict::Again { after, .. } = verdict else { return None };
    let longest = QueueOptions::MAX_VISIBILITY_TIMEOUT.saturating_sub(HELD_BEFORE);
    (*after < Duration::MAX).then(|| (receipt, (*after).min(longest)))
}
