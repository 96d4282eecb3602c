use std::time::Duration;

use super::*;
use crate::error::Error;
use crate::memory::MemoryQueues;
use crate::message_queue::NewMessage;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn queue(name: &str) -> QueueName {
    QueueName::new(name).unwrap()
}

fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

fn giving_up_to(dead: &str) -> QueueOptions {
    QueueOptions::default().dead_letters(queue(dead), 3)
}

fn everything() -> FilterPolicy {
    FilterPolicy::everything()
}

fn shop() -> TopologyBuilder {
    Topology::builder()
        .subscription(
            &topic("orders"),
            &queue("billing"),
            r#"{"kind":["placed"]}"#.parse().unwrap(),
        )
        .subscription(&topic("orders"), &queue("audit"), everything())
        .topic(&topic("orders"))
        .topic(&topic("nobody-follows"))
        .queue(&queue("billing"), giving_up_to("a-dead"))
        .queue(&queue("audit"), giving_up_to("a-dead").retention(2 * DAY))
        .queue(&queue("a-dead"), giving_up_to("z-dead").retention(5 * DAY))
        .queue(&queue("z-dead"), QueueOptions::for_dead_letters())
}

fn fault(topology: TopologyBuilder) -> TopologyFault {
    let invalid = topology.build().unwrap_err();
    let [fault] = invalid.faults() else { panic!("{invalid}") };
    fault.clone()
}

