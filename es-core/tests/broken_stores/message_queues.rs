//! Queues that are broken in one way each.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryQueues;
use es_core::testing::conformance::Exception;
use es_core::testing::conformance::message_queue::SUITE;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Clock as _, Error, MAX_BATCH, MessageId, MessageQueue, NewMessage, QueueCounts, QueueName,
    QueueOptions, ReceiptHandle, ReceiveOptions, ReceivedMessage, Redrive, Result, check_batch,
};

use crate::{assert_breaks, assert_keeps};

/// Queues with a fault; whatever the fault does not touch is the memory queues'.
#[derive(Debug)]
struct Broken<F> {
    inner: MemoryQueues,
    fault: F,
}

#[async_trait]
trait Fault: Debug + Send + Sync + 'static {
    /// What a queue is configured with, of what was asked for.
    fn alter_options(&self, options: QueueOptions) -> QueueOptions {
        options
    }

    /// What is sent of each message.
    fn alter_sent(&self, _message: &mut NewMessage) {}

    /// What is received by, of what was asked for.
    fn alter_asked(&self, options: ReceiveOptions) -> ReceiveOptions {
        options
    }

    /// What a receive gives, of what it has got.
    fn alter_received(&self, _received: &mut Vec<ReceivedMessage>) {}

    async fn send_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        mut messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        messages.iter_mut().for_each(|message| self.alter_sent(message));
        queues.send_batch(queue, messages).await
    }

    async fn receive(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        options.check()?;
        let mut received = queues.receive(queue, self.alter_asked(options)).await?;
        self.alter_received(&mut received);
        Ok(received)
    }

    async fn extend(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        timeout: Duration,
    ) -> Result<()> {
        queues.extend(queue, receipt, timeout).await
    }

    /// One by one, unless the fault is that of batches.
    async fn extend_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        check_batch(holds.len())?;
        queues.options(queue).await?;
        let mut extended = Vec::new();
        for (receipt, timeout) in holds {
            extended.push(self.extend(queues, queue, receipt, *timeout).await);
        }
        Ok(extended)
    }

    async fn acknowledge_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        queues.acknowledge_batch(queue, receipts).await
    }

    async fn release(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        queues.release(queue, receipt, delay).await
    }

    /// One by one, unless the fault is that of batches.
    async fn release_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        check_batch(releases.len())?;
        queues.options(queue).await?;
        let mut released = Vec::new();
        for (receipt, delay) in releases {
            released.push(self.release(queues, queue, receipt, *delay).await);
        }
        Ok(released)
    }

    async fn redrive(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        redrive: Redrive,
    ) -> Result<u64> {
        queues.redrive(queue, redrive).await
    }

    async fn purge(&self, queues: &MemoryQueues, queue: &QueueName) -> Result<()> {
        queues.purge(queue).await
    }

    async fn counts(&self, queues: &MemoryQueues, queue: &QueueName) -> Result<QueueCounts> {
        queues.counts(queue).await
    }
}

#[async_trait]
impl<F: Fault> MessageQueue for Broken<F> {
    async fn configure(&self, queue: &QueueName, options: QueueOptions) -> Result<()> {
        options.check(queue)?;
        self.inner.configure(queue, self.fault.alter_options(options)).await
    }

    async fn options(&self, queue: &QueueName) -> Result<QueueOptions> {
        self.inner.options(queue).await
    }

    async fn send_batch(
        &self,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        self.fault.send_batch(&self.inner, queue, messages).await
    }

    async fn receive(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        self.fault.receive(&self.inner, queue, options).await
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        timeout: Duration,
    ) -> Result<()> {
        self.fault.extend(&self.inner, queue, receipt, timeout).await
    }

    async fn extend_batch(
        &self,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.fault.extend_batch(&self.inner, queue, holds).await
    }

    async fn acknowledge_batch(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        self.fault.acknowledge_batch(&self.inner, queue, receipts).await
    }

    async fn release(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        self.fault.release(&self.inner, queue, receipt, delay).await
    }

    async fn release_batch(
        &self,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.fault.release_batch(&self.inner, queue, releases).await
    }

