//! Targets that fail, dead letters, and crashes in between.

use std::time::Duration;

use es_core::{Clock as _, MessageQueue as _};
use es_routing::{Destination, EventBus as _, LocalBus, NotPut, NotRouted};
use futures::FutureExt as _;
use serde_json::json;

use crate::scene::{Scene, Scripted, event, new_event, queue, rule_to};

fn printer() -> Destination {
    Destination::Function("printer".to_owned())
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_until_it_is_delivered() {
    let scene = Scene::with_queues(&["dead"]).await;
    let target = Scripted::failing(&[true, true, true]);
    let rules =
        rule_to(json!([{ "id": "print", "function": "printer", "dead_letter_queue": "dead" }]));
    let router = scene.router(&rules).target(printer(), target.clone()).build().unwrap();

    let routed = router.route(event(json!({ "n": 1 }))).await.unwrap();

    assert_eq!((routed.delivered, routed.dead_lettered), (1, 0));
    assert_eq!(target.attempts(), 4);
    let waits = scene.clock.slept();
    assert_eq!(waits.len(), 3);
    for (retry, wait) in waits.iter().enumerate() {
        assert!(*wait <= Duration::from_secs(1 << retry), "{wait:?} before retry {retry}");
    }
    assert!(scene.received("dead").await.is_empty());
}

#[tokio::test]
async fn what_will_never_be_taken_is_a_dead_letter_at_once_with_everything_about_it() {
    let scene = Scene::with_queues(&["dead"]).await;
    let target = Scripted::failing(&[false]);
    let rules =
        rule_to(json!([{ "id": "print", "function": "printer", "dead_letter_queue": "dead",
        "input": "something else" }]));
    let router = scene.router(&rules).bus_name("shop").target(printer(), target.clone());
    let event = event(json!({ "n": 1 }));

    let routed = router.build().unwrap().route(event.clone()).await.unwrap();

    assert_eq!((routed.delivered, routed.dead_lettered, target.attempts()), (0, 1, 1));
    let [letter] = scene.received("dead").await.try_into().expect("one letter");
    assert_eq!(letter.body, event.to_json(), "the event, not the input");
    let attributes: Vec<_> =
        letter.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        attributes,
        [
            ("ERROR_CODE", "PERMANENT_FAILURE"),
            ("ERROR_MESSAGE", "there is no printer"),
            ("RETRY_ATTEMPTS", "0"),
            ("RULE_ARN", "arn:aws:events:local:000000000000:rule/shop/all"),
            ("TARGET_ARN", "arn:aws:lambda:local:000000000000:function:printer"),
        ]
    );
}

#[tokio::test]
async fn retries_end_with_the_policy_of_the_target() {
    let scene = Scene::with_queues(&["dead"]).await;
    let target = Scripted::failing(&[true; 200]);
    let rules =
        rule_to(json!([{ "id": "print", "function": "printer", "dead_letter_queue": "dead",
        "retry_policy": { "maximum_retry_attempts": 2 } }]));
    let router = scene.router(&rules).target(printer(), target.clone()).build().unwrap();

    router.route(event(json!({}))).await.unwrap();

    assert_eq!(target.attempts(), 3);
    let [letter] = scene.received("dead").await.try_into().expect("one letter");
    assert_eq!(letter.attributes["EXHAUSTED_RETRY_CONDITION"], "MaximumRetryAttempts");
    assert_eq!(letter.attributes["RETRY_ATTEMPTS"], "2");
    assert_eq!(letter.attributes["ERROR_CODE"], "RETRIES_EXHAUSTED");
}

#[tokio::test]
async fn an_event_that_gets_too_old_is_given_up_at_its_age_and_not_later() {
    let scene = Scene::with_queues(&["dead"]).await;
    let target = Scripted::failing(&[true; 200]);
    let rules =
        rule_to(json!([{ "id": "print", "function": "printer", "dead_letter_queue": "dead",
        "retry_policy": { "maximum_event_age_in_seconds": 60 } }]));
    let router = scene.router(&rules).target(printer(), target.clone()).build().unwrap();
    let began = scene.clock.monotonic();

    router.route(event(json!({}))).await.unwrap();

    assert_eq!(scene.clock.monotonic() - began, Duration::from_secs(60));
    let [letter] = scene.received("dead").await.try_into().expect("one letter");
    assert_eq!(letter.attributes["EXHAUSTED_RETRY_CONDITION"], "MaximumEventAgeInSeconds");
    assert!(target.attempts() > 2, "{}", target.attempts());
}

