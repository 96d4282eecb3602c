//! What may be sent next: the messages of a group one after the other, everything else side by side.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::NotSent;
use crate::error::{Error, Result};
use crate::message_queue::{MAX_BATCH, MessageId, NewMessage};
use crate::waits::Waits;

/// Messages on their way. Those of one group are in one lane, every other is in a lane of its own. What is
/// in front of a lane is on its way, may go, or waits; what is behind it waits for it.
pub(super) struct Lanes {
    messages: Vec<NewMessage>,
    /// How many bytes of a request each takes.
    sizes: Vec<usize>,
    /// `None` while it is not decided.
    results: Vec<Option<Result<MessageId, NotSent>>>,
    lanes: Vec<Lane>,
    /// The lanes that may go, in the order in which they came to that.
    ready: VecDeque<usize>,
    waiting: Waits<usize>,
}

#[derive(Default)]
struct Lane {
    /// Places in the list of messages.
    queue: VecDeque<usize>,
    /// How often the first of them was refused.
    attempts: u32,
}

/// The first message of a lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    lane: usize,
    message: usize,
}

impl Lanes {
    /// From the first message of a group on that fails the check, those of the group are decided.
    pub(super) fn new(
        messages: Vec<NewMessage>,
        size: impl Fn(&NewMessage) -> usize,
        check: impl Fn(&NewMessage) -> Result<()>,
    ) -> Self {
        let sizes = messages.iter().map(size).collect();
        let mut lanes: Vec<Lane> = Vec::new();
        let mut of_group: HashMap<&str, usize> = HashMap::new();
        let mut results: Vec<Option<Result<MessageId, NotSent>>> = Vec::new();
        let mut closed: Vec<bool> = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            let mut new_lane = || {
                lanes.push(Lane::default());
                closed.push(false);
                lanes.len() - 1
            };
            let lane = match &message.group {
                Some(group) => *of_group.entry(group).or_insert_with(new_lane),
                None => new_lane(),
            };
            results.push(match check(message) {
                _ if closed[lane] => Some(Err(NotSent::Behind)),
                Ok(()) => {
                    lanes[lane].queue.push_back(at);
                    None
                }
                Err(error) => {
                    closed[lane] = true;
                    Some(Err(NotSent::Failed(error)))
                }
            });
        }
        let ready = (0..lanes.len()).filter(|&lane| !lanes[lane].queue.is_empty()).collect();
        Self { messages, sizes, results, lanes, ready, waiting: Waits::default() }
    }

    /// The messages of the next request, if any may go now. Their lanes are on their way then.
    pub(super) fn next_request(
        &mut self,
        max_bytes: usize,
        only_full: bool,
        now: Duration,
    ) -> Option<(Vec<Place>, Vec<NewMessage>)> {
        self.ready.extend(self.waiting.take_ended(now));
        let (mut places, mut bytes, mut is_full) = (Vec::new(), 0, false);
        for &lane in &self.ready {
            let Some(&message) = self.lanes[lane].queue.front() else { continue };
            let size = self.sizes[message];
            if places.len() == MAX_BATCH || (!places.is_empty() && bytes + size > max_bytes) {
                is_full = true;
                break;
            }
            bytes += size;
            places.push(Place { lane, message });
        }
        is_full |= places.len() == MAX_BATCH;
        if places.is_empty() || (only_full && !is_full) {
            return None;
        }
        self.ready.drain(..places.len());
        let messages = places.iter().map(|place| self.messages[place.message].clone()).collect();
        Some((places, messages))
    }

    /// When the first of the lanes that wait may go; `None` if none waits.
    pub(super) fn next_wait_ends(&self) -> Option<Duration> {
        self.waiting.next_end()
    }

    /// The message was taken.
    pub(super) fn taken(&mut self, place: Place, id: MessageId) {
        self.results[place.message] = Some(Ok(id));
        let lane = &mut self.lanes[place.lane];
        lane.queue.pop_front();
        lane.attempts = 0;
        if !lane.queue.is_empty() {
            self.ready.push_back(place.lane);
        }
    }

    /// How often the message was sent in vain, this time included.
    pub(super) fn refused(&mut self, place: Place) -> u32 {
        let lane = &mut self.lanes[place.lane];
        lane.attempts = lane.attempts.saturating_add(1);
        lane.attempts
    }

    /// The message goes once more at a later time.
    pub(super) fn wait(&mut self, place: Place, until: Duration) {
        self.waiting.add(until, place.lane);
    }

    /// The message is not sent again, and what is behind it is not sent.
    pub(super) fn give_up(&mut self, place: Place, error: Error) {
        for behind in std::mem::take(&mut self.lanes[place.lane].queue) {
            self.results[behind].get_or_insert(Err(NotSent::Behind));
        }
        self.results[place.message] = Some(Err(NotSent::Failed(error)));
    }

    /// What became of each. To be asked when nothing is on its way and nothing waits.
    pub(super) fn into_results(self) -> Vec<Result<MessageId, NotSent>> {
        self.results.into_iter().map(|result| result.unwrap_or(Err(NotSent::Behind))).collect()
    }
}
