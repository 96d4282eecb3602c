//! Those rules of the conformance suites that hold without time passing: a server's time is its own.

use std::sync::Arc;

use es_core::testing::VirtualClock;
use es_sns_sqs::{SnsTopics, SqsQueues};

use crate::support::Server;

/// Queues and topics that no other test has.
fn connected() -> (SqsQueues, SnsTopics) {
    let server = Server::start();
    let queues = SqsQueues::builder().name_prefix(Server::name_prefix());
    let queues = queues.with_client(server.sqs()).expect("a valid prefix");
    let topics = SnsTopics::builder(&queues).with_client(server.sns()).expect("no account");
    (queues, topics)
}

/// A clock for the rules, which shows nothing to the server.
fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"))
}

macro_rules! rules_of {
    ($suite:ident: $make:expr; $( $rule:ident, )+) => {
        mod $suite {
            use super::*;

            $(
                #[tokio::test]
                async fn $rule() {
                    es_core::testing::conformance::$suite::SUITE.rule(stringify!($rule)).hold($make).await;
                }
            )+
        }
    };
}

rules_of! {
    message_queue: || async { (connected().0, clock()) };
    options_come_back_and_can_be_changed,
    options_that_are_out_of_range_are_refused,
    a_dead_letter_queue_exists_and_is_of_the_same_kind,
    a_queue_that_was_never_configured_is_an_error,
    queues_are_kept_apart,
    a_message_comes_back_as_it_was_sent,
    every_message_has_an_id_of_its_own,
    a_message_that_is_not_valid_is_refused_and_not_sent,
    of_a_batch_each_message_is_sent_or_refused_for_itself,
    a_batch_that_is_empty_or_too_large_is_refused,
    a_receive_gives_no_more_than_asked_for,
    what_cannot_be_asked_for_is_refused,
    of_concurrent_receivers_each_message_has_one,
    a_receipt_is_used_up,
    a_receipt_of_another_queue_is_lost,
    of_a_batch_each_receipt_counts_for_itself,
    a_released_message_comes_back_at_once,
    dead_letters_go_back_to_where_they_came_from,
    only_dead_letters_are_redriven,
    a_group_comes_in_the_order_of_its_sends,
    a_group_waits_for_its_later_messages_in_flight_too,
    a_dead_letter_unblocks_its_group,
    concurrent_receivers_keep_the_order_of_groups,
    a_repeated_send_answers_the_first_id_and_sends_nothing,
    deduplication_ids_of_queues_are_kept_apart,
}

rules_of! {
    topic: || async {
        let (queues, topics) = connected();
        (topics, queues, clock())
    };
    a_published_message_arrives_in_every_subscribed_queue,
    a_filter_selects_by_attributes,
    what_nobody_is_subscribed_to_goes_nowhere,
    a_queue_gets_what_is_published_while_it_is_subscribed,
    subscribing_again_replaces_the_filter,
    subscriptions_are_told,
    creating_a_topic_again_keeps_its_subscriptions,
    a_topic_or_queue_that_does_not_exist_is_an_error,
    a_message_that_is_not_valid_is_refused_and_not_sent,
    topics_are_kept_apart,
    a_fifo_topic_keeps_the_order_of_its_groups,
    a_fifo_topic_feeds_standard_queues_too,
    a_fifo_queue_cannot_follow_a_topic_without_order,
    a_repeated_publish_is_one_message_in_a_fifo_queue,
}
