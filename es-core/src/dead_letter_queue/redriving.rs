//! Sending dead letters back to where they came from.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::browsing::Browsing;
use super::{DeadLetterQueue, DeadMessage, DeadMessageFilter};
use crate::error::{BoxError, Error, Result};
use crate::message_queue::{MAX_BATCH, MessageId, QueueName, ReceivedMessage};

/// What makes another body of a dead letter's.
type Transform = dyn Fn(&DeadMessage) -> Result<String, BoxError> + Send + Sync;

/// Which dead letters go back, how fast, and in what form.
///
/// ```
/// use es_core::{DeadLetterReason, DeadMessageFilter, DeadMessageRedrive};
///
/// // A trial: one of those that failed for good, with the field that was forgotten.
/// let failed = DeadMessageFilter::all().reason(DeadLetterReason::Permanent);
/// let redrive = DeadMessageRedrive::of(failed)
///     .at_most(1)
///     .per_second(10)
///     .transform(|dead| Ok(dead.body.replacen('{', r#"{"currency":"EUR","#, 1)));
/// # let _ = redrive;
/// ```
#[derive(Clone, Default)]
pub struct DeadMessageRedrive {
    filter: DeadMessageFilter,
    at_most: Option<u64>,
    per_second: Option<u32>,
    transform: Option<Arc<Transform>>,
}

impl DeadMessageRedrive {
    /// All that there are when it begins.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those that the filter says. Without a [mark](DeadMessageFilter::until) of its own, the mark is when
    /// the redrive begins.
    pub fn of(filter: DeadMessageFilter) -> Self {
        Self { filter, ..Self::default() }
    }

    /// At most so many.
    #[must_use]
    pub fn at_most(mut self, messages: u64) -> Self {
        self.at_most = Some(messages);
        self
    }

    /// At most so many per second, at least one: what the consumers can take beside the rest.
    #[must_use]
    pub fn per_second(mut self, messages: u32) -> Self {
        self.per_second = Some(messages.max(1));
        self
    }

    /// Sends them back with another body: upcast to a newer version, repaired. A message whose transform
    /// fails stays where it is.
    #[must_use]
    pub fn transform(
        mut self,
        body: impl Fn(&DeadMessage) -> Result<String, BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.transform = Some(Arc::new(body));
        self
    }
}

impl fmt::Debug for DeadMessageRedrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadMessageRedrive")
            .field("filter", &self.filter)
            .field("at_most", &self.at_most)
            .field("per_second", &self.per_second)
            .field("transforms", &self.transform.is_some())
            .finish()
    }
}

/// What a redrive came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Redriven {
    /// How many were sent back.
    pub moved: u64,
    /// Those that should have been, and stay: their transform failed, the queue does not take them, or
    /// they do not say where they come from. With the reason.
    pub stayed: Vec<(MessageId, String)>,
}

impl DeadLetterQueue {
    /// Sends dead letters back to the queues that they come from, as new messages with their bodies,
    /// attributes and groups. Each is removed here after it was sent there: a crash in between, or a lost
    /// answer, leaves it in both, and loses none.
    ///
    /// None is moved twice: what fails again comes back with a later time, and its id is known.
    ///
    /// # Errors
    ///
    /// Those of the queues. What was moved before stands, the others stay.
    pub async fn redrive(&self, redrive: &DeadMessageRedrive) -> Result<Redriven> {
        let mut browsing = Browsing::new(self);
        let redriven = Redriving::new(self, redrive).through(&mut browsing).await;
        browsing.end().await;
        redriven
    }
}

/// One redrive.
struct Redriving<'a> {
    dead: &'a DeadLetterQueue,
    redrive: &'a DeadMessageRedrive,
    filter: DeadMessageFilter,
    /// The ids of what was sent, by which it is known should it fail again.
    sent: HashSet<MessageId>,
    /// When the next ones may be sent, on the monotonic clock.
    next_at: Duration,
    redriven: Redriven,
}

impl<'a> Redriving<'a> {
    fn new(dead: &'a DeadLetterQueue, redrive: &'a DeadMessageRedrive) -> Self {
        let filter = redrive.filter.clone().or_until(dead.clock.now());
        let (sent, next_at, redriven) = (HashSet::new(), Duration::ZERO, Redriven::default());
        Self { dead, redrive, filter, sent, next_at, redriven }
    }

