//! Random work on queues in the file and in memory, side by side: they answer the same.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryQueues;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Clock as _, MessageId, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions,
    ReceiptHandle, ReceiveOptions, ReceivedMessage, Redrive, Result, Topic, TopicName,
};
use es_sqlite::{SqliteStore, Synchronous};
use proptest::prelude::*;
use support::Place;

/// Two that give up, and where to.
const QUEUES: [&str; 4] = ["q", "dead", "q.fifo", "dead.fifo"];
const TOPIC: &str = "t.fifo";
const GROUPS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Step {
    Configure {
        queue: usize,
        timeout: u64,
        delay: u64,
        receives: Option<u32>,
    },
    Send {
        queue: usize,
        group: usize,
        delay: Option<u64>,
        deduplication_id: Option<u8>,
    },
    SendBatch {
        queue: usize,
        groups: Vec<Option<usize>>,
    },
    Publish {
        group: usize,
        deduplication_id: Option<u8>,
    },
    Subscribe {
        queue: usize,
        group: Option<usize>,
    },
    Unsubscribe {
        queue: usize,
    },
    Receive {
        queue: usize,
        max: usize,
        timeout: Option<u64>,
    },
    /// With a receipt of the history, whoever has the message now, on its queue or another.
    Extend {
        receipt: usize,
        queue: Option<usize>,
        timeout: u64,
    },
    Acknowledge {
        receipts: Vec<usize>,
        queue: usize,
    },
    Release {
        receipt: usize,
        delay: u64,
    },
    Redrive {
        queue: usize,
        max: Option<u64>,
        before: Option<u64>,
        of_history: Option<usize>,
    },
    Purge {
        queue: usize,
    },
    Advance {
        seconds: u64,
    },
    /// Clocks are set back, too.
    SetBack {
        seconds: u64,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    use proptest::option::of;

    let queue = 0..QUEUES.len();
    let group = 0..GROUPS.len();
    // Mostly those of the last receives.
    let receipt = prop_oneof![3 => 0..6_usize, 1 => 0..40_usize];
    let seconds = prop_oneof![0..5_u64, 0..90_u64, 0..50_000_u64];
    prop_oneof![
        1 => (queue.clone(), 1..60_u64, prop_oneof![Just(0), 0..20_u64], of(1..4_u32))
            .prop_map(|(queue, timeout, delay, receives)| {
                Step::Configure { queue, timeout, delay, receives }
            }),
        8 => (queue.clone(), group.clone(), of(0..20_u64), of(0..3_u8))
            .prop_map(|(queue, group, delay, deduplication_id)| {
                Step::Send { queue, group, delay, deduplication_id }
            }),
        2 => (queue.clone(), proptest::collection::vec(of(group.clone()), 0..12))
            .prop_map(|(queue, groups)| Step::SendBatch { queue, groups }),
        2 => (group.clone(), of(0..3_u8))
            .prop_map(|(group, deduplication_id)| Step::Publish { group, deduplication_id }),
        1 => (queue.clone(), of(group)).prop_map(|(queue, group)| Step::Subscribe { queue, group }),
        1 => queue.clone().prop_map(|queue| Step::Unsubscribe { queue }),
        14 => (queue.clone(), 0..12_usize, of(1..100_u64))
            .prop_map(|(queue, max, timeout)| Step::Receive { queue, max, timeout }),
        3 => (receipt.clone(), of(queue.clone()), seconds.clone())
            .prop_map(|(receipt, queue, timeout)| Step::Extend { receipt, queue, timeout }),
        4 => (proptest::collection::vec(receipt.clone(), 0..4), queue.clone())
            .prop_map(|(receipts, queue)| Step::Acknowledge { receipts, queue }),
        4 => (receipt, prop_oneof![Just(0), seconds.clone()])
            .prop_map(|(receipt, delay)| Step::Release { receipt, delay }),
        2 => (queue.clone(), of(0..4_u64), of(0..60_u64), of(0..40_usize)).prop_map(
            |(queue, max, before, of_history)| Step::Redrive { queue, max, before, of_history }
        ),
        1 => queue.prop_map(|queue| Step::Purge { queue }),
        8 => seconds.prop_map(|seconds| Step::Advance { seconds }),
        2 => (0..60_u64).prop_map(|seconds| Step::SetBack { seconds }),
        1 => Just(Step::Reopen),
    ]
}

/// The same history in both.
struct Pair {
    place: Place,
    clock: Arc<VirtualClock>,
    /// Of all queues, all the time: a message that was too old, and is not any more because clock or
    /// retention are set back, may be there or not.
    retention: Duration,
    memory: MemoryQueues,
    file: SqliteStore,
    /// Every message that was received, as each of the two gave it.
    received: Vec<(QueueName, ReceivedMessage, ReceivedMessage)>,
    /// The ids of messages in the file by those in memory.
    ids: BTreeMap<MessageId, MessageId>,
    sent: usize,
}

async fn open(place: &Place, clock: &Arc<VirtualClock>) -> SqliteStore {
    let options = SqliteStore::builder(place.db()).clock(clock.clone());
    options.synchronous(Synchronous::Normal).open().await.unwrap()
}

fn queue(index: usize) -> QueueName {
    QueueName::new(QUEUES[index]).unwrap()
}

fn topic() -> TopicName {
    TopicName::new(TOPIC).unwrap()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What an outcome says, without ids: the value, or the error in its words.
fn said<T>(outcome: &Result<T>) -> std::result::Result<&T, String> {
    outcome.as_ref().map_err(ToString::to_string)
}

impl Pair {
    async fn new(retention: Duration) -> Self {
        let place = Place::new();
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let memory = MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(7)));
        let file = open(&place, &clock).await;
        let (received, ids) = (Vec::new(), BTreeMap::new());
        let pair = Self { place, clock, retention, memory, file, received, ids, sent: 0 };
        for index in [1, 0, 3, 2] {
            pair.configure(index, QueueOptions::default(), Some(2)).await;
        }
        pair.memory.create_topic(&topic()).await.unwrap();
        pair.file.create_topic(&topic()).await.unwrap();
        pair
    }

    async fn configure(&self, index: usize, options: QueueOptions, receives: Option<u32>) {
        let options = options.retention(self.retention);
        let options = match receives {
            Some(receives) => options.dead_letters(queue(index | 1), receives),
            None => options,
        };
        let a = self.memory.configure(&queue(index), options.clone()).await;
        let b = self.file.configure(&queue(index), options).await;
        assert_eq!(said(&a), said(&b));
        // A dead-letter queue is refused as its own; it is there all the same.
        if a.is_err() && self.memory.options(&queue(index)).await.is_err() {
            let options = QueueOptions::default().retention(self.retention);
            self.memory.configure(&queue(index), options.clone()).await.unwrap();
            self.file.configure(&queue(index), options).await.unwrap();
        }
    }

    fn message(&mut self, group: Option<usize>, deduplication_id: Option<u8>) -> NewMessage {
        self.sent += 1;
        let mut message = NewMessage::new(format!("message {}", self.sent));
        if let Some(group) = group {
            message = message.group(GROUPS[group]).attribute("group", GROUPS[group]);
        }
        message.deduplication_id = deduplication_id.map(|id| id.to_string());
        message
    }

    async fn send(&mut self, queue: &QueueName, messages: Vec<NewMessage>) {
        let a = self.memory.send_batch(queue, messages.clone()).await;
        let b = self.file.send_batch(queue, messages).await;
        assert_eq!(said(&a).map(Vec::len), said(&b).map(Vec::len));
        for (a, b) in a.unwrap_or_default().into_iter().zip(b.unwrap_or_default()) {
            assert_eq!(said(&a).map(drop), said(&b).map(drop));
            if let (Ok(a), Ok(b)) = (a, b) {
                self.pair_up(a, b);
            }
        }
    }

    /// Two ids are of one message, now and ever.
    fn pair_up(&mut self, a: MessageId, b: MessageId) {
        let known = self.ids.entry(a).or_insert_with(|| b.clone());
        assert_eq!(*known, b, "the two take different messages for the same");
    }

    async fn receive(&mut self, queue: &QueueName, options: ReceiveOptions) {
        let a = self.memory.receive(queue, options).await;
        let b = self.file.receive(queue, options).await;
        assert_eq!(said(&a).map(Vec::len), said(&b).map(Vec::len), "received from {queue}");
        for (a, b) in a.unwrap_or_default().into_iter().zip(b.unwrap_or_default()) {
            self.pair_up(a.id.clone(), b.id.clone());
            let renamed =
                ReceivedMessage { id: b.id.clone(), receipt: b.receipt.clone(), ..a.clone() };
            assert_eq!(renamed, b, "received from {queue}");
            self.received.push((queue.clone(), a, b));
        }
    }

    /// A receipt of the history, as each of the two has it.
    fn receipt(&self, index: usize) -> (QueueName, ReceiptHandle, ReceiptHandle) {
        match self.received.get(self.received.len().wrapping_sub(1 + index)) {
            Some((queue, a, b)) => (queue.clone(), a.receipt.clone(), b.receipt.clone()),
            None => {
                let made_up = ReceiptHandle::from_stored("made up");
                (queue(0), made_up.clone(), made_up)
            }
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Configure { queue, timeout, delay, receives } => {
                let options = QueueOptions::default()
                    .visibility_timeout(seconds(timeout))
                    .delay(seconds(delay));
                self.configure(queue, options, receives).await;
            }
            Step::Send { queue: index, group, delay, deduplication_id } => {
                let fifo = queue(index).is_fifo();
                let message =
                    self.message(fifo.then_some(group), deduplication_id.filter(|_| fifo));
                let delay = delay.filter(|_| !fifo).map(seconds);
                self.send(&queue(index), vec![NewMessage { delay, ..message }]).await;
            }
            Step::SendBatch { queue: index, groups } => {
                let messages = groups.into_iter().map(|group| self.message(group, None)).collect();
                self.send(&queue(index), messages).await;
            }
            Step::Publish { group, deduplication_id } => {
                let message = self.message(Some(group), deduplication_id);
                let a = self.memory.publish(&topic(), message.clone()).await;
                let b = self.file.publish(&topic(), message).await;
                assert_eq!(said(&a).map(drop), said(&b).map(drop));
            }
            Step::Subscribe { queue: index, group } => {
                let filter = match group {
                    Some(group) => format!(r#"{{"group":["{}"]}}"#, GROUPS[group]),
                    None => "{}".to_owned(),
                };
                let filter = || filter.parse().unwrap();
                self.memory.subscribe(&topic(), &queue(index), filter()).await.unwrap();
                self.file.subscribe(&topic(), &queue(index), filter()).await.unwrap();
            }
            Step::Unsubscribe { queue: index } => {
                self.memory.unsubscribe(&topic(), &queue(index)).await.unwrap();
                self.file.unsubscribe(&topic(), &queue(index)).await.unwrap();
            }
            Step::Receive { queue: index, max, timeout } => {
                let visibility_timeout = timeout.map(seconds);
                let options = ReceiveOptions { visibility_timeout, ..ReceiveOptions::up_to(max) };
                self.receive(&queue(index), options).await;
            }
            Step::Extend { receipt, queue: elsewhere, timeout } => {
                let (of, a, b) = self.receipt(receipt);
                let of = elsewhere.map_or(of, queue);
                let a = self.memory.extend(&of, &a, seconds(timeout)).await;
                let b = self.file.extend(&of, &b, seconds(timeout)).await;
                assert_eq!(said(&a), said(&b));
            }
            Step::Acknowledge { receipts, queue: index } => {
                let receipts = receipts.into_iter().map(|receipt| self.receipt(receipt));
                let (a, b): (Vec<_>, Vec<_>) = receipts.map(|(_, a, b)| (a, b)).unzip();
                let a = self.memory.acknowledge_batch(&queue(index), &a).await;
                let b = self.file.acknowledge_batch(&queue(index), &b).await;
                let each = |outcome: Result<Vec<Result<()>>>| {
                    outcome
                        .map(|each| each.iter().map(|one| said(one).cloned()).collect::<Vec<_>>())
                        .map_err(|error| error.to_string())
                };
                assert_eq!(each(a), each(b));
            }
            Step::Release { receipt, delay } => {
                let (of, a, b) = self.receipt(receipt);
                let a = self.memory.release(&of, &a, seconds(delay)).await;
                let b = self.file.release(&of, &b, seconds(delay)).await;
                assert_eq!(said(&a), said(&b));
            }
            Step::Redrive { queue: index, max, before, of_history } => {
                let until = before.map(|before| self.clock.now() - seconds(before));
                let asked = Redrive { max_messages: max, until, ids: None };
                let (mut a, mut b) = (asked.clone(), asked);
                if let Some((_, in_memory, in_file)) =
                    of_history.and_then(|index| self.received.get(index))
                {
                    a = a.only([in_memory.id.clone()]);
                    b = b.only([in_file.id.clone()]);
                }
                let a = self.memory.redrive(&queue(index), a).await;
                let b = self.file.redrive(&queue(index), b).await;
                assert_eq!(said(&a), said(&b), "how many were moved");
            }
            Step::Purge { queue: index } => {
                self.memory.purge(&queue(index)).await.unwrap();
                self.file.purge(&queue(index)).await.unwrap();
            }
            Step::Advance { seconds: n } => self.clock.advance(seconds(n)),
            Step::SetBack { seconds: n } => self.clock.set(self.clock.now() - seconds(n)),
            Step::Reopen => {
                self.file.close().await.unwrap();
                self.file = open(&self.place, &self.clock).await;
            }
        }
    }

    async fn counts(&self) -> ([QueueCounts; 4], [QueueCounts; 4]) {
        let mut counts = ([QueueCounts::default(); 4], [QueueCounts::default(); 4]);
        for index in 0..QUEUES.len() {
            counts.0[index] = self.memory.counts(&queue(index)).await.unwrap();
            counts.1[index] = self.file.counts(&queue(index)).await.unwrap();
        }
        counts
    }
}

async fn run(retention: Duration, steps: Vec<Step>) {
    let mut pair = Pair::new(retention).await;
    for step in steps {
        pair.take(step).await;
        let (memory, file) = pair.counts().await;
        assert_eq!(memory, file, "in memory, and in the file");
    }
}

fn block_on(history: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(history);
}

/// Ids that are too old are forgotten by a send that has one, in both; it matters when the clock is set
/// back behind it.
#[test]
fn a_send_without_a_deduplication_id_forgets_none() {
    let send = Step::Send { queue: 3, group: 0, delay: None, deduplication_id: Some(1) };
    let between = [
        Step::Advance { seconds: 300 },
        Step::SendBatch { queue: 3, groups: vec![Some(0)] },
        Step::SetBack { seconds: 1 },
    ];
    let steps = [send.clone()].into_iter().chain(between).chain([send]).collect();
    block_on(run(*QueueOptions::RETENTION.end(), steps));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_file_answers_as_memory_does(
        retention in 60..600_u64,
        mut steps in proptest::collection::vec(step(), 1..100),
    ) {
        steps.retain(|step| !matches!(step, Step::SetBack { .. }));
        block_on(run(seconds(retention), steps));
    }

    #[test]
    fn the_file_answers_as_memory_does_when_clocks_are_set_back(
        mut steps in proptest::collection::vec(step(), 1..100),
    ) {
        for step in &mut steps {
            if let Step::Advance { seconds } = step {
                *seconds %= 600;
            }
        }
        block_on(run(*QueueOptions::RETENTION.end(), steps));
    }
}
