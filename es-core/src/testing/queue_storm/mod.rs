//! A storm over a queue: consumers with records of what they handled, on queues that lose, repeat and
//! shuffle, with poison among the messages, while consumers are killed and started again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::backoff::Backoff;
use crate::dead_letter_queue::DeadLetterReason;
use crate::error::Result;
use crate::idempotency_store::{Begun, IdempotencyStore, IdempotentRequest};
use crate::message_queue::{
    MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions, ReceiveOptions, ReceivedMessage,
};
use crate::queue_consumer::QueueConsumer;
use crate::testing::faults::{Fault, Faults, FaultyIdempotencyStore, FaultyMessageQueue};
use crate::testing::{SeededEntropy, VirtualClock};

mod skewed_clock;
mod stage;
mod time;
mod traffic;
mod witness;
mod work;

pub(crate) use skewed_clock::SkewedClock;
pub(crate) use stage::Stage;
pub use time::Time;
pub(crate) use traffic::{CountedQueues, CountedRecords, Traffic};

use witness::Witness;
use work::{Kind, Task, Work};

/// What consumers must come through, on any queues and any records of what was done.
///
/// ```
/// use std::sync::Arc;
///
/// use es_core::memory::{MemoryIdempotency, MemoryQueues};
/// use es_core::testing::queue_storm::QueueStorm;
/// use es_core::testing::{SeededEntropy, VirtualClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
/// let entropy = Arc::new(SeededEntropy::new(7));
/// let queues = Arc::new(MemoryQueues::new(clock.clone(), entropy.clone()));
/// let records = Arc::new(MemoryIdempotency::new(clock.clone(), entropy));
///
/// let calm = QueueStorm::new(7, queues, records).in_virtual_time(clock).kills(5).run().await;
/// assert_eq!(calm.handled, QueueStorm::GOOD);
/// assert!(calm.faults > 0 && calm.kills == 5);
/// # }
/// ```
///
/// Its queues are called `storm-` and the seed, with `-dead` for the dead letters, and the messages of
/// storms with different seeds have different ids. Consumers, messages, faults and kills follow from the
/// seed, as far as the stores do.
///
/// A storm goes by [virtual time](Self::in_virtual_time), or in real time, on servers that do. Then everything
/// is ten times as fast, and a slow machine makes it longer and breaks nothing.
///
/// # What must hold
///
/// - Every good message has its effect, and one owner has completed the record of it; after that it was
///   not begun again. Further effects are only of owners that were killed, cancelled or cut off from
///   the records between their effect and its record; without kills and
///   [lossy records](Self::lossy_records) there are none. (With lossy records it can be that none has
///   completed: a consumer acknowledges what it has done.)
/// - Every message that cannot be handled is among the dead letters with the reason, and no other is.
/// - On a FIFO queue the first effects of a group have the order of its messages.
/// - When the faults have stopped, the queue is empty within [`CALM_WITHIN`](Self::CALM_WITHIN).
#[derive(Debug)]
pub struct QueueStorm {
    seed: u64,
    queues: Arc<dyn MessageQueue>,
    records: Arc<dyn IdempotencyStore>,
    time: Time,
    fifo: bool,
    consumers: usize,
    kills: u32,
    clock_jumps: bool,
    lossy_records: bool,
    faults: Vec<Fault>,
    rate: f64,
}

/// What a storm has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calm {
    /// The good messages that had their effect.
    pub handled: u64,
    /// The effects beyond the first, of owners that were cut off before they could record it.
    pub repeated: u64,
    /// The messages among the dead letters.
    pub dead_letters: u64,
    /// How often a consumer was killed.
    pub kills: u32,
    /// How many faults requests met.
    pub faults: usize,
    /// How long it took from the end of the faults until the queue was empty.
    pub calm_after: Duration,
}

impl QueueStorm {
    /// How many good messages there are. A quarter of them fail at first.
    pub const GOOD: u64 = 80;
    /// How many messages cannot be handled, for one of three reasons.
    pub const BAD: u64 = 12;
    /// How long it may take at most, from the end of the faults until the queue is empty: 10 minutes.
    pub const CALM_WITHIN: Duration = Duration::from_secs(10 * 60);

