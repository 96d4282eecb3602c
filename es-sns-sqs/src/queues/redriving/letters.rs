//! Going through the letters of a queue.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use es_core::{
    Error, MAX_BATCH, MessageId, QueueName, ReceiptHandle, ReceiveOptions, ReceivedMessage,
    Redrive, Result, Timestamp,
};

use super::Letter;
use crate::queues::SqsQueues;

/// For how long letters are held that are looked at.
const HOLD: Duration = Duration::from_secs(5 * 60);

/// How long a queue is waited for that says it has more than it gives: a look without a wait does not see
/// all of its servers.
const WAIT: Duration = Duration::from_secs(1);

/// The letters of a queue, while some of them are moved.
pub(super) struct Letters<'a> {
    queues: &'a SqsQueues,
    queue: &'a QueueName,
    redrive: &'a Redrive,
    mark: Timestamp,
    /// Those that were seen and are left.
    seen: HashSet<MessageId>,
    to_give_back: Vec<ReceiptHandle>,
}

impl<'a> Letters<'a> {
    pub(super) fn of(queues: &'a SqsQueues, queue: &'a QueueName, redrive: &'a Redrive) -> Self {
        let now = queues.shared.options.clock.now();
        let mark = redrive.until.map_or(now, |mark| mark.min(now));
        let (seen, to_give_back) = (HashSet::new(), Vec::new());
        Self { queues, queue, redrive, mark, seen, to_give_back }
    }

    /// Moves those that are asked for, and tells how many.
    pub(super) async fn redrive(&mut self) -> Result<u64> {
        let most = self.redrive.max_messages.unwrap_or(u64::MAX);
        let mut moved = 0;
        while moved < most {
            let room = usize::try_from(most - moved).unwrap_or(usize::MAX).min(MAX_BATCH);
            let letters = self.next(room).await?;
            if letters.is_empty() {
                break;
            }
            // What comes again was held for too long: everything has been looked at.
            let is_over = letters.iter().any(|letter| self.seen.contains(&letter.message.id));
            let mut asked_for: BTreeMap<QueueName, Vec<Letter>> = BTreeMap::new();
            for letter in letters {
                match self.destination(&letter.message) {
                    Some(queue) => asked_for.entry(queue).or_default().push(letter),
                    None => self.leave(&letter),
                }
            }
            for (queue, letters) in asked_for {
                moved += self.move_to(&queue, letters).await?;
            }
            if is_over {
                break;
            }
        }
        Ok(moved)
    }

    /// Lets the letters that were left be received again at once.
    pub(super) async fn give_back(&mut self) -> Result<()> {
        for receipts in std::mem::take(&mut self.to_give_back).chunks(MAX_BATCH) {
            let releases: Vec<_> =
                receipts.iter().map(|receipt| (receipt.clone(), Duration::ZERO)).collect();
            self.queues.release_holds(self.queue, &releases).await?;
        }
        Ok(())
    }

    async fn next(&self, most: usize) -> Result<Vec<Letter>> {
        let at_once = ReceiveOptions::up_to(most).visibility_timeout(HOLD);
        let mut received = self.queues.receive_with_types(self.queue, &at_once).await?;
        if received.is_empty() && self.queues.count_messages(self.queue).await?.visible > 0 {
            received = self.queues.receive_with_types(self.queue, &at_once.wait(WAIT)).await?;
        }
        let letter = |(message, attributes)| Letter { message, attributes };
        Ok(received.into_iter().map(letter).collect())
    }

    /// Where a letter goes, if it is asked for.
    fn destination(&self, letter: &ReceivedMessage) -> Option<QueueName> {
        let is_asked_for = letter.sent_at <= self.mark
            && self.redrive.ids.as_ref().is_none_or(|ids| ids.contains(&letter.id));
        letter.dead_letter_source.clone().filter(|_| is_asked_for)
    }

    fn leave(&mut self, letter: &Letter) {
        self.seen.insert(letter.message.id.clone());
        self.to_give_back.push(letter.message.receipt.clone());
    }

    /// Moves the letters in rounds with one letter of each group: of several in a request SQS could refuse
    /// one and take those behind it.
    async fn move_to(&mut self, queue: &QueueName, mut letters: Vec<Letter>) -> Result<u64> {
        let mut moved = 0;
        while !letters.is_empty() {
            let (round, behind) = heads_of_groups(letters);
            match self.move_round(queue, round).await {
                Ok(some) => moved += some,
                Err(error) => {
                    behind.iter().for_each(|letter| self.leave(letter));
                    return Err(error);
                }
            }
            letters = behind;
        }
        Ok(moved)
    }

    /// Moves letters of different groups.
    async fn move_round(&mut self, queue: &QueueName, letters: Vec<Letter>) -> Result<u64> {
        let sent = match self.queues.send_again(queue, &letters).await {
            Ok(sent) => sent,
            // Somebody has removed the queue, and others can get theirs.
            Err(Error::NoSuchQueue { .. }) => {
                letters.iter().for_each(|letter| self.leave(letter));
                return Ok(0);
            }
            Err(error) => {
                letters.iter().for_each(|letter| self.leave(letter));
                return Err(error);
            }
        };
        let (mut receipts, mut failed) = (Vec::new(), None);
        for (letter, sent) in letters.iter().zip(sent) {
            match sent {
                Ok(_) => receipts.push(letter.message.receipt.clone()),
                Err(error) => {
                    self.leave(letter);
                    failed = Some(error);
                }
            }
        }
        if !receipts.is_empty() {
            let deleted = self.queues.delete_messages(self.queue, &receipts).await?;
            deleted.into_iter().collect::<Result<()>>()?;
        }
        failed.map_or_else(|| Ok(receipts.len().try_into().unwrap_or(u64::MAX)), Err)
    }
}

/// The first letter of each group and all that have none, and what is behind them.
fn heads_of_groups(letters: Vec<Letter>) -> (Vec<Letter>, Vec<Letter>) {
    let mut groups = BTreeSet::new();
    let is_head = |letter: &Letter| match &letter.message.group {
        Some(group) => groups.insert(group.clone()),
        None => true,
    };
    letters.into_iter().partition(is_head)
}