    async fn redrive(&self, queue: &QueueName, redrive: Redrive) -> Result<u64> {
        self.fault.redrive(&self.inner, queue, redrive).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<()> {
        self.fault.purge(&self.inner, queue).await
    }

    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts> {
        self.fault.counts(&self.inner, queue).await
    }
}

type OnClock<F> = (Broken<F>, Arc<VirtualClock>);

fn on_clock<F: Fault>(fault: impl FnOnce(Arc<VirtualClock>) -> F) -> OnClock<F> {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let inner = MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1)));
    (Broken { inner, fault: fault(clock.clone()) }, clock)
}

fn queues<F: Fault + Default>() -> OnClock<F> {
    on_clock(|_| F::default())
}

#[derive(Debug, Default)]
struct Sound;

impl Fault for Sound {}

#[tokio::test]
async fn queues_without_a_fault_keep_all_rules() {
    assert_eq!(SUITE.failures(|| async { queues::<Sound>() }).await, []);
}

/// Keeps the body only.
#[derive(Debug, Default)]
struct DropsAttributes;

impl Fault for DropsAttributes {
    fn alter_sent(&self, message: &mut NewMessage) {
        message.attributes.clear();
    }
}

#[tokio::test]
async fn attributes_that_are_lost_are_found() {
    let rules = [
        ("a_message_comes_back_as_it_was_sent", "the attributes beside"),
        ("a_message_received_too_often_becomes_a_dead_letter", "attributes of a dead letter"),
    ];
    assert_breaks(&SUITE, queues::<DropsAttributes>, &rules).await;
}

/// Refuses a batch as a whole when one message is not valid.
#[derive(Debug, Default)]
struct AllOrNothing;

#[async_trait]
impl Fault for AllOrNothing {
    async fn send_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        let options = queues.options(queue).await?;
        messages.iter().try_for_each(|message| message.check(queue, &options))?;
        queues.send_batch(queue, messages).await
    }
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_is_found() {
    let rule = "of_a_batch_each_message_is_sent_or_refused_for_itself";
    assert_breaks(&SUITE, queues::<AllOrNothing>, &[(rule, "the whole batch was refused")]).await;
    let rules = ["a_message_that_is_not_valid_is_refused_and_not_sent"];
    assert_keeps(&SUITE, queues::<AllOrNothing>, &rules).await;
}

/// Takes a message of any size, in parts that no receiver puts together.
#[derive(Debug, Default)]
struct CutsLargeMessages;

#[async_trait]
impl Fault for CutsLargeMessages {
    async fn send_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        mut messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        let limit = queues.options(queue).await?.max_message_size;
        for message in &mut messages {
            if message.body.is_char_boundary(limit) {
                message.body.truncate(limit);
            }
        }
        queues.send_batch(queue, messages).await
    }
}

#[tokio::test]
async fn a_large_message_that_is_cut_is_found() {
    let rule = "a_message_that_is_not_valid_is_refused_and_not_sent";
    assert_breaks(&SUITE, queues::<CutsLargeMessages>, &[(rule, "is not valid: Ok")]).await;
}

/// Sends everything at once.
#[derive(Debug, Default)]
struct NoDelay;

impl Fault for NoDelay {
    fn alter_sent(&self, message: &mut NewMessage) {
        message.delay = None;
    }
}

#[tokio::test]
async fn delays_that_are_ignored_are_found() {
    let rules = [
        ("a_delayed_message_comes_when_its_time_has_come", "before the delay is over"),
        ("counts_tell_visible_in_flight_and_delayed", "delayed: 0"),
    ];
    assert_breaks(&SUITE, queues::<NoDelay>, &rules).await;
    assert_keeps(&SUITE, queues::<NoDelay>, &["a_message_comes_back_as_it_was_sent"]).await;
}

/// Keeps messages for ever.
#[derive(Debug, Default)]
struct NoRetention;

impl Fault for NoRetention {
    fn alter_options(&self, options: QueueOptions) -> QueueOptions {
        options.retention(*QueueOptions::RETENTION.end())
    }
}

#[tokio::test]
async fn messages_that_are_kept_for_ever_are_found() {
    let rules = [
        ("a_message_is_gone_when_its_retention_is_over", "left == right"),
        ("a_dead_letter_has_a_retention_of_its_own", "after the retention"),
    ];
    assert_breaks(&SUITE, queues::<NoRetention>, &rules).await;
}