    /// How long kills and faults go on, unless everything is handled before.
    const LASTS: Duration = Duration::from_secs(5 * 60);
    /// The same in real time. All that follows is virtual time.
    const LASTS_IN_REAL_TIME: Duration = Duration::from_secs(15);
    const DELAY: Duration = Duration::from_secs(1);
    const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(10);
    const HANDLER_TIMEOUT: Duration = Duration::from_secs(40);
    const BACKOFF: Backoff =
        Backoff { base: Duration::from_millis(200), max: Duration::from_secs(2) };
    /// Many, as receives count that were no attempts when another consumer gave the message back.
    const ATTEMPTS: u32 = 25;
    /// Fewer, as each consumer counts its own in groups, and what is behind a message waits for all of them.
    const ATTEMPTS_IN_GROUPS: u32 = 6;
    const KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// A storm of all faults that [pass](Fault::TRANSIENT), one request in ten, over a standard queue
    /// with three consumers that nobody kills. In real time, on the machine's clock.
    pub fn new(
        seed: u64,
        queues: Arc<dyn MessageQueue>,
        records: Arc<dyn IdempotencyStore>,
    ) -> Self {
        Self {
            seed,
            queues,
            records,
            time: Time::Real,
            fifo: false,
            consumers: 3,
            kills: 0,
            clock_jumps: false,
            lossy_records: false,
            faults: Fault::TRANSIENT.to_vec(),
            rate: 0.1,
        }
    }

    /// Goes by the clock of the stores, made by [`VirtualClock::at`]: time passes when nobody can go on
    /// without.
    #[must_use]
    pub fn in_virtual_time(self, clock: Arc<VirtualClock>) -> Self {
        self.in_time(Time::Virtual(clock))
    }

    /// Goes by the time of the stores.
    #[must_use]
    pub fn in_time(mut self, time: Time) -> Self {
        self.time = time;
        self
    }

    /// On a FIFO queue with groups.
    #[must_use]
    pub fn fifo(mut self) -> Self {
        self.fifo = true;
        self
    }

    /// With so many consumers.
    #[must_use]
    pub fn consumers(mut self, consumers: usize) -> Self {
        self.consumers = consumers;
        self
    }

    /// Kills a consumer so many times, wherever it is, and starts another in its place.
    #[must_use]
    pub fn kills(mut self, kills: u32) -> Self {
        self.kills = kills;
        self
    }

    /// Lets the wall clocks of the consumers jump, by up to two days in either direction.
    #[must_use]
    pub fn clock_jumps(mut self) -> Self {
        self.clock_jumps = true;
        self
    }

    /// Lets requests to the records meet faults, too.
    #[must_use]
    pub fn lossy_records(mut self) -> Self {
        self.lossy_records = true;
        self
    }

    /// With these faults, each at so many of the requests that can meet it, from 0 to 1.
    #[must_use]
    pub fn faults(mut self, faults: &[Fault], rate: f64) -> Self {
        (self.faults, self.rate) = (faults.to_vec(), rate);
        self
    }

    /// Runs it.
    ///
    /// # Panics
    ///
    /// When something does not hold that must, after the seed was printed.
    pub async fn run(self) -> Calm {
        let _named = Named(self.seed);
        let mut weather = Weather::new(self).await;
        weather.blow().await;
        let calm_after = weather.calm_down().await;
        weather.judge(calm_after).await
    }
}

/// A storm under way.
struct Weather {
    storm: QueueStorm,
    rng: fastrand::Rng,
    queue: QueueName,
    dead: QueueName,
    /// Without faults.
    queues: Arc<CountedQueues>,
    witness: Arc<Witness>,
    faults: Faults,
    faulty: Arc<FaultyMessageQueue>,
    records: Arc<dyn IdempotencyStore>,
    tasks: Vec<Task>,
    work: Arc<Work>,
    stage: Stage,
    sender: usize,
    consumers: Vec<Employed>,
    killed: u32,
}

/// A consumer at work.
struct Employed {
    actor: usize,
    clock: Arc<SkewedClock>,
}

impl Weather {
    async fn new(storm: QueueStorm) -> Self {
        let mut rng = fastrand::Rng::with_seed(storm.seed);
        let traffic = Traffic::default();
        let clock = storm.time.clock();
        let queues = CountedQueues::new(storm.queues.clone(), traffic.clone(), storm.time.clone());
        let queues = Arc::new(queues);
        let (queue, dead) = set_up(&storm, &*queues).await;
        let faults = Faults::seeded(storm.seed)
            .with_rates(&storm.faults, storm.rate)
            .with_clock(clock.clone())
            .with_delay(storm.time.paced(QueueStorm::DELAY));
        let faulty = Arc::new(FaultyMessageQueue::new(queues.clone(), faults.clone()));
        let counted = CountedRecords { inner: storm.records.clone(), traffic: traffic.clone() };
        let witness = Arc::new(Witness::of(Arc::new(counted)));
        let records: Arc<dyn IdempotencyStore> = match storm.lossy_records {
            true => Arc::new(FaultyIdempotencyStore::new(witness.clone(), faults.clone())),
            false => witness.clone(),
        };
        let tasks = tasks(&mut rng, storm.seed);
        let mut stage = Stage::new(storm.time.clone(), traffic);
        let messages = tasks.iter().map(|task| task.message(storm.fifo)).collect();
        let time = storm.time.clone();
        let sender = stage.enter(send_all(faulty.clone(), queue.clone(), messages, time.clone()));
        let work = Arc::new(Work::new(time, storm.seed, storm.kills > 0));
        let mut weather = Self {
            storm,
            rng,
            queue,
            dead,
            queues,
            witness,
            faults,
            faulty,
            records,
            tasks,
            work,
            stage,
            sender,
            consumers: Vec::new(),
            killed: 0,
        };
        for _ in 0..weather.storm.consumers {
            let employed = weather.employ();
            weather.consumers.push(employed);
        }
        weather
    }

