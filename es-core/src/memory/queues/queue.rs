//! One queue.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::messages::Messages;
use super::{earlier, later};
use crate::clock::Timestamp;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::message_queue::{
    MessageId, NewMessage, QueueCounts, QueueName, QueueOptions, ReceiptHandle, ReceiveOptions,
    ReceivedMessage, Redrive, check_hold,
};

pub(super) struct Queue {
    pub(super) name: QueueName,
    pub(super) options: QueueOptions,
    pub(super) messages: Messages,
    deduplication: HashMap<String, FirstOfItsKind>,
    /// Its keys, in the order of their coming.
    deduplicated: VecDeque<String>,
}

pub(super) struct Stored {
    id: MessageId,
    body: String,
    attributes: BTreeMap<String, String>,
    group: Option<String>,
    deduplication_id: Option<String>,
    sent_at: Timestamp,
    /// When it came into this queue.
    enqueued_at: Timestamp,
    visible_at: Timestamp,
    /// That of the last receive, also when its time is over; `None` after a release.
    receipt: Option<ReceiptHandle>,
    received_at: Timestamp,
    first_received_at: Option<Timestamp>,
    receive_count: u32,
    pub(super) dead_letter_source: Option<QueueName>,
}

/// The message that a deduplication id stands for.
struct FirstOfItsKind {
    id: MessageId,
    sent_at: Timestamp,
}

impl FirstOfItsKind {
    fn counts(&self, now: Timestamp) -> bool {
        later(self.sent_at, NewMessage::DEDUPLICATION) > now
    }
}

/// The messages that a receive meets, by place.
pub(super) struct Due {
    pub(super) receivable: Vec<u64>,
    /// Those that were received as often as they may be.
    pub(super) exhausted: Vec<u64>,
}

impl Queue {
    pub(super) fn new(name: QueueName, options: QueueOptions) -> Self {
        Self {
            name,
            options,
            messages: Messages::default(),
            deduplication: HashMap::new(),
            deduplicated: VecDeque::new(),
        }
    }