/// Hides what it gives for a moment only, whatever was asked for.
#[derive(Debug, Default)]
struct ForgetsTimeouts;

impl Fault for ForgetsTimeouts {
    fn alter_asked(&self, options: ReceiveOptions) -> ReceiveOptions {
        options.visibility_timeout(Duration::from_secs(1))
    }
}

#[tokio::test]
async fn messages_that_do_not_stay_hidden_are_found() {
    let rules = [
        ("a_received_message_is_invisible_until_its_timeout", "a message in flight"),
        ("a_receive_can_have_a_timeout_of_its_own", "held for 300s"),
        ("an_extended_message_stays_invisible", "an extension was refused"),
    ];
    assert_breaks(&SUITE, queues::<ForgetsTimeouts>, &rules).await;
}

/// Gives a message that is in flight to the next one who asks in vain.
#[derive(Debug, Default)]
struct TwoHands(Mutex<Option<ReceivedMessage>>);

impl Fault for TwoHands {
    fn alter_received(&self, received: &mut Vec<ReceivedMessage>) {
        let mut last = self.0.lock().expect("a lock");
        match received.last() {
            Some(message) => *last = Some(message.clone()),
            None => received.extend(last.take()),
        }
    }
}

#[tokio::test]
async fn a_message_in_two_hands_is_found() {
    let rules = [
        ("a_received_message_is_invisible_until_its_timeout", "a message in flight"),
        ("of_concurrent_receivers_each_message_has_one", "messages, and different ones"),
        ("an_acknowledged_message_never_comes_back", "left == right"),
    ];
    assert_breaks(&SUITE, queues::<TwoHands>, &rules).await;
}

/// Gives as many as a receive can, whatever was asked for.
#[derive(Debug, Default)]
struct Generous;

impl Fault for Generous {
    fn alter_asked(&self, options: ReceiveOptions) -> ReceiveOptions {
        ReceiveOptions { max_messages: MAX_BATCH, ..options }
    }
}

#[tokio::test]
async fn more_than_was_asked_for_is_found() {
    let rules = [("a_receive_gives_no_more_than_asked_for", "10 messages for 1 asked")];
    assert_breaks(&SUITE, queues::<Generous>, &rules).await;
}

/// Always says that it is the first time.
#[derive(Debug, Default)]
struct DoesNotCount;

impl Fault for DoesNotCount {
    fn alter_received(&self, received: &mut Vec<ReceivedMessage>) {
        received.iter_mut().for_each(|message| message.receive_count = 1);
    }
}

#[tokio::test]
async fn receives_that_are_not_counted_are_found() {
    let rules = [("receives_are_counted_and_times_are_told", "how often it was received")];
    assert_breaks(&SUITE, queues::<DoesNotCount>, &rules).await;
}

/// Looks once, however long it was to wait.
#[derive(Debug, Default)]
struct NoLongPoll;

impl Fault for NoLongPoll {
    fn alter_asked(&self, options: ReceiveOptions) -> ReceiveOptions {
        options.wait(Duration::ZERO)
    }
}

#[tokio::test]
async fn a_wait_that_does_not_wait_is_found() {
    let rules = [
        ("a_receive_waits_as_long_as_asked", "a wait of 1s ended after 0ns"),
        ("a_wait_is_ended_by_a_send", "a receiver does not wait"),
    ];
    assert_breaks(&SUITE, queues::<NoLongPoll>, &rules).await;
}

/// Waits first and looks then: nothing that happens meanwhile ends a wait.
#[derive(Debug)]
struct Deaf(Arc<VirtualClock>);

#[async_trait]
impl Fault for Deaf {
    async fn receive(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        options.check()?;
        if !options.wait.is_zero() {
            self.0.sleep(options.wait).await;
        }
        queues.receive(queue, options.wait(Duration::ZERO)).await
    }
}