    fn employ(&mut self) -> Employed {
        let time = &self.storm.time;
        let attempts = match self.storm.fifo {
            true => QueueStorm::ATTEMPTS_IN_GROUPS,
            false => QueueStorm::ATTEMPTS,
        };
        let clock = Arc::new(SkewedClock::new(time.clock()));
        let consumer =
            QueueConsumer::new("storm", self.faulty.clone(), self.queue.clone(), self.work.clone());
        let consumer = consumer
            .expect("a valid name")
            .concurrency(4)
            .visibility_timeout(time.paced(QueueStorm::VISIBILITY_TIMEOUT))
            .handler_timeout(time.paced(QueueStorm::HANDLER_TIMEOUT))
            .max_attempts(attempts)
            .backoff(time.backoff(QueueStorm::BACKOFF))
            .dead_letters_to(self.dead.clone())
            .idempotent(self.records.clone(), QueueStorm::KEEP)
            .with_clock(clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(self.rng.u64(..))));
        let actor = self.stage.enter(async move { consumer.run(std::future::pending()).await });
        Employed { actor, clock }
    }

    /// Faults, kills and jumps, until it was long enough.
    async fn blow(&mut self) {
        let time = &self.storm.time;
        let lasts = if time.is_real() { QueueStorm::LASTS_IN_REAL_TIME } else { QueueStorm::LASTS };
        let steps = lasts.div_duration_f64(Stage::step_of(time)) as u32;
        let between_kills = (steps / 4).checked_div(self.storm.kills).unwrap_or(u32::MAX).max(1);
        for step in 1..=steps {
            self.stage.step().await;
            if step % between_kills == 0 && self.killed < self.storm.kills {
                self.kill_one();
            }
            if self.storm.clock_jumps && step % 7 == 0 {
                self.jump_one();
            }
            let kills_are_over = self.killed == self.storm.kills;
            if kills_are_over && step % 8 == 0 && self.is_empty().await {
                return;
            }
        }
    }

    fn kill_one(&mut self) {
        let one = self.rng.usize(..self.consumers.len());
        self.stage.kill(self.consumers[one].actor);
        self.consumers[one] = self.employ();
        self.killed += 1;
    }

    fn jump_one(&mut self) {
        const TWO_DAYS: i64 = 2 * 24 * 60 * 60;
        let one = self.rng.usize(..self.consumers.len());
        let skew = SignedDuration::from_secs(self.rng.i64(-TWO_DAYS..=TWO_DAYS));
        self.consumers[one].clock.jump(skew);
    }

    /// No more faults: how long it takes until the queue is empty.
    async fn calm_down(&mut self) -> Duration {
        self.faults.stop();
        let (step, mut waited) = (Stage::step_of(&self.storm.time), Duration::ZERO);
        while !self.is_empty().await {
            assert!(waited < QueueStorm::CALM_WITHIN, "{:?} are left", self.counts().await);
            for _ in 0..8 {
                self.stage.step().await;
                waited += step;
            }
        }
        waited
    }

    async fn is_empty(&self) -> bool {
        self.stage.is_gone(self.sender) && self.counts().await == QueueCounts::default()
    }

    async fn counts(&self) -> QueueCounts {
        let counts = self.queues.counts(&self.queue).await;
        counts.unwrap_or_else(|error| panic!("messages cannot be counted: {error}"))
    }

    async fn judge(self, calm_after: Duration) -> Calm {
        let letters = self.dead_letters().await;
        let (mut handled, mut repeated) = (0, 0);
        for &task in &self.tasks {
            let number = task.number;
            let effects = self.work.ledger().effects.get(&number).copied().unwrap_or_default();
            let reasons = letters.get(&number).cloned().unwrap_or_default();
            if let Some(reason) = task.dead_because() {
                assert_eq!(reasons, [reason].into(), "why {task:?} is a dead letter");
                assert_eq!(effects, 0, "{task:?} had an effect");
                continue;
            }
            assert_eq!(reasons, BTreeSet::new(), "why the good {task:?} is a dead letter");
            let seen = self.witness.seen(&task.key());
            if !self.storm.lossy_records {
                assert!(self.is_completed(task).await, "{task:?} is not completed: {seen:?}");
            }
            assert!((1..=seen.begun).contains(&effects), "{effects} effects of {task:?}: {seen:?}");
            if self.storm.kills == 0 && !self.storm.lossy_records {
                assert_eq!(effects, 1, "{task:?} had more effects than one: {seen:?}");
            }
            handled += 1;
            repeated += u64::from(effects - 1);
        }
        self.judge_order();
        Calm {
            handled,
            repeated,
            dead_letters: letters.len() as u64,
            kills: self.killed,
            faults: self.faults.injections().len(),
            calm_after,
        }
    }

    /// The witness may have been killed before it saw that.
    async fn is_completed(&self, task: Task) -> bool {
        let body = task.message(self.storm.fifo).body;
        let request = IdempotentRequest::new("storm", &task.key(), body.as_bytes());
        let request = request.expect("a valid request");
        let begun = self.storm.records.begin(&request, QueueStorm::HANDLER_TIMEOUT).await;
        matches!(begun, Ok(Begun::Completed(_)))
    }

    fn judge_order(&self) {
        if !self.storm.fifo {
            return;
        }
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for task in &self.work.ledger().order {
            let before = last.insert(task.group(), task.number);
            assert!(before < Some(task.number), "{task:?} had its effect after {before:?}");
        }
    }

    /// Why each task is among the dead letters.
    async fn dead_letters(&self) -> BTreeMap<u64, BTreeSet<DeadLetterReason>> {
        let mut letters: BTreeMap<u64, BTreeSet<DeadLetterReason>> = BTreeMap::new();
        loop {
            let held = ReceiveOptions::up_to(10);
            let received = self.queues.receive(&self.dead, held).await;
            let received = received.unwrap_or_else(|error| panic!("no dead letters: {error}"));
            if received.is_empty() {
                return letters;
            }
            for letter in received {
                let (number, reason) = read_letter(&letter);
                letters.entry(number).or_default().insert(reason);
                let done = self.queues.acknowledge(&self.dead, &letter.receipt).await;
                done.unwrap_or_else(|error| panic!("a dead letter stays: {error}"));
            }
        }
    }
}