#[tokio::test]
async fn one_failing_target_holds_no_other() {
    let scene = Scene::with_queues(&["first", "last", "dead"]).await;
    let rules = rule_to(json!([
        { "id": "first", "queue": "first" },
        { "id": "missing", "queue": "nobody-made-it", "dead_letter_queue": "dead" },
        { "id": "print", "function": "printer", "dead_letter_queue": "dead" },
        { "id": "last", "queue": "last" },
    ]));
    // It never answers.
    let router = scene.router(&rules).function("printer", |_| std::future::pending()).build();
    let router = router.unwrap();

    let mut route = Box::pin(router.route(event(json!({}))));
    for _ in 0..20 {
        assert!((&mut route).now_or_never().is_none(), "the printer has not answered");
        tokio::task::yield_now().await;
    }

    assert_eq!(scene.received("first").await.len(), 1);
    assert_eq!(scene.received("last").await.len(), 1);
    let [letter] = scene.received("dead").await.try_into().expect("that of the missing queue");
    assert_eq!(letter.attributes["TARGET_ARN"], "arn:aws:sqs:local:000000000000:nobody-made-it");
}

#[tokio::test]
async fn a_target_that_panics_is_one_that_fails() {
    let scene = Scene::with_queues(&["dead", "other"]).await;
    let rules = rule_to(json!([
        { "id": "print", "function": "printer", "dead_letter_queue": "dead" },
        { "id": "other", "queue": "other" },
    ]));
    let router = scene.router(&rules).function("printer", |_| async { panic!("no paper") });
    let routed = router.build().unwrap().route(event(json!({}))).await.unwrap();
    assert_eq!((routed.delivered, routed.dead_lettered), (1, 1));
    let [letter] = scene.received("dead").await.try_into().expect("one letter");
    assert_eq!(letter.attributes["ERROR_MESSAGE"], "the target panicked");
}

#[tokio::test]
async fn without_dead_letters_an_event_is_dropped_and_counted() {
    let scene = Scene::with_queues(&[]).await;
    let rules = rule_to(json!([{ "id": "print", "function": "printer" }]));
    let router = scene.router(&rules).target(printer(), Scripted::failing(&[false]));
    let routed = router.build().unwrap().route(event(json!({}))).await.unwrap();
    assert_eq!((routed.rules, routed.delivered, routed.dropped), (1, 0, 1));
}

#[tokio::test]
async fn an_event_whose_dead_letter_is_lost_is_not_accepted() {
    let scene = Scene::with_queues(&[]).await;
    let rules =
        rule_to(json!([{ "id": "print", "function": "printer", "dead_letter_queue": "dead" }]));
    let router = scene.router(&rules).target(printer(), Scripted::failing(&[false]));
    let not_routed = router.build().unwrap().route(event(json!({}))).await.unwrap_err();
    let NotRouted::NotDelivered(not_delivered) = not_routed else { panic!("{not_routed}") };
    assert_eq!((&*not_delivered.rule, &*not_delivered.target), ("all", "print"));
    assert!(!not_delivered.source.is_transient(), "{}", not_delivered.source);
}

#[tokio::test]
async fn what_a_target_cannot_get_of_an_event_is_a_dead_letter_that_does_not_tell_the_event() {
    let scene = Scene::with_queues(&["work", "dead"]).await;
    let rules = rule_to(json!([{ "id": "work", "queue": "work", "dead_letter_queue": "dead",
        "input_path": "$.detail.order.id" }]));
    let router = scene.router(&rules).build().unwrap();
    let routed = router.route(event(json!({ "order": "secret" }))).await.unwrap();
    assert_eq!((routed.delivered, routed.dead_lettered), (0, 1));
    let [letter] = scene.received("dead").await.try_into().expect("one letter");
    assert_eq!(letter.attributes["ERROR_CODE"], "NO_INPUT");
    assert_eq!(letter.attributes["ERROR_MESSAGE"], "the event has nothing at $.detail.order.id");
}

