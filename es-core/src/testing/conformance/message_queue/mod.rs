//! The rules of [`MessageQueue`].

use std::sync::Arc;
use std::time::Duration;

use super::Fixture;
use crate::clock::{Clock as _, Timestamp};
use crate::error::{Error, Result};
use crate::message_queue::{
    MessageId, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions, ReceiptHandle,
    ReceiveOptions, ReceivedMessage, Redrive,
};
use crate::testing::VirtualClock;

mod configuring;
mod dead_letters;
mod fifo;
mod receipts;
mod receiving;
mod sending;
mod waiting;

/// What the rules are about: queues, and the clock that they go by, which moves when a rule says so.
#[derive(Debug, Clone)]
pub struct QueuesAndClock {
    /// No queue is configured yet.
    pub queues: Arc<dyn MessageQueue>,
    /// Made by [`VirtualClock::at`]: sleepers wait for the rule.
    pub clock: Arc<VirtualClock>,
}

impl<Q: MessageQueue> From<(Q, Arc<VirtualClock>)> for Fixture<QueuesAndClock> {
    fn from((queues, clock): (Q, Arc<VirtualClock>)) -> Self {
        Self::new(QueuesAndClock { queues: Arc::new(queues), clock })
    }
}

suite! { ($)
    message_queue for QueuesAndClock, tested by message_queue_conformance;
    configuring: [
        options_come_back_and_can_be_changed,
        options_that_are_out_of_range_are_refused,
        a_dead_letter_queue_exists_and_is_of_the_same_kind,
        a_queue_that_was_never_configured_is_an_error,
        configuring_again_keeps_the_messages,
        queues_are_kept_apart,
    ],
    sending: [
        a_message_comes_back_as_it_was_sent,
        every_message_has_an_id_of_its_own,
        a_message_that_is_not_valid_is_refused_and_not_sent,
        of_a_batch_each_message_is_sent_or_refused_for_itself,
        a_batch_that_is_empty_or_too_large_is_refused,
        a_delayed_message_comes_when_its_time_has_come,
        a_queue_delays_messages_without_a_delay_of_their_own,
        a_message_is_gone_when_its_retention_is_over,
    ],
    receiving: [
        a_received_message_is_invisible_until_its_timeout,
        a_receive_can_have_a_timeout_of_its_own,
        a_receive_gives_no_more_than_asked_for,
        what_cannot_be_asked_for_is_refused,
        receives_are_counted_and_times_are_told,
        of_concurrent_receivers_each_message_has_one,
        counts_tell_visible_in_flight_and_delayed,
        a_purged_queue_is_empty,
    ],
    waiting: [
        a_receive_waits_as_long_as_asked,
        a_wait_is_ended_by_a_send,
        a_wait_is_ended_by_a_release,
        a_wait_is_ended_when_a_message_becomes_visible,
        every_waiting_receiver_is_served,
    ],
    receipts: [
        an_acknowledged_message_never_comes_back,
        a_late_acknowledgement_counts_if_nobody_received_the_message_since,
        a_receipt_is_lost_when_the_message_is_received_again,
        a_receipt_is_used_up,
        a_receipt_of_another_queue_is_lost,
        the_receipt_of_a_message_whose_retention_is_over_is_lost,
        of_a_batch_each_receipt_counts_for_itself,
        of_a_batch_each_hold_is_extended_for_itself,
        of_a_batch_each_message_is_released_for_itself,
        a_batch_of_holds_that_is_empty_or_too_large_is_refused,
        an_extended_message_stays_invisible,
        a_message_can_be_hidden_for_less_time_than_is_left,
        an_expired_hold_cannot_be_extended_or_released,
        no_message_is_held_for_more_than_twelve_hours,
        a_released_message_comes_back_at_once,
        a_message_released_with_a_delay_comes_back_after_it,
    ],
    dead_letters: [
        a_message_received_too_often_becomes_a_dead_letter,
        a_dead_letter_is_in_one_queue_at_a_time,
        the_receipt_of_a_dead_letter_is_lost,
        a_dead_letter_has_a_retention_of_its_own,
        redriven_messages_are_as_if_sent_anew,
        a_redrive_moves_what_was_asked_for,
        dead_letters_go_back_to_where_they_came_from,
        only_dead_letters_are_redriven,
    ],
    fifo: [
        a_group_comes_in_the_order_of_its_sends,
        a_group_waits_while_one_of_its_messages_is_in_flight,
        a_group_waits_for_its_later_messages_in_flight_too,
        a_message_whose_retention_is_over_blocks_nobody,
        a_released_message_comes_before_the_later_ones_of_its_group,
        messages_released_in_a_batch_keep_the_order_of_their_group,
        a_dead_letter_unblocks_its_group,
        a_delayed_queue_keeps_the_order_when_its_delay_is_shortened,
        a_wait_is_ended_by_the_acknowledgement_that_unblocks_a_group,
        concurrent_receivers_keep_the_order_of_groups,
        a_repeated_send_answers_the_first_id_and_sends_nothing,
        a_deduplication_id_is_free_again_after_five_minutes,
        deduplication_ids_of_queues_are_kept_apart,
    ],
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The visibility timeout of queues with default options.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn queue_name(name: &str) -> QueueName {
    QueueName::new(name).expect("the rules use valid queues")
}

/// What the rules do where it must succeed.
impl QueuesAndClock {
    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn configure(&self, name: &str, options: QueueOptions) -> QueueName {
        let queue = queue_name(name);
        let configured = self.queues.configure(&queue, options).await;
        configured.unwrap_or_else(|error| panic!("{queue} cannot be configured: {error}"));
        queue
    }

    async fn queue(&self, name: &str) -> QueueName {
        self.configure(name, QueueOptions::default()).await
    }

    /// A queue that gives messages up after this many receives, and its dead-letter queue.
    async fn giving_up(&self, name: &str, dead: &str, receives: u32) -> (QueueName, QueueName) {
        let dead = self.queue(dead).await;
        let options = QueueOptions::default().dead_letters(dead.clone(), receives);
        (self.configure(name, options).await, dead)
    }

    async fn send(&self, queue: &QueueName, message: NewMessage) -> MessageId {
        let sent = self.queues.send(queue, message).await;
        sent.unwrap_or_else(|error| panic!("a send was refused: {error}"))
    }

    async fn send_bodies(&self, queue: &QueueName, bodies: &[&str]) {
        for body in bodies {
            self.send(queue, NewMessage::new(*body)).await;
        }
    }

    async fn receive_with(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Vec<ReceivedMessage> {
        let received = self.queues.receive(queue, options).await;
        let received = received.unwrap_or_else(|error| panic!("a receive failed: {error}"));
        let (asked, given) = (options.max_messages, received.len());
        assert!(given <= asked, "{given} messages for {asked} asked");
        received
    }

    async fn receive(&self, queue: &QueueName, max: usize) -> Vec<ReceivedMessage> {
        self.receive_with(queue, ReceiveOptions::up_to(max)).await
    }

    /// The message that must be there.
    async fn receive_one(&self, queue: &QueueName) -> ReceivedMessage {
        let mut received = self.receive(queue, 1).await;
        received.pop().unwrap_or_else(|| panic!("nothing can be received from {queue}"))
    }

    /// Receives until nothing more is there.
    async fn receive_all(&self, queue: &QueueName) -> Vec<ReceivedMessage> {
        let mut all = Vec::new();
        loop {
            let received = self.receive(queue, 10).await;
            if received.is_empty() {
                return all;
            }
            all.extend(received);
            assert!(all.len() <= 1_000, "a queue gives the same messages again and again");
        }
    }

    /// What can be received now, in the order in which it comes.
    async fn bodies(&self, queue: &QueueName) -> Vec<String> {
        self.receive_all(queue).await.into_iter().map(|message| message.body).collect()
    }

    async fn assert_nothing_comes(&self, queue: &QueueName, case: &str) {
        let bodies = self.bodies(queue).await;
        assert!(bodies.is_empty(), "{case}: {bodies:?} can be received from {queue}");
    }

    async fn acknowledge(&self, queue: &QueueName, message: &ReceivedMessage) {
        let acknowledged = self.queues.acknowledge(queue, &message.receipt).await;
        acknowledged.unwrap_or_else(|error| panic!("an acknowledgement was refused: {error}"));
    }

    async fn extend(&self, queue: &QueueName, message: &ReceivedMessage, timeout: Duration) {
        let extended = self.queues.extend(queue, &message.receipt, timeout).await;
        extended.unwrap_or_else(|error| panic!("an extension was refused: {error}"));
    }

    async fn release(&self, queue: &QueueName, message: &ReceivedMessage, delay: Duration) {
        let released = self.queues.release(queue, &message.receipt, delay).await;
        released.unwrap_or_else(|error| panic!("a release was refused: {error}"));
    }

    async fn redrive(&self, dead: &QueueName, redrive: Redrive) -> u64 {
        let moved = self.queues.redrive(dead, redrive).await;
        moved.unwrap_or_else(|error| panic!("a redrive failed: {error}"))
    }

    async fn counts(&self, queue: &QueueName) -> QueueCounts {
        let counts = self.queues.counts(queue).await;
        counts.unwrap_or_else(|error| panic!("messages cannot be counted: {error}"))
    }

    /// Receives everything that is visible this often, and once more: it becomes dead letters.
    async fn exhaust(&self, queue: &QueueName, receives: usize) {
        for _ in 0..receives {
            for message in self.receive_all(queue).await {
                self.release(queue, &message, Duration::ZERO).await;
            }
        }
        self.assert_nothing_comes(queue, "what was received too often").await;
    }

    /// Every use of a receipt, and what each says.
    async fn use_receipt(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
    ) -> [(&'static str, Result<()>); 3] {
        [
            ("an extension", self.queues.extend(queue, receipt, MINUTE).await),
            ("a release", self.queues.release(queue, receipt, Duration::ZERO).await),
            ("an acknowledgement", self.queues.acknowledge(queue, receipt).await),
        ]
    }

    async fn assert_lost(&self, queue: &QueueName, receipt: &ReceiptHandle, case: &str) {
        for (what, outcome) in self.use_receipt(queue, receipt).await {
            assert_receipt_lost(&outcome, queue, &format!("{what} with {case}"));
        }
    }
}

fn assert_receipt_lost(outcome: &Result<()>, queue: &QueueName, case: &str) {
    match outcome {
        Err(Error::ReceiptLost { queue: named }) => assert_eq!(named, queue, "{case}: which queue"),
        outcome => panic!("{case} is not refused as lost, but {outcome:?}"),
    }
}

fn bodies(messages: &[ReceivedMessage]) -> Vec<&str> {
    messages.iter().map(|message| &*message.body).collect()
}

/// The bodies in an order that does not depend on the queue's.
fn sorted_bodies(messages: &[ReceivedMessage]) -> Vec<&str> {
    let mut bodies = bodies(messages);
    bodies.sort_unstable();
    bodies
}