#[tokio::test]
async fn a_wait_that_hears_nothing_is_found() {
    let deaf = || on_clock(Deaf);
    let rules = [
        ("a_wait_is_ended_by_a_send", "goes on waiting though there is a message"),
        ("a_wait_is_ended_when_a_message_becomes_visible", "late"),
    ];
    assert_breaks(&SUITE, deaf, &rules).await;
    assert_keeps(&SUITE, deaf, &["a_receive_waits_as_long_as_asked"]).await;
}

/// Gives every message one receipt for all its receives.
#[derive(Debug, Default)]
struct OneReceiptForAll(Mutex<HashMap<String, ReceiptHandle>>);

impl OneReceiptForAll {
    /// The newest receipt of the message.
    fn newest(&self, receipt: &ReceiptHandle) -> ReceiptHandle {
        let known = self.0.lock().expect("a lock");
        known.get(receipt.as_str()).unwrap_or(receipt).clone()
    }
}

#[async_trait]
impl Fault for OneReceiptForAll {
    fn alter_received(&self, received: &mut Vec<ReceivedMessage>) {
        for message in received {
            let stable = ReceiptHandle::from_stored(message.id.as_str());
            let newest = std::mem::replace(&mut message.receipt, stable);
            self.0.lock().expect("a lock").insert(message.id.to_string(), newest);
        }
    }

    async fn extend(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        timeout: Duration,
    ) -> Result<()> {
        queues.extend(queue, &self.newest(receipt), timeout).await
    }

    async fn acknowledge_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        let newest: Vec<_> = receipts.iter().map(|receipt| self.newest(receipt)).collect();
        queues.acknowledge_batch(queue, &newest).await
    }

    async fn release(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        queues.release(queue, &self.newest(receipt), delay).await
    }
}

#[tokio::test]
async fn receipts_that_survive_a_redelivery_are_found() {
    let rules = [("a_receipt_is_lost_when_the_message_is_received_again", "a receipt came twice")];
    assert_breaks(&SUITE, queues::<OneReceiptForAll>, &rules).await;
    let rules = ["a_receipt_is_used_up", "an_extended_message_stays_invisible"];
    assert_keeps(&SUITE, queues::<OneReceiptForAll>, &rules).await;
}

/// Says that all is well when a receipt is lost, as a service does.
#[derive(Debug, Default)]
struct Polite;

#[async_trait]
impl Fault for Polite {
    async fn acknowledge_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        let outcomes = queues.acknowledge_batch(queue, receipts).await?;
        Ok(outcomes.into_iter().map(|_| Ok(())).collect())
    }
}

#[tokio::test]
async fn acknowledgements_that_hide_a_loss_are_found() {
    let rules = [
        ("a_receipt_is_lost_when_the_message_is_received_again", "is not refused as lost"),
        ("a_receipt_is_used_up", "an acknowledgement with the receipt of a released message"),
        ("a_receipt_of_another_queue_is_lost", "is not refused as lost"),
        ("of_a_batch_each_receipt_counts_for_itself", "which were acknowledged"),
        ("the_receipt_of_a_dead_letter_is_lost", "is not refused as lost"),
        ("the_receipt_of_a_message_whose_retention_is_over_is_lost", "is not refused as lost"),
    ];
    assert_breaks(&SUITE, queues::<Polite>, &rules).await;
}

const EXCEPTION: Exception =
    Exception { rule: "a_receipt_is_used_up", reason: "the service is polite" };

/// Panics unless polite queues keep the rule, or break it as an exception.
async fn hold_except(rule: &str, exceptions: &[Exception]) {
    SUITE.hold_rule_except(rule, exceptions, || async { queues::<Polite>() }).await;
}

#[tokio::test]
async fn a_rule_that_is_an_exception_may_be_broken() {
    hold_except("a_receipt_is_used_up", &[EXCEPTION]).await;
    hold_except("queues_are_kept_apart", &[EXCEPTION]).await;
}

#[tokio::test]
#[should_panic(expected = "is not refused as lost")]
async fn a_rule_that_is_no_exception_may_not_be_broken() {
    hold_except("a_receipt_of_another_queue_is_lost", &[EXCEPTION]).await;
}

#[tokio::test]
#[should_panic(expected = "queues_are_kept_apart is kept: it is no exception")]
async fn an_exception_that_is_not_needed_is_found() {
    let needless = Exception { rule: "queues_are_kept_apart", ..EXCEPTION };
    hold_except("queues_are_kept_apart", &[needless]).await;
}

