//! Putting events.

use std::time::Duration;

use es_core::{Cost, Error};
use es_routing::{EventBus as _, InvalidBusEvent, NewBusEvent, NotPut};
use serde_json::{Value, json};

use crate::support::Scene;
use crate::support::fake_events::Outcome;

fn event(n: usize) -> NewBusEvent {
    NewBusEvent::new("orders", "Order Created", json!({ "n": n })).expect("an event")
}

fn events(count: usize) -> Vec<NewBusEvent> {
    (0..count).map(event).collect()
}

/// The numbers of the events of each request.
fn requests(scene: &Scene) -> Vec<Vec<u64>> {
    let number = |entry: &Value| -> u64 {
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        detail["n"].as_u64().unwrap()
    };
    let entries =
        |request: Value| request["Entries"].as_array().unwrap().iter().map(number).collect();
    scene.events.requests("PutEvents").into_iter().map(entries).collect()
}

#[tokio::test]
async fn events_go_by_tens_with_all_that_they_have() {
    let scene = Scene::new();
    let mut events = events(25);
    let time = "2026-03-01T11:59:59.75Z".parse().unwrap();
    events[0] = events[0].clone().with_time(time).with_resources(["order:o-1"]);

    let put = scene.bus.put_events(&events).await.unwrap();

    assert!(put.iter().all(Result::is_ok), "{put:?}");
    let sizes: Vec<_> = requests(&scene).iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 10, 5]);
    let first = &scene.events.requests("PutEvents")[0]["Entries"][0];
    let expected = json!({
        "EventBusName": "p-shop", "Source": "orders", "DetailType": "Order Created",
        "Detail": r#"{"n":0}"#, "Resources": ["order:o-1"], "Time": 1_772_366_399,
    });
    assert_eq!(first, &expected);
    assert!(scene.bus.put_events(&[]).await.unwrap().is_empty());
    assert_eq!(requests(&scene).len(), 3, "no events are no request");
}

#[tokio::test]
async fn a_thousand_events_are_put_in_a_hundred_requests() {
    let scene = Scene::new();
    let (put, cost) = Cost::of(scene.bus.put_events(&events(1_000))).await;
    assert!(put.unwrap().iter().all(Result::is_ok));
    assert_eq!(cost.requests, 100);
}

#[tokio::test]
async fn of_a_request_that_is_taken_in_part_only_the_rest_is_put_again() {
    let scene = Scene::new();
    let code = |n: usize| {
        [Some("ThrottlingException"), None, Some("InternalFailure")].get(n % 5).copied().flatten()
    };
    scene.events.plan([Outcome::Entries((0..10).map(code).collect())]);

    let put = scene.bus.put_events(&events(10)).await.unwrap();

    assert!(put.iter().all(Result::is_ok), "{put:?}");
    assert_eq!(requests(&scene), [vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9], vec![0, 2, 5, 7]]);
    let waits = scene.clock.slept();
    assert_eq!(waits.len(), 1);
    assert!(waits[0] <= Duration::from_millis(50), "{waits:?}");
}

