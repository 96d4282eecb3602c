//! The rules of a [`QueueConsumer`] on queues and records of what was done: what holds whatever fails.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::Fixture;
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::dead_letter_queue::{DeadLetterQueue, DeadLetterReason, DeadMessageFilter};
use crate::idempotency_store::IdempotencyStore;
use crate::incoming::Incoming;
use crate::message_handler::{MessageError, MessageHandler};
use crate::message_queue::{MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions};
use crate::queue_consumer::QueueConsumer;
use crate::testing::SeededEntropy;
use crate::testing::faults::{Call, Fault, Faults, FaultyMessageQueue};
use crate::testing::queue_storm::{
    CountedQueues, CountedRecords, SkewedClock, Stage, Time, Traffic,
};

mod crashes;
mod dead_letters;
mod holds;
mod records;
mod storms;

/// What the rules are about: where messages are, where it is recorded what was handled, and the time that
/// both go by.
///
/// With an `Arc` of a [`VirtualClock`](crate::testing::VirtualClock) the rules move it. With the
/// [`SystemClock`](crate::SystemClock) they wait, for seconds: for servers whose time is their own. No rule
/// depends on the speed of either.
#[derive(Debug, Clone)]
pub struct QueuesRecordsAndClock {
    /// No queue is configured yet.
    pub queues: Arc<dyn MessageQueue>,
    /// No record is there yet.
    pub records: Arc<dyn IdempotencyStore>,
    /// That of both.
    pub time: Time,
}

/// A store that is both.
impl<S: MessageQueue + IdempotencyStore, T: Into<Time>> From<(S, T)>
    for Fixture<QueuesRecordsAndClock>
{
    fn from((store, time): (S, T)) -> Self {
        let (store, time) = (Arc::new(store), time.into());
        Self::new(QueuesRecordsAndClock { queues: store.clone(), records: store, time })
    }
}

/// Queues and records of two stores.
impl<Q: MessageQueue, R: IdempotencyStore, T: Into<Time>> From<(Q, R, T)>
    for Fixture<QueuesRecordsAndClock>
{
    fn from((queues, records, time): (Q, R, T)) -> Self {
        let (queues, records) = (Arc::new(queues), Arc::new(records));
        Self::new(QueuesRecordsAndClock { queues, records, time: time.into() })
    }
}

suite! { ($)
    queue_consumer for QueuesRecordsAndClock, tested by queue_consumer_conformance;
    dead_letters: [
        poison_becomes_a_dead_letter_that_the_others_pass_and_comes_in_its_order_after_a_fix,
        poison_without_dead_letters_parks_its_group_in_its_order_until_a_fix,
        while_a_dead_letter_cannot_be_sent_nothing_is_acknowledged_or_received,
        a_message_that_is_too_large_is_refused_and_a_dead_letter_fits,
    ],
    holds: [
        a_message_whose_hold_runs_out_while_it_is_handled_has_one_effect,
        a_receiver_that_stood_still_does_not_go_on_with_what_is_over,
        a_lost_acknowledgement_leaves_one_effect,
        a_wall_clock_that_jumps_decides_nothing,
    ],
    records: [
        of_two_owners_one_completes_and_a_redelivery_has_no_effect,
        an_id_that_comes_with_another_content_becomes_a_dead_letter,
    ],
    crashes: [
        a_shutdown_in_the_middle_of_a_batch_settles_what_is_in_hand,
        a_consumer_that_is_killed_at_any_step_loses_nothing,
    ],
    storms: [
        when_the_faults_stop_all_is_handled_in_bounded_time,
        when_the_faults_stop_all_groups_are_handled_in_order_in_bounded_time,
    ],
}

// All in virtual time: real time is paced.
const SECOND: Duration = Duration::from_secs(1);
/// For how long the consumers hold messages at a time.
const HOLD: Duration = Duration::from_secs(10);
/// How long their handlers may take.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(20);
/// For how long they claim requests: twice that.
const CLAIM: Duration = Duration::from_secs(40);
/// What a handler takes that needs heartbeats.
const LONG: Duration = Duration::from_secs(15);
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Two queues, and consumers that come and go.
struct Scene {
    stage: Stage,
    time: Time,
    clock: Arc<dyn Clock>,
    queues: Arc<CountedQueues>,
    records: Arc<CountedRecords>,
    queue: QueueName,
    dead: QueueName,
}

impl Scene {
    async fn new(s: &QueuesRecordsAndClock, name: &str) -> Self {
        let (traffic, time) = (Traffic::default(), s.time.clone());
        let queues = CountedQueues::new(s.queues.clone(), traffic.clone(), time.clone());
        let records = CountedRecords { inner: s.records.clone(), traffic: traffic.clone() };
        let queue = QueueName::new(name).expect("the rules use valid queues");
        let dead = QueueName::new(&format!("dead-{name}")).expect("the rules use valid queues");
        for queue in [&dead, &queue] {
            let configured = queues.configure(queue, QueueOptions::default()).await;
            configured.unwrap_or_else(|error| panic!("{queue} cannot be configured: {error}"));
        }
        let (queues, records) = (Arc::new(queues), Arc::new(records));
        let (stage, clock) = (Stage::new(time.clone(), traffic), time.clock());
        Self { stage, time, clock, queues, records, queue, dead }
    }

    /// A consumer with one message in hand at a time, on queues with these faults.
    fn consumer(&self, faults: &Faults, does: &Arc<Doing>) -> QueueConsumer {
        self.consumer_without_dead_letters(faults, does).dead_letters_to(self.dead.clone())
    }