async fn set_up(storm: &QueueStorm, queues: &dyn MessageQueue) -> (QueueName, QueueName) {
    let suffix = if storm.fifo { ".fifo" } else { "" };
    let name = |role: &str| {
        let name = format!("storm-{}{role}{suffix}", storm.seed);
        QueueName::new(&name).expect("a valid name")
    };
    let (queue, dead) = (name(""), name("-dead"));
    for queue in [&dead, &queue] {
        let configured = queues.configure(queue, QueueOptions::default()).await;
        configured.unwrap_or_else(|error| panic!("{queue} cannot be configured: {error}"));
    }
    (queue, dead)
}

/// In any order, by the seed.
fn tasks(rng: &mut fastrand::Rng, storm: u64) -> Vec<Task> {
    let good = (0..QueueStorm::GOOD).map(|n| if n % 4 == 0 { Kind::Flaky } else { Kind::Good });
    let bad = [Kind::Poison, Kind::Hopeless, Kind::Garbled].into_iter().cycle();
    let mut kinds: Vec<Kind> = good.chain(bad.take(QueueStorm::BAD as usize)).collect();
    rng.shuffle(&mut kinds);
    (0..).zip(kinds).map(|(number, kind)| Task { storm, number, kind }).collect()
}

/// Sends each until the queue has said that it has it, and then the next.
async fn send_all(
    queues: Arc<FaultyMessageQueue>,
    queue: QueueName,
    messages: Vec<NewMessage>,
    time: Time,
) -> Result<()> {
    for message in messages {
        while let Err(error) = queues.send(&queue, message.clone()).await {
            if !error.is_transient() {
                return Err(error);
            }
            time.clock().sleep(Stage::step_of(&time)).await;
        }
    }
    Ok(())
}

fn read_letter(letter: &ReceivedMessage) -> (u64, DeadLetterReason) {
    let task = Task::of(&letter.body);
    let envelope = letter.attributes.get("deadletter").map(String::as_str).unwrap_or_default();
    let envelope: serde_json::Value = serde_json::from_str(envelope).unwrap_or_default();
    match (task, envelope["reason"].as_str()) {
        (Some(task), Some(reason)) => (task.number, DeadLetterReason::from(reason.to_owned())),
        _ => panic!("a dead letter that is none: {letter:?}"),
    }
}

/// Says which storm it was when a test fails in it.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the failure is that of the storm with seed {}", self.0);
        }
    }
}