#[tokio::test]
async fn what_will_never_be_taken_is_told_and_not_put_again() {
    let scene = Scene::new();
    scene.events.plan([Outcome::Entries(vec![None, Some("MalformedDetail"), None])]);

    let put = scene.bus.put_events(&events(3)).await.unwrap();

    assert!(put[0].is_ok() && put[2].is_ok());
    let Err(NotPut::Failed(error @ Error::Backend { .. })) = &put[1] else { panic!("{put:?}") };
    assert!(error.with_causes().contains("MalformedDetail"), "{}", error.with_causes());
    assert_eq!(requests(&scene).len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again() {
    let scene = Scene::new();
    scene.events.plan([
        Outcome::LostAnswer,
        Outcome::Refused("ThrottlingException"),
        Outcome::EntryLeftOut,
    ]);

    let put = scene.bus.put_events(&events(3)).await.unwrap();

    assert!(put.iter().all(Result::is_ok), "{put:?}");
    assert_eq!(requests(&scene), [vec![0, 1, 2], vec![0, 1, 2], vec![0, 1, 2], vec![2]]);
}

#[tokio::test]
async fn an_event_is_given_up_after_its_attempts_and_can_be_put_again() {
    let scene = Scene::with(|options| options.attempts(3));
    let throttled = Some("ThrottlingException");
    scene.events.plan([
        Outcome::Entries(vec![None, throttled]),
        Outcome::Entries(vec![throttled]),
        Outcome::Entries(vec![throttled]),
    ]);

    let put = scene.bus.put_events(&events(2)).await.unwrap();

    assert!(put[0].is_ok());
    let Err(refused) = &put[1] else { panic!("{put:?}") };
    assert!(refused.is_transient(), "{refused}");
    assert_eq!(requests(&scene), [vec![0, 1], vec![1], vec![1]]);
    assert_eq!(scene.clock.slept().len(), 2);
    scene.bus.put_event(&event(1)).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_refused_for_good_is_told_of_each_event_with_the_place() {
    let scene = Scene::new();
    scene.events.plan([Outcome::Refused("AccessDeniedException")]);
    let put = scene.bus.put_events(&events(3)).await.unwrap();
    assert_eq!(put.len(), 3);
    for put in &put {
        let Err(NotPut::Failed(error @ Error::Backend { .. })) = put else { panic!("{put:?}") };
        let text = error.with_causes();
        assert!(text.contains("putting events on bus p-shop"), "{text}");
        assert!(text.contains("check credentials"), "{text}");
        assert!(text.contains("AccessDeniedException: not now"), "{text}");
    }
    assert_eq!(requests(&scene).len(), 1, "it helps nobody to ask event by event");
}

#[tokio::test]
async fn requests_are_not_too_large_and_neither_are_events() {
    // An event has 19 bytes of names, and {"n":1,"t":""} beside its text.
    let sized = |n: usize, bytes: usize| {
        let detail = json!({ "n": n, "t": "x".repeat(bytes - 19 - 14) });
        NewBusEvent::new("orders", "Order Created", detail).unwrap()
    };
    let scene = Scene::with(|options| options.max_bytes(1_000).requests_in_flight(1));
    let events = [sized(0, 400), sized(1, 600), sized(2, 40), sized(3, 1_000), sized(4, 1_001)]
        .into_iter()
        .collect::<Vec<_>>();
    let put = scene.bus.put_events(&events).await.unwrap();
    assert_eq!(requests(&scene), [vec![0, 1], vec![2], vec![3]]);
    let expected = InvalidBusEvent::TooLarge { actual: 1_001, limit: 1_000 };
    assert!(matches!(&put[4], Err(NotPut::Invalid(invalid)) if *invalid == expected), "{put:?}");
    assert!(put[..4].iter().all(Result::is_ok));
}

/// The numbers of events, by what is in them.
fn numbers(details: &[String]) -> Vec<usize> {
    let number = |detail: &String| -> usize {
        serde_json::from_str::<Value>(detail).unwrap()["n"].as_u64().unwrap() as usize
    };
    details.iter().map(number).collect()
}

#[tokio::test]
async fn a_request_that_is_refused_in_the_middle_of_several_hides_no_answer_of_the_others() {
    let scene = Scene::with(|options| options.requests_in_flight(1));
    let mut partly = vec![None; 10];
    (partly[3], partly[7]) = (Some("MalformedDetail"), Some("ThrottlingException"));
    scene.events.plan([
        Outcome::Entries(partly),
        Outcome::Refused("AccessDeniedException"),
        Outcome::Refused("ThrottlingException"),
        Outcome::LostAnswer,
    ]);

    let put = scene.bus.put_events(&events(38)).await.unwrap();

    for (n, put) in put.iter().enumerate() {
        match n {
            3 | 10..20 => {
                let Err(NotPut::Failed(error @ Error::Backend { .. })) = put else {
                    panic!("{n}: {put:?}")
                };
                let code = if n == 3 { "MalformedDetail" } else { "AccessDeniedException" };
                assert!(error.with_causes().contains(code), "{n}: {}", error.with_causes());
            }
            _ => assert!(put.is_ok(), "{n}: {put:?}"),
        }
    }
    // What was throttled goes again with what was lost, and nothing else does.
    let again: Vec<u64> = [7].into_iter().chain(20..38).collect();
    let (first, second) = again.split_at(10);
    assert_eq!(requests(&scene)[4..], [first, second]);
    let mut taken = numbers(&scene.events.taken());
    taken.sort_unstable();
    let lost = 30..38;
    let mut expected: Vec<_> = (0..38).filter(|n| *n != 3 && !(10..20).contains(n)).collect();
    expected.extend(lost);
    expected.sort_unstable();
    assert_eq!(taken, expected, "twice only what nobody knew of");
}

#[tokio::test]
async fn one_event_that_is_too_large_for_the_service_holds_no_other_of_its_request() {
    let scene = Scene::new();
    scene.events.limit_requests(200);
    let large =
        NewBusEvent::new("orders", "Order Created", json!({ "n": 1, "t": "x".repeat(300) }));
    let put = scene.bus.put_events(&[event(0), large.unwrap(), event(2)]).await.unwrap();
    assert!(put[0].is_ok() && put[2].is_ok(), "{put:?}");
    let Err(NotPut::Failed(error @ Error::Backend { .. })) = &put[1] else { panic!("{put:?}") };
    assert!(error.with_causes().contains("Total size"), "{}", error.with_causes());
    assert_eq!(requests(&scene), [vec![0, 1, 2], vec![0], vec![1], vec![2]]);
    assert_eq!(numbers(&scene.events.taken()), [0, 2]);
}

#[tokio::test]
async fn whatever_happens_to_requests_each_event_is_told_and_none_that_was_told_is_put_again() {
    const CODES: [&str; 3] = ["ThrottlingException", "InternalFailure", "MalformedDetail"];
    let mut told = [0; 3];
    for seed in 0..60 {
        let scene = Scene::with(|options| options.attempts(3).requests_in_flight(3));
        let mut random = fastrand::Rng::with_seed(seed);
        let entry = |random: &mut fastrand::Rng| random.choice(CODES).filter(|_| random.bool());
        let outcome = |random: &mut fastrand::Rng| match random.u8(..7) {
            0 | 1 => Outcome::LostAnswer,
            2 => Outcome::Refused("AccessDeniedException"),
            3 => Outcome::Refused("ThrottlingException"),
            4 => Outcome::Refused("ValidationException"),
            5 => Outcome::EntryLeftOut,
            _ => Outcome::Entries((0..10).map(|_| entry(random)).collect()),
        };
        scene.events.plan((0..30).map(|_| outcome(&mut random)).collect::<Vec<_>>());
        let put = scene.bus.put_events(&events(45)).await.unwrap();

        assert_eq!(put.len(), 45);
        let taken = numbers(&scene.events.taken());
        let (told_of, requests) = (numbers(&scene.events.told()), requests(&scene));
        for (n, put) in put.iter().enumerate() {
            let copies = taken.iter().filter(|it| **it == n).count();
            let asked = requests.iter().filter(|it| it.contains(&(n as u64))).count();
            // Each attempt may come to a second request, alone.
            assert!((1..=6).contains(&asked), "seed {seed}: {n} was put {asked} times");
            let answers = told_of.iter().filter(|it| **it == n).count();
            assert_eq!(answers, usize::from(put.is_ok()), "seed {seed}: {n} was told once");
            assert!(copies >= answers, "seed {seed}: {n} is lost");
            let kind = match put {
                Ok(_) => 0,
                Err(not_put) if not_put.is_transient() => 1,
                Err(_) => 2,
            };
            told[kind] += 1;
        }
    }
    assert!(told.iter().all(|count| *count > 50), "all of it happens: {told:?}");
}

#[test]
fn names_of_buses_are_those_that_event_bridge_takes() {
    for name in ["", "a b", "a/b", "ä"] {
        let scene = Scene::new();
        let options = es_eventbridge::EventBridgeBus::builder(name);
        let refused = options.with_clients(scene.events.client(), scene.messaging.sqs());
        assert!(matches!(refused, Err(Error::InvalidId { .. })), "{name:?}");
    }
}