    fn consumer_without_dead_letters(&self, faults: &Faults, does: &Arc<Doing>) -> QueueConsumer {
        let queues = Arc::new(FaultyMessageQueue::new(self.queues.clone(), faults.clone()));
        let consumer = QueueConsumer::new("rules", queues, self.queue.clone(), does.clone());
        consumer
            .expect("a valid name")
            .concurrency(1)
            .visibility_timeout(self.time.paced(HOLD))
            .handler_timeout(self.time.paced(HANDLER_TIMEOUT))
            .max_attempts(20)
            .backoff(self.time.backoff(Backoff { base: SECOND, max: SECOND }))
            .idempotent(self.records.clone(), 30 * A_DAY)
            .with_clock(self.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(1)))
    }

    fn start(&mut self, consumer: QueueConsumer) -> usize {
        self.stage.enter(async move { consumer.run(std::future::pending()).await })
    }

    /// A handler that takes this time.
    fn doing(&self, takes: Duration) -> Arc<Doing> {
        Arc::new(Doing {
            time: self.time.clone(),
            takes,
            lingers: Duration::ZERO,
            begun: Mutex::default(),
            effects: Mutex::default(),
            cannot: Mutex::default(),
        })
    }

    async fn send(&self, id: &str, text: &str) {
        let event = event(id, text);
        let message = match self.queue.is_fifo() {
            // The group is what the text begins with.
            true => NewMessage::new(event).group(&text[..1]).deduplication_id(id),
            false => NewMessage::new(event),
        };
        let sent = self.queues.send(&self.queue, message).await;
        sent.unwrap_or_else(|error| panic!("a send was refused: {error}"));
    }

    fn step(&self) -> Duration {
        Stage::step_of(&self.time)
    }

    async fn pass(&mut self, time: Duration) {
        for _ in 0..self.time.paced(time).div_duration_f64(self.step()) as u32 {
            self.stage.step().await;
        }
    }

    async fn pass_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..self.time.patience(self.step()) {
            if holds(self) {
                return self.stage.settle().await;
            }
            self.stage.step().await;
        }
        panic!("it did not come to this: {what}");
    }

    async fn pass_until_empty(&mut self) {
        // A server has something else to do than to count.
        let steps_between = if self.time.is_real() { 10 } else { 1 };
        for _ in 0..self.time.patience(steps_between * self.step()) {
            if self.left().await == 0 {
                return self.stage.settle().await;
            }
            for _ in 0..steps_between {
                self.stage.step().await;
            }
        }
        panic!("{} messages are left", self.left().await);
    }

    async fn counts(&self) -> QueueCounts {
        let counts = self.queues.counts(&self.queue).await;
        counts.unwrap_or_else(|error| panic!("messages cannot be counted: {error}"))
    }

    async fn left(&self) -> u64 {
        let QueueCounts { visible, in_flight, delayed } = self.counts().await;
        visible + in_flight + delayed
    }

    fn dead_letters(&self) -> DeadLetterQueue {
        DeadLetterQueue::new(self.queues.clone(), self.dead.clone()).with_clock(self.clock.clone())
    }

    /// The texts of the dead letters, and why they are there, in the order of their texts.
    async fn letters(&self) -> Vec<(String, DeadLetterReason)> {
        let letters = self.dead_letters().list(&DeadMessageFilter::all(), 100).await;
        let letters = letters.unwrap_or_else(|error| panic!("no dead letters: {error}"));
        let mut letters: Vec<_> = letters
            .into_iter()
            .map(|letter| {
                let failure = letter.failure.expect("a consumer has sent it");
                (text_of(&letter.body), failure.reason)
            })
            .collect();
        letters.sort();
        if self.time.is_real() && !self.queue.is_fifo() {
            // A server may give once more what was acknowledged, which becomes another letter.
            letters.dedup();
        }
        letters
    }
}

fn event(id: &str, text: &str) -> String {
    json!({"specversion": "1.0", "id": id, "source": "/rules", "type": "Text", "data": text})
        .to_string()
}

fn text_of(event: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(event).unwrap_or_default();
    event["data"].as_str().unwrap_or_default().to_owned()
}

/// A handler: it takes its time, has an effect, and can be stuck on some texts.
#[derive(Debug)]
struct Doing {
    time: Time,
    takes: Duration,
    /// After the effect.
    lingers: Duration,
    begun: Mutex<Vec<String>>,
    effects: Mutex<Vec<String>>,
    cannot: Mutex<BTreeSet<String>>,
}

impl Doing {
    fn lingering(self: Arc<Self>, lingers: Duration) -> Arc<Self> {
        let Self { time, takes, .. } = &*self;
        let (begun, effects, cannot) = Default::default();
        Arc::new(Self { time: time.clone(), takes: *takes, lingers, begun, effects, cannot })
    }

    fn cannot(self: Arc<Self>, texts: &[&str]) -> Arc<Self> {
        *lock(&self.cannot) = texts.iter().map(|text| (*text).to_owned()).collect();
        self
    }

    fn has_begun(&self) -> bool {
        !lock(&self.begun).is_empty()
    }

    fn begun(&self) -> Vec<String> {
        lock(&self.begun).clone()
    }

    async fn pass(&self, time: Duration) {
        if !time.is_zero() {
            self.time.clock().sleep(self.time.paced(time)).await;
        }
    }

    fn effects(&self) -> Vec<String> {
        lock(&self.effects).clone()
    }
}

#[async_trait]
impl MessageHandler for Doing {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let text: String = message.json().map_err(MessageError::permanent)?;
        lock(&self.begun).push(text.clone());
        self.pass(self.takes).await;
        if lock(&self.cannot).contains(&text) {
            return Err(MessageError::permanent("stuck ".repeat(1_000)));
        }
        lock(&self.effects).push(text);
        self.pass(self.lingers).await;
        Ok(())
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