    async fn through(mut self, browsing: &mut Browsing<'_>) -> Result<Redriven> {
        loop {
            let room = self.room();
            if room == 0 {
                break;
            }
            // Before they are received: their hold is not for waiting.
            self.keep_pace().await;
            let received = browsing.next(room).await?;
            if received.is_empty() {
                break;
            }
            let due = self.due(&received);
            for (origin, letters) in by_origin(due) {
                self.send_back(&origin, letters, browsing).await?;
            }
        }
        Ok(self.redriven)
    }

    /// How many to take at once.
    fn room(&self) -> usize {
        let pace = self
            .redrive
            .per_second
            .map_or(MAX_BATCH, |pace| usize::try_from(pace).unwrap_or(MAX_BATCH).min(MAX_BATCH));
        match self.redrive.at_most {
            Some(most) => {
                let left = most.saturating_sub(self.redriven.moved);
                usize::try_from(left).unwrap_or(pace).min(pace)
            }
            None => pace,
        }
    }

    async fn keep_pace(&self) {
        let wait = self.next_at.saturating_sub(self.dead.clock.monotonic());
        if !wait.is_zero() {
            self.dead.clock.sleep(wait).await;
        }
    }

    /// Those that are to be moved, with their new bodies.
    fn due(&mut self, received: &[ReceivedMessage]) -> Vec<Letter> {
        let mut due = Vec::new();
        for dead in received.iter().map(DeadMessage::of) {
            if !self.filter.matches(&dead) || self.sent.contains(&dead.message_id) {
                continue;
            }
            let Some(origin) = dead.origin.clone() else {
                self.stays(&dead.id, "it does not say which queue it comes from");
                continue;
            };
            let body = match &self.redrive.transform {
                None => Ok(dead.body.clone()),
                Some(transform) => transform(&dead),
            };
            match body {
                Ok(body) => due.push(Letter { dead, origin, body }),
                Err(error) => self.stays(&dead.id, error.to_string()),
            }
        }
        due
    }

    fn stays(&mut self, id: &MessageId, reason: impl Into<String>) {
        self.redriven.stayed.push((id.clone(), reason.into()));
    }

    /// Sends letters back, and removes those that were sent.
    async fn send_back(
        &mut self,
        origin: &QueueName,
        letters: Vec<Letter>,
        browsing: &mut Browsing<'_>,
    ) -> Result<()> {
        let messages = letters
            .iter()
            .map(|letter| letter.dead.sent_again(origin, letter.body.clone()))
            .collect();
        let results = self.dead.queues.send_batch(origin, messages).await?;
        let mut sent = Vec::new();
        let mut failed = None;
        for (letter, result) in letters.iter().zip(results) {
            match result {
                Ok(id) => {
                    self.sent.insert(id);
                    sent.push(letter.dead.id.clone());
                }
                Err(error @ Error::InvalidMessage { .. }) => {
                    self.stays(&letter.dead.id, error.with_causes());
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        self.paced(sent.len());
        browsing.remove_all(&sent).await?;
        self.redriven.moved += sent.len() as u64;
        failed.map_or(Ok(()), Err)
    }

    fn paced(&mut self, messages: usize) {
        let Some(pace) = self.redrive.per_second else { return };
        let time =
            Duration::from_secs(1).saturating_mul(messages.try_into().unwrap_or(u32::MAX)) / pace;
        self.next_at = self.next_at.max(self.dead.clock.monotonic()) + time;
    }
}

/// A dead letter on its way back.
struct Letter {
    dead: DeadMessage,
    origin: QueueName,
    body: String,
}

/// Those that one request can take, in their order: of a FIFO queue one at a time, so that one that fails
/// is not overtaken.
fn by_origin(letters: Vec<Letter>) -> Vec<(QueueName, Vec<Letter>)> {
    let mut requests: Vec<(QueueName, Vec<Letter>)> = Vec::new();
    for letter in letters {
        let origin = letter.origin.clone();
        let same = |(other, _): &&mut (QueueName, _)| *other == origin && !origin.is_fifo();
        match requests.iter_mut().find(same) {
            Some((_, together)) => together.push(letter),
            None => requests.push((origin, vec![letter])),
        }
    }
    requests
}