#[tokio::test]
async fn what_is_described_is_made_and_can_be_made_again() {
    let topology = shop().build().unwrap();
    let queues = MemoryQueues::default();
    for _ in 0..2 {
        topology.ensure(&queues, &queues).await.unwrap();
        for (queue, options) in topology.queues() {
            assert_eq!(&queues.options(queue).await.unwrap(), options, "{queue}");
        }
        for topic in topology.topics() {
            let made = queues.subscriptions(topic).await.unwrap();
            let made: Vec<_> = made.iter().map(|made| (topic, &made.queue, &made.filter)).collect();
            let described = topology.subscriptions().filter(|(of, ..)| *of == topic);
            assert_eq!(made, described.collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn who_only_looks_is_told_what_is_missing_and_makes_nothing() {
    let topology = shop().build().unwrap();
    let queues = MemoryQueues::default();
    for _ in 0..2 {
        let missing = topology.check_there(&queues, &queues).await.unwrap_err();
        assert!(matches!(missing, Error::NoSuchQueue { queue: first } if first == queue("a-dead")));
    }
    for (queue, options) in topology.dead_letter_queues_first() {
        queues.configure(queue, options.clone()).await.unwrap();
    }
    let missing = topology.check_there(&queues, &queues).await.unwrap_err();
    assert!(
        matches!(missing, Error::NoSuchTopic { topic: first } if first == topic("nobody-follows"))
    );

    topology.ensure(&queues, &queues).await.unwrap();
    topology.check_there(&queues, &queues).await.unwrap();
}

#[tokio::test]
async fn what_is_there_besides_stays() {
    let queues = MemoryQueues::default();
    queues.configure(&queue("another"), QueueOptions::default()).await.unwrap();
    queues.create_topic(&topic("orders")).await.unwrap();
    queues.subscribe(&topic("orders"), &queue("another"), everything()).await.unwrap();
    shop().build().unwrap().ensure(&queues, &queues).await.unwrap();
    queues.publish(&topic("orders"), NewMessage::new("x")).await.unwrap();
    assert_eq!(queues.counts(&queue("another")).await.unwrap().visible, 1);
}

#[test]
fn dead_letter_queues_are_those_that_others_or_consumers_send_to() {
    let given_up = queue("given-up");
    let topology = shop().dead_letter_queue(&given_up, QueueOptions::for_dead_letters());
    let topology = topology.build().unwrap();
    let names: Vec<_> = topology.dead_letter_queues().into_iter().map(QueueName::as_str).collect();
    assert_eq!(names, ["a-dead", "given-up", "z-dead"]);
    let made = topology.queues().find(|(queue, _)| **queue == given_up);
    assert_eq!(made.unwrap().1, &QueueOptions::for_dead_letters());
}

#[test]
fn dead_letters_are_kept_longer_than_messages() {
    for kept in [DAY, 4 * DAY] {
        let dead = QueueOptions::default().retention(kept);
        let found = Topology::builder().queue(&queue("q"), giving_up_to("dead"));
        let expected = TopologyFault::DeadLettersForgotten {
            queue: queue("q"),
            retention: 4 * DAY,
            dead_letter_queue: queue("dead"),
            dead_letter_retention: kept,
        };
        assert_eq!(fault(found.queue(&queue("dead"), dead)), expected);
    }
    // Queues that give up to each other in a circle cannot all keep messages longer.
    let circle = Topology::builder()
        .queue(&queue("a"), giving_up_to("b"))
        .queue(&queue("b"), giving_up_to("a").retention(5 * DAY));
    assert!(matches!(fault(circle), TopologyFault::DeadLettersForgotten { .. }));
}

#[test]
fn queues_have_options_that_a_queue_can_have() {
    let delayed = QueueOptions::default().delay(DAY);
    let reason = "the delay is over 15 minutes";
    let expected = TopologyFault::QueueOptions { queue: queue("q"), reason };
    assert_eq!(fault(Topology::builder().queue(&queue("q"), delayed)), expected);
    let fifo = Topology::builder()
        .queue(&queue("q.fifo"), giving_up_to("dead"))
        .queue(&queue("dead"), QueueOptions::for_dead_letters());
    assert!(matches!(fault(fifo), TopologyFault::QueueOptions { .. }));
}

#[test]
fn what_is_referred_to_is_part_of_it() {
    let missing = Topology::builder().queue(&queue("q"), giving_up_to("dead"));
    let expected = TopologyFault::UnknownDeadLetterQueue {
        queue: queue("q"),
        dead_letter_queue: queue("dead"),
    };
    assert_eq!(fault(missing), expected);

    let subscribed =
        || Topology::builder().subscription(&topic("t"), &queue("q"), FilterPolicy::everything());
    let (t, q) = (topic("t"), queue("q"));
    let expected = TopologyFault::UnknownQueue { topic: t.clone(), queue: q.clone() };
    assert_eq!(fault(subscribed().topic(&t)), expected);
    let expected = TopologyFault::UnknownTopic { topic: t, queue: q.clone() };
    assert_eq!(fault(subscribed().queue(&q, QueueOptions::default())), expected);
}

#[test]
fn a_fifo_queue_follows_a_fifo_topic_only() {
    let following = |t: &str, q: &str| {
        Topology::builder().topic(&topic(t)).queue(&queue(q), QueueOptions::default()).subscription(
            &topic(t),
            &queue(q),
            everything(),
        )
    };
    let expected = TopologyFault::FifoMismatch { topic: topic("t"), queue: queue("q.fifo") };
    assert_eq!(fault(following("t", "q.fifo")), expected);
    assert!(
        following("t.fifo", "q").build().is_ok() && following("t.fifo", "q.fifo").build().is_ok()
    );
}

#[test]
fn everything_is_there_once() {
    let twice = shop().queue(&queue("audit"), QueueOptions::default());
    assert_eq!(fault(twice), TopologyFault::QueueTwice { queue: queue("audit") });
    let twice = shop().dead_letter_queue(&queue("audit"), QueueOptions::default());
    assert_eq!(fault(twice), TopologyFault::QueueTwice { queue: queue("audit") });
    let twice = shop().subscription(&topic("orders"), &queue("audit"), everything());
    let (topic, queue) = (topic("orders"), queue("audit"));
    assert_eq!(fault(twice), TopologyFault::SubscribedTwice { topic, queue });
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let wrong = Topology::builder().queue(&queue("q"), giving_up_to("dead")).subscription(
        &topic("t"),
        &queue("q"),
        everything(),
    );
    let error = Error::from(wrong.build().unwrap_err());
    assert_eq!(
        error.with_causes(),
        "the queues and topics cannot be set up so: queue q gives its dead letters to dead, which is \
         not there; queue q is subscribed to topic t, which is not there"
    );
    assert!(!error.is_transient());
}