#[tokio::test]
#[should_panic(expected = "has no rule queues_are_never_empty")]
async fn an_exception_to_no_rule_is_found() {
    let unknown = Exception { rule: "queues_are_never_empty", ..EXCEPTION };
    hold_except("queues_are_kept_apart", &[unknown]).await;
}

/// Acknowledges nothing, but says so.
#[derive(Debug, Default)]
struct ForgetsAcknowledgements;

#[async_trait]
impl Fault for ForgetsAcknowledgements {
    async fn acknowledge_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        queues.counts(queue).await?;
        Ok(receipts.iter().map(|_| Ok(())).collect())
    }
}

#[tokio::test]
async fn an_acknowledged_message_that_comes_back_is_found() {
    let rules = [
        ("an_acknowledged_message_never_comes_back", "what is left after an acknowledgement"),
        (
            "a_late_acknowledgement_counts_if_nobody_received_the_message_since",
            "after a late acknowledgement",
        ),
    ];
    assert_breaks(&SUITE, queues::<ForgetsAcknowledgements>, &rules).await;
}

/// Refuses acknowledgements when the timeout is over.
#[derive(Debug)]
struct Strict(Arc<VirtualClock>, Mutex<HashMap<ReceiptHandle, es_core::Timestamp>>);

#[async_trait]
impl Fault for Strict {
    async fn receive(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        let received = queues.receive(queue, options).await?;
        let timeout = queues.options(queue).await?.visibility_timeout;
        let until = self.0.now() + options.visibility_timeout.unwrap_or(timeout);
        let receipts = received.iter().map(|message| (message.receipt.clone(), until));
        self.1.lock().expect("a lock").extend(receipts);
        Ok(received)
    }

    async fn acknowledge_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        let now = self.0.now();
        let late = |receipt| {
            self.1.lock().expect("a lock").get(receipt).is_some_and(|until| *until <= now)
        };
        if receipts.iter().any(late) {
            return Ok(vec![Err(Error::ReceiptLost { queue: queue.clone() })]);
        }
        queues.acknowledge_batch(queue, receipts).await
    }
}

#[tokio::test]
async fn work_that_is_repeated_without_need_is_found() {
    let strict = || on_clock(|clock| Strict(clock, Mutex::default()));
    let rule = "a_late_acknowledgement_counts_if_nobody_received_the_message_since";
    assert_breaks(&SUITE, strict, &[(rule, "an acknowledgement was refused")]).await;
    assert_keeps(&SUITE, strict, &["an_acknowledged_message_never_comes_back"]).await;
}

/// Takes heartbeats for granted.
#[derive(Debug, Default)]
struct NoHeartbeat;

#[async_trait]
impl Fault for NoHeartbeat {
    async fn extend(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        _: &ReceiptHandle,
        _: Duration,
    ) -> Result<()> {
        queues.counts(queue).await.map(drop)
    }
}

#[tokio::test]
async fn extensions_without_effect_are_found() {
    let rules = [
        ("an_extended_message_stays_invisible", "an extended message"),
        ("an_expired_hold_cannot_be_extended_or_released", "is not refused as lost"),
        ("no_message_is_held_for_more_than_twelve_hours", "not refused, but Ok"),
        ("a_receipt_is_used_up", "an extension with the receipt of a released message"),
    ];
    assert_breaks(&SUITE, queues::<NoHeartbeat>, &rules).await;
}

/// Gives messages back at once, whatever the delay.
#[derive(Debug, Default)]
struct NoBackoff;

#[async_trait]
impl Fault for NoBackoff {
    async fn release(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        _: Duration,
    ) -> Result<()> {
        queues.release(queue, receipt, Duration::ZERO).await
    }
}

#[tokio::test]
async fn releases_that_ignore_the_delay_are_found() {
    let rules = [
        ("a_message_released_with_a_delay_comes_back_after_it", "released for 1s"),
        ("a_released_message_comes_before_the_later_ones_of_its_group", "while the delay of a1"),
    ];
    assert_breaks(&SUITE, queues::<NoBackoff>, &rules).await;
    assert_keeps(&SUITE, queues::<NoBackoff>, &["a_released_message_comes_back_at_once"]).await;
}

