//! Queues and topics of a shop, on servers in memory.

use std::sync::Arc;
use std::time::Duration;

use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Clock as _, MessageQueue as _, NewMessage, QueueName, QueueOptions, ReceiveOptions,
    ReceivedMessage, Timestamp, TopicName, Topology,
};
use es_sns_sqs::{SnsOptions, SnsTopics, SqsOptions, SqsQueues};

use super::fake_messaging::FakeMessaging;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Scene {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) messaging: FakeMessaging,
    pub(crate) queues: SqsQueues,
    pub(crate) topics: SnsTopics,
    /// How many requests were made before.
    seen: usize,
}

impl Scene {
    /// With nothing set up, and clients that ask three times.
    pub(crate) fn new() -> Self {
        Self::with(7, |messaging| messaging, |queues| queues, |topics| topics)
    }

    pub(crate) fn with(
        seed: u64,
        messaging: impl FnOnce(FakeMessaging) -> FakeMessaging,
        queues: impl FnOnce(SqsOptions) -> SqsOptions,
        topics: impl FnOnce(SnsOptions) -> SnsOptions,
    ) -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        Self::on(clock, seed, messaging, queues, topics)
    }

    fn on(
        clock: Arc<VirtualClock>,
        seed: u64,
        messaging: impl FnOnce(FakeMessaging) -> FakeMessaging,
        queues: impl FnOnce(SqsOptions) -> SqsOptions,
        topics: impl FnOnce(SnsOptions) -> SnsOptions,
    ) -> Self {
        let messaging = messaging(FakeMessaging::new(clock.clone(), seed));
        let options = SqsQueues::builder()
            .name_prefix("p-")
            .clock(clock.clone())
            .entropy(Arc::new(SeededEntropy::new(seed)));
        let queues = queues(options).with_client(messaging.sqs_with_attempts(3));
        let queues = queues.expect("a valid prefix");
        let topics = topics(SnsTopics::builder(&queues));
        let topics = topics.with_client(messaging.sns_with_attempts(3)).expect("no account");
        Self { clock, messaging, queues, topics, seen: 0 }
    }

    /// With the queues and topics of the [shop](shop).
    pub(crate) async fn of_the_shop() -> Self {
        let mut scene = Self::new();
        scene.ensure(&shop()).await;
        scene.take_operations();
        scene
    }

    /// With the queues and topics of the [shop](shop), on a clock that only moves [while](Self::while_time_passes)
    /// it is told to: for what does several things at a time.
    pub(crate) async fn of_the_shop_in_step() -> Self {
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let mut scene = Self::on(clock, 7, |messaging| messaging, |queues| queues, |topics| topics);
        scene.ensure(&shop()).await;
        scene.take_operations();
        scene
    }

    /// Lets time pass in small steps until it is ready.
    pub(crate) async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> T {
        let time = async {
            loop {
                // Enough for what is under way to get on, with no time passing.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                self.clock.advance(Duration::from_millis(5));
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = time => unreachable!("it has no end"),
        }
    }

    pub(crate) async fn ensure(&self, topology: &Topology) {
        let made = topology.ensure(&self.queues, &self.topics).await;
        made.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    }

    /// Another program on the same servers, with receipts of its own.
    pub(crate) fn another_program(&self) -> SqsQueues {
        let options = SqsQueues::builder().name_prefix("p-").clock(self.clock.clone());
        options.with_client(self.messaging.sqs_with_attempts(3)).expect("a valid prefix")
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What was asked for since the last call.
    pub(crate) fn take_operations(&mut self) -> Vec<String> {
        let requests = self.messaging.requests();
        let new = requests[self.seen..].iter().map(|request| request.operation.clone()).collect();
        self.seen = requests.len();
        new
    }

    pub(crate) async fn send(&self, queue: &QueueName, body: &str) {
        let message = NewMessage::new(body);
        let message = if queue.is_fifo() { message.group("g") } else { message };
        self.queues.send(queue, message).await.expect("it is sent");
    }

    pub(crate) async fn receive(&self, queue: &QueueName) -> Vec<ReceivedMessage> {
        self.queues.receive(queue, ReceiveOptions::default()).await.expect("a queue that is there")
    }

    /// The message that must be there.
    pub(crate) async fn receive_one(&self, queue: &QueueName) -> ReceivedMessage {
        self.receive(queue).await.pop().expect("a message")
    }

    pub(crate) async fn bodies(&self, queue: &QueueName) -> Vec<String> {
        self.receive(queue).await.into_iter().map(|message| message.body).collect()
    }
}

pub(crate) fn queue(name: &str) -> QueueName {
    QueueName::new(name).expect("a valid name")
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName::new(name).expect("a valid name")
}

/// Everything that a topology can have.
pub(crate) fn shop() -> Topology {
    let placed = r#"{"kind":["placed"],"items":["1",{"numeric":[">",5]}]}"#;
    Topology::builder()
        .queue(&queue("dead"), QueueOptions::for_dead_letters())
        .queue(&queue("dead.fifo"), QueueOptions::for_dead_letters())
        .dead_letter_queue(&queue("given-up"), QueueOptions::for_dead_letters())
        .queue(&queue("billing"), QueueOptions::default().dead_letters(queue("dead"), 3))
        .queue(
            &queue("audit"),
            QueueOptions::default()
                .visibility_timeout(90 * SECOND)
                .retention(2 * DAY)
                .delay(5 * SECOND)
                .max_message_size(1024 * 1024),
        )
        .queue(&queue("stock.fifo"), QueueOptions::default().dead_letters(queue("dead.fifo"), 5))
        .topic(&topic("orders"))
        .topic(&topic("movements.fifo"))
        .subscription(&topic("orders"), &queue("billing"), placed.parse().expect("a filter"))
        .subscription(&topic("orders"), &queue("audit"), "{}".parse().expect("a filter"))
        .subscription(&topic("movements.fifo"), &queue("audit"), "{}".parse().expect("a filter"))
        .subscription(
            &topic("movements.fifo"),
            &queue("stock.fifo"),
            "{}".parse().expect("a filter"),
        )
        .build()
        .expect("a shop that can be set up")
}
