//! Sending dead letters back to where they came from.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::browsing::Browsing;
use super::{DeadLetterQueue, DeadMessage, DeadMessageFilter};
use crate::error::{BoxError, Error, Result};
use crate::message_queue::{MAX_BATCH, MessageId, NewMessage, QueueName, ReceivedMessage};

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
    /// All that there are.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those that the filter says. What fails again during the redrive is known by its id and not sent a
    /// second time; a [mark](DeadMessageFilter::until) is compared with the clocks of those who gave up.
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
    ///
    /// An [idempotent](crate::QueueConsumer::idempotent) consumer knows what it has handled by id and body.
    /// Of several things in one message change only what failed: one that was handled, and says something
    /// else now, is a dead letter again, for [that reason](crate::DeadLetterReason::IdReused).
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
    /// Those that should have been, and stay: their transform failed, the queue does not take them or is
    /// not there, they do not say where they come from, or an earlier one of their group stays. With the
    /// reason.
    pub stayed: Vec<(MessageId, String)>,
    /// How many were not looked at, of which some may be due: others held them, or they came meanwhile; in
    /// a FIFO queue those behind the first ten of their group, until these are gone. `None` when the
    /// redrive ended at [its number](DeadMessageRedrive::at_most), or the queue could not say. SQS
    /// counts approximately.
    pub unseen: Option<u64>,
}

impl DeadLetterQueue {
    /// Sends dead letters back to the queues that they come from, as new messages with their bodies,
    /// attributes and groups. Each is removed here after it was sent there: a crash in between, or a lost
    /// answer, leaves it in both, and loses none.
    ///
    /// None is moved twice: what fails again is known by its id. When one of a group stays, so do the later
    /// ones of it.
    ///
    /// A letter says itself where it goes, so nobody but consumers may send to this queue; a
    /// [filter](DeadMessageFilter::origin) restricts where letters may go. What a redrive policy moved is
    /// sent where the queue says that it comes from, whatever stands in it.
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
    /// The ids of what was sent, by which it is known should it fail again.
    sent: HashSet<MessageId>,
    /// The groups of which one stays: their later ones must not overtake it.
    blocked: HashSet<(Option<QueueName>, String)>,
    /// When the next ones may be sent, on the monotonic clock.
    next_at: Duration,
    redriven: Redriven,
}

impl<'a> Redriving<'a> {
    fn new(dead: &'a DeadLetterQueue, redrive: &'a DeadMessageRedrive) -> Self {
        let (sent, blocked) = (HashSet::new(), HashSet::new());
        let (next_at, redriven) = (Duration::ZERO, Redriven::default());
        Self { dead, redrive, sent, blocked, next_at, redriven }
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
                self.redriven.unseen = browsing.unseen().await;
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

    /// Those that are to be moved.
    fn due(&mut self, received: &[ReceivedMessage]) -> Vec<Letter> {
        let mut due = Vec::new();
        for dead in received.iter().map(DeadMessage::of) {
            if !self.redrive.filter.matches(&dead) || self.sent.contains(&dead.message_id) {
                continue;
            }
            let Some(origin) = dead.origin.clone() else {
                self.stays(&dead, "it does not say which queue it comes from");
                continue;
            };
            due.push(Letter { dead, origin });
        }
        due
    }

    /// A letter as it goes back; nothing if it stays.
    fn sent_again(&mut self, Letter { dead, origin }: &Letter) -> Option<NewMessage> {
        if self.is_blocked(dead) {
            self.stays(dead, "an earlier one of its group stays");
            return None;
        }
        let body = match &self.redrive.transform {
            None => Ok(dead.body.clone()),
            Some(transform) => transform(dead),
        };
        match body {
            Ok(body) => Some(dead.sent_again(origin, body)),
            Err(error) => {
                self.stays(dead, error.to_string());
                None
            }
        }
    }

    fn stays(&mut self, dead: &DeadMessage, reason: impl Into<String>) {
        self.redriven.stayed.push((dead.id.clone(), reason.into()));
        if let Some(group) = dead.group.clone() {
            self.blocked.insert((dead.origin.clone(), group));
        }
    }

    fn is_blocked(&self, dead: &DeadMessage) -> bool {
        let group = dead.group.clone().map(|group| (dead.origin.clone(), group));
        group.is_some_and(|group| self.blocked.contains(&group))
    }

    /// Sends letters back, and removes those that were sent.
    async fn send_back(
        &mut self,
        origin: &QueueName,
        letters: Vec<Letter>,
        browsing: &mut Browsing<'_>,
    ) -> Result<()> {
        let (mut going, mut messages) = (Vec::new(), Vec::new());
        for letter in letters {
            if let Some(message) = self.sent_again(&letter) {
                going.push(letter);
                messages.push(message);
            }
        }
        if going.is_empty() {
            return Ok(());
        }
        let results = match self.dead.queues.send_batch(origin, messages).await {
            // One that names a queue which is gone does not keep the others.
            Err(error @ Error::NoSuchQueue { .. }) => {
                going.iter().for_each(|letter| self.stays(&letter.dead, error.to_string()));
                return Ok(());
            }
            results => results?,
        };
        let mut sent = Vec::new();
        let mut failed = None;
        for (letter, result) in going.iter().zip(results) {
            match result {
                Ok(id) => {
                    self.sent.insert(id);
                    sent.push(letter.dead.id.clone());
                }
                Err(error @ Error::InvalidMessage { .. }) => {
                    self.stays(&letter.dead, error.with_causes());
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