/// Never gives a message up.
#[derive(Debug, Default)]
struct Stubborn;

impl Fault for Stubborn {
    fn alter_options(&self, options: QueueOptions) -> QueueOptions {
        QueueOptions { redrive_policy: None, ..options }
    }
}

#[tokio::test]
async fn poison_that_comes_for_ever_is_found() {
    let rules = [
        ("a_message_received_too_often_becomes_a_dead_letter", "received three times"),
        ("a_dead_letter_unblocks_its_group", "behind a dead letter"),
    ];
    assert_breaks(&SUITE, queues::<Stubborn>, &rules).await;
}

/// Does not say where a dead letter came from.
#[derive(Debug, Default)]
struct HidesTheSource;

impl Fault for HidesTheSource {
    fn alter_received(&self, received: &mut Vec<ReceivedMessage>) {
        received.iter_mut().for_each(|message| message.dead_letter_source = None);
    }
}

#[tokio::test]
async fn dead_letters_of_unknown_origin_are_found() {
    let rules = [("a_message_received_too_often_becomes_a_dead_letter", "where it came from")];
    assert_breaks(&SUITE, queues::<HidesTheSource>, &rules).await;
}

/// Moves everything back, whatever was asked for.
#[derive(Debug, Default)]
struct MovesAll;

#[async_trait]
impl Fault for MovesAll {
    async fn redrive(&self, queues: &MemoryQueues, queue: &QueueName, _: Redrive) -> Result<u64> {
        queues.redrive(queue, Redrive::all()).await
    }
}

#[tokio::test]
async fn a_redrive_of_more_than_was_asked_for_is_found() {
    let rules = [("a_redrive_moves_what_was_asked_for", "max_messages: Some(0)")];
    assert_breaks(&SUITE, queues::<MovesAll>, &rules).await;
    let rules = ["redriven_messages_are_as_if_sent_anew", "only_dead_letters_are_redriven"];
    assert_keeps(&SUITE, queues::<MovesAll>, &rules).await;
}

/// Purges what can be seen: what is in flight survives.
#[derive(Debug, Default)]
struct PurgesTheVisible;

#[async_trait]
impl Fault for PurgesTheVisible {
    async fn purge(&self, queues: &MemoryQueues, queue: &QueueName) -> Result<()> {
        loop {
            let received = queues.receive(queue, ReceiveOptions::default()).await?;
            if received.is_empty() {
                return Ok(());
            }
            for message in received {
                queues.acknowledge(queue, &message.receipt).await?;
            }
        }
    }
}

#[tokio::test]
async fn a_purge_that_leaves_something_is_found() {
    let rules = [("a_purged_queue_is_empty", "the counts of a purged queue")];
    assert_breaks(&SUITE, queues::<PurgesTheVisible>, &rules).await;
}

/// Counts what is in flight as if it could be received.
#[derive(Debug, Default)]
struct CountsAll;

#[async_trait]
impl Fault for CountsAll {
    async fn counts(&self, queues: &MemoryQueues, queue: &QueueName) -> Result<QueueCounts> {
        let QueueCounts { visible, in_flight, delayed } = queues.counts(queue).await?;
        Ok(QueueCounts { visible: visible + in_flight, in_flight: 0, delayed })
    }
}

#[tokio::test]
async fn counts_that_mix_states_are_found() {
    let rules = [("counts_tell_visible_in_flight_and_delayed", "left == right")];
    assert_breaks(&SUITE, queues::<CountsAll>, &rules).await;
}

/// Has a FIFO queue in which every message is a group of its own, or all are one.
#[derive(Debug)]
struct Regroups(fn(usize) -> String, Mutex<usize>);

impl Fault for Regroups {
    fn alter_sent(&self, message: &mut NewMessage) {
        if let Some(group) = &mut message.group {
            let mut number = self.1.lock().expect("a lock");
            *number += 1;
            *group = self.0(*number);
        }
    }
}

