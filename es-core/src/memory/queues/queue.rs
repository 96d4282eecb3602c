//! One queue.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

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
    /// By place, which is the order of their coming.
    pub(super) messages: BTreeMap<u64, Stored>,
    deduplication: HashMap<String, FirstOfItsKind>,
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
    pub(super) receipt: Option<ReceiptHandle>,
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

/// The messages that a receive meets, by place.
pub(super) struct Due {
    pub(super) receivable: Vec<u64>,
    /// Those that were received as often as they may be.
    pub(super) exhausted: Vec<u64>,
}

impl Queue {
    pub(super) fn new(name: QueueName, options: QueueOptions) -> Self {
        Self { name, options, messages: BTreeMap::new(), deduplication: HashMap::new() }
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
            let recent =
                |first: &FirstOfItsKind| later(first.sent_at, NewMessage::DEDUPLICATION) > now;
            self.deduplication.retain(|_, first| recent(first));
            if let Some(first) = self.deduplication.get(key) {
                return first.id.clone();
            }
        }
        let id = MessageId::generate(now, entropy);
        if let Some(key) = &message.deduplication_id {
            let first = FirstOfItsKind { id: id.clone(), sent_at: now };
            self.deduplication.insert(key.clone(), first);
        }
        let visible_at = later(now, message.delay.unwrap_or(self.options.delay));
        self.messages.insert(place, Stored::new(id.clone(), message, now, visible_at));
        id
    }

    pub(super) fn forget_expired(&mut self, now: Timestamp) {
        let oldest = earlier(now, self.options.retention);
        self.messages.retain(|_, message| message.enqueued_at > oldest);
    }

    /// Up to `max` messages that can be received, in order.
    pub(super) fn due(&mut self, max: usize, now: Timestamp) -> Due {
        self.forget_expired(now);
        let places = if self.name.is_fifo() { self.due_in_order(now) } else { self.visible(now) };
        let most = self.options.redrive_policy.as_ref().map(|policy| policy.max_receive_count);
        let is_exhausted = |place: &u64| {
            let count = self.messages.get(place).map_or(0, |message| message.receive_count);
            most.is_some_and(|most| count >= most)
        };
        let (exhausted, receivable) = places.into_iter().take(max).partition(is_exhausted);
        Due { receivable, exhausted }
    }

    /// The visible ones, the longest visible first.
    fn visible(&self, now: Timestamp) -> Vec<u64> {
        let visible = self.messages.iter().filter(|(_, message)| message.visible_at <= now);
        let mut visible: Vec<_> =
            visible.map(|(&place, message)| (message.visible_at, place)).collect();
        visible.sort_unstable();
        visible.into_iter().map(|(_, place)| place).collect()
    }

    /// The visible ones of groups that nothing is in flight of, up to the first of its group that is
    /// not visible.
    fn due_in_order(&self, now: Timestamp) -> Vec<u64> {
        let in_flight = self.messages.values().filter(|message| message.is_in_flight(now));
        let mut blocked: HashSet<&Option<String>> =
            in_flight.map(|message| &message.group).collect();
        let mut due = Vec::new();
        for (&place, message) in &self.messages {
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
            if let Some(message) = self.messages.get_mut(&place) {
                let receipt = ReceiptHandle::generate(place, entropy);
                received.push(message.receive(receipt, now, later(now, timeout)));
            }
        }
        received
    }

    /// When the next message becomes visible by itself.
    pub(super) fn next_visible(&self, now: Timestamp) -> Option<Timestamp> {
        self.messages.values().map(|message| message.visible_at).filter(|&at| at > now).min()
    }

    /// Hides a message that is in flight for `timeout` from now.
    pub(super) fn hide(
        &mut self,
        receipt: &ReceiptHandle,
        now: Timestamp,
        timeout: Duration,
    ) -> Result<&mut Stored> {
        self.forget_expired(now);
        let place = self.place(receipt)?;
        match self.messages.get_mut(&place).filter(|message| message.is_in_flight(now)) {
            Some(message) => {
                let until = later(now, timeout);
                check_hold(&self.name, message.received_at, until)?;
                message.visible_at = until;
                Ok(message)
            }
            None => Err(Error::ReceiptLost { queue: self.name.clone() }),
        }
    }

    pub(super) fn acknowledge(&mut self, receipt: &ReceiptHandle) -> Result<()> {
        let place = self.place(receipt)?;
        self.messages.remove(&place);
        Ok(())
    }

    /// The place of the message whose last receive gave this receipt.
    fn place(&self, receipt: &ReceiptHandle) -> Result<u64> {
        receipt
            .place()
            .filter(|place| {
                let message = self.messages.get(place);
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
        asked.map(|(&place, _)| place).take(max).collect()
    }

    pub(super) fn counts(&self, now: Timestamp) -> QueueCounts {
        let mut counts = QueueCounts::default();
        for message in self.messages.values() {
            if message.visible_at <= now {
                counts.visible += 1;
            } else if message.is_in_flight(now) {
                counts.in_flight += 1;
            } else {
                counts.delayed += 1;
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