    /// Stores a message that was checked, unless it repeats another.
    pub(super) fn put(
        &mut self,
        place: u64,
        message: NewMessage,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> MessageId {
        if let Some(key) = &message.deduplication_id {
            self.forget_deduplication_ids(now);
            if let Some(first) = self.deduplication.get(key).filter(|first| first.counts(now)) {
                return first.id.clone();
            }
        }
        let id = MessageId::generate(now, entropy);
        if let Some(key) = &message.deduplication_id {
            let first = FirstOfItsKind { id: id.clone(), sent_at: now };
            self.deduplication.insert(key.clone(), first);
            self.deduplicated.push_back(key.clone());
        }
        let visible_at = later(now, message.delay.unwrap_or(self.options.delay));
        self.messages.insert(place, Stored::new(id.clone(), message, now, visible_at));
        id
    }

    fn forget_deduplication_ids(&mut self, now: Timestamp) {
        while let Some(key) = self.deduplicated.front()
            && !self.deduplication.get(key).is_some_and(|first| first.counts(now))
        {
            if let Some(key) = self.deduplicated.pop_front() {
                self.deduplication.remove(&key);
            }
        }
    }

    pub(super) fn forget_expired(&mut self, now: Timestamp) {
        let oldest = earlier(now, self.options.retention);
        self.messages.forget(oldest);
    }

    /// Up to `max` messages that can be received, in order.
    pub(super) fn due(&mut self, max: usize, now: Timestamp) -> Due {
        self.forget_expired(now);
        let places = match self.name.is_fifo() {
            true => self.due_in_order(max, now),
            false => self.messages.visible(now).take(max).collect(),
        };
        let most = self.options.redrive_policy.as_ref().map(|policy| policy.max_receive_count);
        let is_exhausted = |place: &u64| {
            let count = self.messages.get(*place).map_or(0, |message| message.receive_count);
            most.is_some_and(|most| count >= most)
        };
        let (exhausted, receivable) = places.into_iter().partition(is_exhausted);
        Due { receivable, exhausted }
    }

    /// Up to `max` of the visible ones of groups that nothing is in flight of, up to the first of its
    /// group that is not visible.
    fn due_in_order(&self, max: usize, now: Timestamp) -> Vec<u64> {
        let hidden = self.messages.hidden(now).map(|(_, message)| message);
        let in_flight = hidden.filter(|message| message.is_in_flight(now));
        let mut blocked: HashSet<&Option<String>> =
            in_flight.map(|message| &message.group).collect();
        let mut due = Vec::new();
        for (place, message) in self.messages.iter() {
            if due.len() == max {
                break;
            }
            if message.visible_at > now {
                blocked.insert(&message.group);
            } else if !blocked.contains(&message.group) {
                due.push(place);
            }
        }
        due
    }

    pub(super) fn receive(
        &mut self,
        options: &ReceiveOptions,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Vec<ReceivedMessage> {
        let timeout = options.visibility_timeout.unwrap_or(self.options.visibility_timeout);
        let Due { receivable, .. } = self.due(options.max_messages, now);
        let mut received = Vec::new();
        for place in receivable {
            let receipt = ReceiptHandle::generate(place, entropy);
            let receive = |message: &mut Stored| message.receive(receipt, now, later(now, timeout));
            received.extend(self.messages.change(place, receive));
        }
        received
    }

    /// When the next message becomes visible by itself.
    pub(super) fn next_visible(&self, now: Timestamp) -> Option<Timestamp> {
        self.messages.hidden(now).next().map(|(until, _)| until)
    }

    /// Gives back a message that is in flight, to be visible when `delay` is over.
    pub(super) fn release(
        &mut self,
        receipt: &ReceiptHandle,
        now: Timestamp,
        delay: Duration,
    ) -> Result<()> {
        let place = self.hide(receipt, now, delay)?;
        self.messages.change(place, |message| message.receipt = None);
        Ok(())
    }

    /// Hides a message that is in flight for `timeout` from now; which one it is.
    pub(super) fn hide(
        &mut self,
        receipt: &ReceiptHandle,
        now: Timestamp,
        timeout: Duration,
    ) -> Result<u64> {
        self.forget_expired(now);
        let place = self.place(receipt)?;
        match self.messages.get(place).filter(|message| message.is_in_flight(now)) {
            Some(message) => check_hold(&self.name, message.received_at, later(now, timeout))?,
            None => return Err(Error::ReceiptLost { queue: self.name.clone() }),
        }
        self.messages.change(place, |message| message.visible_at = later(now, timeout));
        Ok(place)
    }

    pub(super) fn acknowledge(&mut self, receipt: &ReceiptHandle) -> Result<()> {
        let place = self.place(receipt)?;
        self.messages.remove(place);
        Ok(())
    }

    /// The place of the message whose last receive gave this receipt.
    fn place(&self, receipt: &ReceiptHandle) -> Result<u64> {
        receipt
            .place()
            .filter(|place| {
                let message = self.messages.get(*place);
                message.is_some_and(|message| message.receipt.as_ref() == Some(receipt))
            })
            .ok_or_else(|| Error::ReceiptLost { queue: self.name.clone() })
    }

    /// The places of the dead letters that were asked for, in order.
    pub(super) fn dead_letters(&self, redrive: &Redrive, now: Timestamp) -> Vec<u64> {
        let until = redrive.until.map_or(now, |mark| mark.min(now));
        let max =
            redrive.max_messages.map_or(usize::MAX, |max| max.try_into().unwrap_or(usize::MAX));
        let asked = |message: &Stored| {
            message.dead_letter_source.is_some()
                && message.enqueued_at <= until
                && !message.is_in_flight(now)
                && redrive.ids.as_ref().is_none_or(|ids| ids.contains(&message.id))
        };
        let asked = self.messages.iter().filter(|(_, message)| asked(message));
        asked.map(|(place, _)| place).take(max).collect()
    }

    pub(super) fn counts(&self, now: Timestamp) -> QueueCounts {
        let visible = self.messages.count_visible(now) as u64;
        let mut counts = QueueCounts { visible, ..QueueCounts::default() };
        for (_, message) in self.messages.hidden(now) {
            match message.is_in_flight(now) {
                true => counts.in_flight += 1,
                false => counts.delayed += 1,
            }
        }
        counts
    }
}

impl Stored {
    fn new(id: MessageId, message: NewMessage, now: Timestamp, visible_at: Timestamp) -> Self {
        let NewMessage { body, attributes, group, deduplication_id, delay: _ } = message;
        Self {
            id,
            body,
            attributes,
            group,
            deduplication_id,
            sent_at: now,
            enqueued_at: now,
            visible_at,
            receipt: None,
            received_at: now,
            first_received_at: None,
            receive_count: 0,
            dead_letter_source: None,
        }
    }

    pub(super) fn visible_at(&self) -> Timestamp {
        self.visible_at
    }

    pub(super) fn enqueued_at(&self) -> Timestamp {
        self.enqueued_at
    }

    fn is_in_flight(&self, now: Timestamp) -> bool {
        self.receipt.is_some() && self.visible_at > now
    }

    fn receive(
        &mut self,
        receipt: ReceiptHandle,
        now: Timestamp,
        until: Timestamp,
    ) -> ReceivedMessage {
        self.visible_at = until;
        self.receipt = Some(receipt.clone());
        self.received_at = now;
        self.receive_count += 1;
        ReceivedMessage {
            id: self.id.clone(),
            receipt,
            body: self.body.clone(),
            attributes: self.attributes.clone(),
            group: self.group.clone(),
            deduplication_id: self.deduplication_id.clone(),
            sent_at: self.sent_at,
            first_received_at: *self.first_received_at.get_or_insert(now),
            receive_count: self.receive_count,
            moved_by_policy: self.dead_letter_source.is_some(),
            dead_letter_source: self.dead_letter_source.clone(),
        }
    }

    /// The message as a dead letter of `source`.
    pub(super) fn given_up(self, source: &QueueName, now: Timestamp) -> Self {
        Self {
            enqueued_at: now,
            visible_at: now,
            receipt: None,
            receive_count: 0,
            dead_letter_source: Some(source.clone()),
            ..self
        }
    }

    /// The dead letter as a message of its source again.
    pub(super) fn sent_again(self, now: Timestamp) -> Self {
        Self {
            sent_at: now,
            enqueued_at: now,
            visible_at: now,
            receipt: None,
            first_received_at: None,
            receive_count: 0,
            dead_letter_source: None,
            ..self
        }
    }
}