#[tokio::test]
async fn groups_that_do_not_wait_are_found() {
    let groups = || on_clock(|_| Regroups(|n| n.to_string(), Mutex::default()));
    let rules = [
        ("a_group_waits_while_one_of_its_messages_is_in_flight", "while a1 is in flight"),
        ("a_delayed_queue_keeps_the_order_when_its_delay_is_shortened", "a2 came before a1"),
    ];
    assert_breaks(&SUITE, groups, &rules).await;
}

#[tokio::test]
async fn groups_that_wait_for_each_other_are_found() {
    let groups = || on_clock(|_| Regroups(|_| "all".to_owned(), Mutex::default()));
    let rules = [("a_group_waits_while_one_of_its_messages_is_in_flight", "while a1 is in flight")];
    assert_breaks(&SUITE, groups, &rules).await;
}

/// Gives the newest of a batch first.
#[derive(Debug, Default)]
struct NewestFirst;

impl Fault for NewestFirst {
    fn alter_received(&self, received: &mut Vec<ReceivedMessage>) {
        received.reverse();
    }
}

#[tokio::test]
async fn groups_out_of_order_are_found() {
    let rules = [("a_group_comes_in_the_order_of_its_sends", "came as")];
    assert_breaks(&SUITE, queues::<NewestFirst>, &rules).await;
    // A standard queue promises no order.
    let rules = ["a_message_comes_back_as_it_was_sent", "a_dead_letter_is_in_one_queue_at_a_time"];
    assert_keeps(&SUITE, queues::<NewestFirst>, &rules).await;
}

/// Sends repetitions like anything else.
#[derive(Debug, Default)]
struct NoDeduplication;

impl Fault for NoDeduplication {
    fn alter_sent(&self, message: &mut NewMessage) {
        message.deduplication_id = None;
    }
}

#[tokio::test]
async fn repetitions_that_are_sent_are_found() {
    let rule = "a_repeated_send_answers_the_first_id_and_sends_nothing";
    assert_breaks(&SUITE, queues::<NoDeduplication>, &[(rule, "while it waits")]).await;
}

/// Remembers deduplication ids for ever, and for all queues.
#[derive(Debug, Default)]
struct NeverForgets(Mutex<HashMap<String, MessageId>>);

#[async_trait]
impl Fault for NeverForgets {
    async fn send_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        let mut sent = Vec::new();
        for message in messages {
            let key = message.deduplication_id.clone().unwrap_or_default();
            let known = self.0.lock().expect("a lock").get(&key).cloned();
            if let Some(known) = known {
                sent.push(Ok(known));
                continue;
            }
            let outcome = queues.send_batch(queue, vec![message]).await?.remove(0);
            if let (Ok(id), false) = (&outcome, key.is_empty()) {
                self.0.lock().expect("a lock").insert(key, id.clone());
            }
            sent.push(outcome);
        }
        Ok(sent)
    }
}

#[tokio::test]
async fn deduplication_that_takes_too_much_is_found() {
    let rules = [
        ("a_deduplication_id_is_free_again_after_five_minutes", "after five minutes"),
        ("deduplication_ids_of_queues_are_kept_apart", "b.fifo"),
    ];
    assert_breaks(&SUITE, queues::<NeverForgets>, &rules).await;
    let rules = ["a_repeated_send_answers_the_first_id_and_sends_nothing"];
    assert_keeps(&SUITE, queues::<NeverForgets>, &rules).await;
}

/// Takes queues for the same that differ in case.
#[derive(Debug, Default)]
struct FoldsCase;

#[async_trait]
impl Fault for FoldsCase {
    async fn send_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        let folded = QueueName::new(&queue.as_str().to_lowercase())?;
        queues.send_batch(&folded, messages).await
    }
}

#[tokio::test]
async fn queues_that_run_into_each_other_are_found() {
    let rules = [("queues_are_kept_apart", "what comes out of q")];
    assert_breaks(&SUITE, queues::<FoldsCase>, &rules).await;
}

/// Ends a batch at the first receipt that does not count.
#[derive(Debug, Default)]
struct OneForAll;