#[tokio::test]
async fn a_bus_gives_back_what_it_cannot_deliver_for_now_and_takes_it_the_next_time() {
    let scene = Scene::with_queues(&["other", "dead"]).await;
    let target = Scripted::failing(&[true; LocalBus::PATIENCE as usize]);
    let rules = rule_to(json!([
        { "id": "print", "function": "printer", "dead_letter_queue": "dead" },
        { "id": "other", "queue": "other" },
    ]));
    let bus =
        LocalBus::new(rules, |router| scene.options(router).target(printer(), target.clone()));
    let (bus, event) = (bus.unwrap(), new_event(json!({ "n": 1 })));

    let refused = bus.put_event(&event).await.unwrap_err();
    assert!(refused.is_transient(), "{refused}");
    assert_eq!(target.attempts(), LocalBus::PATIENCE);
    assert!(scene.received("dead").await.is_empty(), "its policy is not used up");

    bus.put_event(&event).await.unwrap();
    assert_eq!(target.inputs.lock().unwrap().len(), 1);
    assert_eq!(scene.received("other").await.len(), 2, "at least once");
}

#[tokio::test]
async fn a_crash_between_two_targets_loses_nothing_that_is_put_again() {
    // The program ends at each of its awaits in turn.
    for crash_after in 0..20 {
        let scene = Scene::with_queues(&["a", "b", "c"]).await;
        let rules = rule_to(json!([
            { "id": "a", "queue": "a" },
            { "id": "slow", "function": "slow" },
            { "id": "b", "queue": "b" },
            { "id": "c", "queue": "c" },
        ]));
        let slow = |_| async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            Ok(())
        };
        let bus = LocalBus::new(rules, |router| scene.options(router).function("slow", slow));
        let (bus, event) = (bus.unwrap(), new_event(json!({ "n": 1 })));

        let mut accepted = false;
        {
            let mut put = bus.put_event(&event);
            for _ in 0..crash_after {
                if let Some(result) = (&mut put).now_or_never() {
                    result.unwrap();
                    accepted = true;
                    break;
                }
            }
        }
        if !accepted {
            bus.put_event(&event).await.unwrap();
        }
        for name in ["a", "b", "c"] {
            let copies = scene.queues.counts(&queue(name)).await.unwrap().visible;
            assert!((1..=2).contains(&copies), "{copies} in {name} after {crash_after}");
        }
    }
}

#[tokio::test]
async fn of_several_events_each_is_accepted_for_itself_and_answered_in_its_place() {
    let scene = Scene::with_queues(&["work"]).await;
    let rules = rule_to(json!([{ "id": "work", "queue": "work" }]));
    let bus = LocalBus::new(rules, |router| scene.options(router)).unwrap();
    let bus = bus.with_max_event_bytes(100);
    let events: Vec<_> = (0..40)
        .map(|n| new_event(json!({ "n": n, "text": "x".repeat(if n % 3 == 0 { 100 } else { 0 }) })))
        .collect();

    let put = bus.put_events(&events).await.unwrap();

    for (n, put) in put.iter().enumerate() {
        match put {
            Ok(_) => assert_ne!(n % 3, 0),
            Err(error) => {
                assert!(matches!(error, NotPut::Invalid(_)), "{error}");
                assert_eq!(n % 3, 0);
                assert!(!error.is_transient());
            }
        }
    }
    assert_eq!(scene.queues.counts(&queue("work")).await.unwrap().visible, 26);
    assert!(bus.put_events(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_router_has_something_for_every_destination_or_is_not_made() {
    let rules = rule_to(json!([{ "id": "print", "function": "printer" }]));
    let refused = es_routing::Router::builder(rules).build().unwrap_err();
    assert!(refused.to_string().contains("function printer"), "{refused}");
    let rules = rule_to(json!([{ "id": "tell", "topic": "news" }]));
    let refused = es_routing::Router::builder(rules).build().unwrap_err();
    assert!(refused.to_string().contains("topic news"), "{refused}");
    let rules =
        rule_to(json!([{ "id": "print", "function": "printer", "dead_letter_queue": "dead" }]));
    let router = es_routing::Router::builder(rules).target(printer(), Scripted::failing(&[]));
    assert!(router.build().unwrap_err().to_string().contains("dead-letter queues"));
}
