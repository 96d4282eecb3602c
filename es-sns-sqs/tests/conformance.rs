//! Queues and topics keep their contracts, but for what SQS and SNS cannot.

mod support;

use std::sync::Arc;

use es_core::testing::VirtualClock;
use es_core::testing::conformance::Exception;
use es_sns_sqs::{SnsTopics, SqsQueues};
use support::fake_messaging::FakeMessaging;

fn connected(
    messaging: impl FnOnce(FakeMessaging) -> FakeMessaging,
) -> (SqsQueues, SnsTopics, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let messaging = messaging(FakeMessaging::new(clock.clone(), 1));
    let queues = SqsQueues::builder().name_prefix("p-").clock(clock.clone());
    let queues = queues.with_client(messaging.sqs()).expect("a valid prefix");
    let topics = SnsTopics::builder(&queues).with_client(messaging.sns()).expect("no account");
    (queues, topics, clock)
}

/// As [`SqsQueues`] says itself.
const EXCEPTIONS: [Exception; 2] = [
    Exception {
        rule: "the_receipt_of_a_dead_letter_is_lost",
        reason: "SQS answers success to receipts of messages that it has moved elsewhere",
    },
    Exception {
        rule: "the_receipt_of_a_message_whose_retention_is_over_is_lost",
        reason: "SQS answers success to receipts of messages that it has forgotten",
    },
];

mod as_the_service_is {
    use super::*;

    mod message_queue {
        use super::*;

        es_core::message_queue_conformance!(
            || async {
                let (queues, _, clock) = connected(|messaging| messaging);
                (queues, clock)
            },
            except: EXCEPTIONS,
        );
    }

    mod topic {
        use super::*;

        es_core::topic_conformance!(|| async {
            let (queues, topics, clock) = connected(|messaging| messaging);
            (topics, queues, clock)
        });
    }
}

mod without_move_tasks {
    use super::*;

    mod message_queue {
        use super::*;

        es_core::message_queue_conformance!(
            || async {
                let (queues, _, clock) = connected(FakeMessaging::without_move_tasks);
                (queues, clock)
            },
            except: EXCEPTIONS,
        );
    }
}
