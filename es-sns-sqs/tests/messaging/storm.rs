//! All faults at once, from seeds: every message comes, and a FIFO queue gives none again that was
//! acknowledged.

use std::collections::BTreeSet;
use std::time::Duration;

use es_core::{
    Error, MessageQueue as _, NewMessage, QueueCounts, QueueName, ReceiveOptions, Topic as _,
};

use crate::support::fake_messaging::Fault;
use crate::support::scene::{Scene, queue, shop, topic};

const MESSAGES: usize = 60;

/// Publishes until every message was taken.
async fn publish(scene: &Scene) {
    let message =
        |n: usize| NewMessage::new(format!("{n:02}")).group("g").deduplication_id(n.to_string());
    for n in 0..MESSAGES / 10 {
        let mut waiting: Vec<_> = (n * 10..(n + 1) * 10).map(message).collect();
        while !waiting.is_empty() {
            match scene.topics.publish_batch(&topic("movements.fifo"), waiting.clone()).await {
                Ok(answers) => {
                    // Later ones must not overtake: everything from the first failure on again.
                    let taken = answers.iter().take_while(|answer| answer.is_ok()).count();
                    waiting.drain(..taken);
                }
                Err(error) => assert!(error.is_transient(), "{error:?}"),
            }
        }
    }
}

/// Receives and acknowledges until nothing is left; what came, in its order, and what was acknowledged.
async fn work_off(scene: &Scene, queue: &QueueName) -> Vec<Seen> {
    let mut seen = Vec::new();
    loop {
        match scene.queues.receive(queue, ReceiveOptions::default()).await {
            Ok(received) => {
                for message in received {
                    seen.push(Seen::Received(message.body.clone()));
                    match scene.queues.acknowledge(queue, &message.receipt).await {
                        Ok(()) => seen.push(Seen::Acknowledged(message.body)),
                        Err(Error::ReceiptLost { .. }) => {}
                        Err(error) => assert!(error.is_transient(), "{error:?}"),
                    }
                }
            }
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
        // What was received without an answer, or not acknowledged, comes again.
        scene.clock.advance(Duration::from_secs(100));
        match scene.queues.counts(queue).await {
            Ok(counts) if counts == QueueCounts::default() => return seen,
            Ok(_) => {}
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
}

enum Seen {
    Received(String),
    Acknowledged(String),
}

/// Panics when something came again behind its acknowledgement.
fn assert_acknowledged_for_good(seen: &[Seen], case: &str) {
    let mut acknowledged = BTreeSet::new();
    for seen in seen {
        match seen {
            Seen::Received(body) => assert!(!acknowledged.contains(body), "{case}: {body} again"),
            Seen::Acknowledged(body) => drop(acknowledged.insert(body)),
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_in_a_storm() {
    let expected: BTreeSet<String> = (0..MESSAGES).map(|n| format!("{n:02}")).collect();
    let mut injected = BTreeSet::new();
    for seed in 0..10 {
        let scene = Scene::with(seed, |messaging| messaging, |queues| queues, |topics| topics);
        scene.ensure(&shop()).await;
        scene.messaging.faults().set_rates(&Fault::PASSING, 0.05);
        publish(&scene).await;
        scene.clock.advance(Duration::from_secs(5));
        for name in ["stock.fifo", "audit"] {
            let seen = work_off(&scene, &queue(name)).await;
            let received = seen.iter().filter_map(|seen| match seen {
                Seen::Received(body) => Some(body.clone()),
                Seen::Acknowledged(_) => None,
            });
            let case = format!("seed {seed}, {name}");
            assert_eq!(received.collect::<BTreeSet<_>>(), expected, "{case}");
            // A standard queue may give a message twice, and say yes to the receipt of the first.
            if name.ends_with(".fifo") {
                assert_acknowledged_for_good(&seen, &case);
            }
        }
        let faults = scene.messaging.faults();
        injected.extend(Fault::PASSING.into_iter().filter(|fault| faults.injected(*fault) > 0));
    }
    assert_eq!(injected, Fault::PASSING.into(), "every fault was there");
}