#[async_trait]
impl Fault for OneForAll {
    async fn extend_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        let outcomes = queues.extend_batch(queue, holds).await?;
        outcomes.into_iter().map(|outcome| outcome.map(Ok)).collect()
    }

    async fn release_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        let outcomes = queues.release_batch(queue, releases).await?;
        outcomes.into_iter().map(|outcome| outcome.map(Ok)).collect()
    }
}

#[tokio::test]
async fn a_batch_of_holds_that_fails_as_a_whole_is_found() {
    let rules = [
        ("of_a_batch_each_hold_is_extended_for_itself", "the whole batch failed"),
        ("of_a_batch_each_message_is_released_for_itself", "the whole batch failed"),
    ];
    assert_breaks(&SUITE, queues::<OneForAll>, &rules).await;
    let rules = ["an_expired_hold_cannot_be_extended_or_released"];
    assert_keeps(&SUITE, queues::<OneForAll>, &rules).await;
}

/// Changes the first of a batch, and says so of all whose receipts count.
#[derive(Debug, Default)]
struct OnlyTheFirst;

#[async_trait]
impl Fault for OnlyTheFirst {
    async fn extend_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        let mut extended = queues.extend_batch(queue, holds).await?;
        for ((receipt, _), outcome) in holds.iter().zip(&mut extended).skip(1) {
            if outcome.is_ok() {
                *outcome = queues.extend(queue, receipt, Duration::from_secs(30)).await;
            }
        }
        Ok(extended)
    }

    async fn release_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        check_batch(releases.len())?;
        let mut released = Vec::new();
        for (n, (receipt, delay)) in releases.iter().enumerate() {
            released.push(match n {
                0 => queues.release(queue, receipt, *delay).await,
                _ => queues.extend(queue, receipt, Duration::from_secs(60 * 60)).await,
            });
        }
        Ok(released)
    }
}

#[tokio::test]
async fn a_batch_of_which_only_the_first_counts_is_found() {
    let rules = [
        ("of_a_batch_each_hold_is_extended_for_itself", "those that were not extended"),
        ("of_a_batch_each_message_is_released_for_itself", "not refused, but Ok"),
        ("messages_released_in_a_batch_keep_the_order_of_their_group", "released from the last"),
    ];
    assert_breaks(&SUITE, queues::<OnlyTheFirst>, &rules).await;
}

/// Takes batches of any length, in parts.
#[derive(Debug, Default)]
struct HoldsOfAnyNumber;

#[async_trait]
impl Fault for HoldsOfAnyNumber {
    async fn extend_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        let mut extended = Vec::new();
        for part in holds.chunks(MAX_BATCH) {
            extended.extend(queues.extend_batch(queue, part).await?);
        }
        Ok(extended)
    }
}

#[tokio::test]
async fn batches_of_any_number_of_holds_are_found() {
    let rule = "a_batch_of_holds_that_is_empty_or_too_large_is_refused";
    assert_breaks(&SUITE, queues::<HoldsOfAnyNumber>, &[(rule, "0 holds: Ok")]).await;
}

/// Gives a message back by sending it again.
#[derive(Debug, Default)]
struct SendsAgain(Mutex<HashMap<ReceiptHandle, ReceivedMessage>>);

#[async_trait]
impl Fault for SendsAgain {
    fn alter_received(&self, received: &mut Vec<ReceivedMessage>) {
        let known = received.iter().map(|message| (message.receipt.clone(), message.clone()));
        self.0.lock().expect("a lock").extend(known);
    }

    async fn release_batch(
        &self,
        queues: &MemoryQueues,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        let receipts: Vec<_> = releases.iter().map(|(receipt, _)| receipt.clone()).collect();
        let released = queues.acknowledge_batch(queue, &receipts).await?;
        for receipt in &receipts {
            let known = self.0.lock().expect("a lock").remove(receipt);
            if let Some(message) = known {
                let again = NewMessage { group: message.group, ..NewMessage::new(message.body) };
                queues.send(queue, again).await?;
            }
        }
        Ok(released)
    }
}

#[tokio::test]
async fn released_messages_that_come_behind_the_others_are_found() {
    let rule = "messages_released_in_a_batch_keep_the_order_of_their_group";
    let expected = "released from the last to the first";
    assert_breaks(&SUITE, queues::<SendsAgain>, &[(rule, expected)]).await;
}
