//! One rule file, run in the process and deployed, decides alike.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use es_core::{Incoming, MessageQueue as _, QueueName, QueueOptions, ReceiveOptions, Timestamp};
use es_routing::{EventBus as _, EventId, NewBusEvent, Router, Rules};
use serde_json::{Map, Value, json};

use super::server::Server;
use crate::support::rules;

const EVENTS: usize = 400;

/// One pattern for each condition, and some that put them together.
fn patterns() -> Vec<(&'static str, Value)> {
    vec![
        (
            "exact",
            json!({ "source": ["orders"], "detail-type": ["Order Created", "Order Completed"] }),
        ),
        ("number", json!({ "detail": { "count": [3] } })),
        ("truth", json!({ "detail": { "express": [true] } })),
        ("null", json!({ "detail": { "coupon": [null] } })),
        ("empty", json!({ "detail": { "name": [""] } })),
        ("prefix", json!({ "detail": { "name": [{ "prefix": "An" }] } })),
        (
            "prefix-any-case",
            json!({ "detail": { "name": [{ "prefix": { "equals-ignore-case": "an" } }] } }),
        ),
        ("suffix", json!({ "detail": { "name": [{ "suffix": "na" }] } })),
        (
            "suffix-any-case",
            json!({ "detail": { "name": [{ "suffix": { "equals-ignore-case": "NA" } }] } }),
        ),
        ("any-case", json!({ "detail": { "name": [{ "equals-ignore-case": "anna" }] } })),
        ("wildcard", json!({ "detail": { "name": [{ "wildcard": "A*a" }] } })),
        ("but", json!({ "detail": { "state": [{ "anything-but": "open" }] } })),
        ("but-list", json!({ "detail": { "state": [{ "anything-but": ["open", "paid"] }] } })),
        ("but-numbers", json!({ "detail": { "count": [{ "anything-but": [1, 2] }] } })),
        ("but-prefix", json!({ "detail": { "name": [{ "anything-but": { "prefix": "An" } }] } })),
        (
            "but-prefixes",
            json!({ "detail": { "name": [{ "anything-but": { "prefix": ["An", "an"] } }] } }),
        ),
        ("but-suffix", json!({ "detail": { "name": [{ "anything-but": { "suffix": "a" } }] } })),
        (
            "but-any-case",
            json!({ "detail": { "name": [{ "anything-but": { "equals-ignore-case": "anna" } }] } }),
        ),
        (
            "but-wildcard",
            json!({ "detail": { "name": [{ "anything-but": { "wildcard": "*nn*" } }] } }),
        ),
        ("range", json!({ "detail": { "total": [{ "numeric": [">", 10, "<=", 50.5] }] } })),
        ("equal", json!({ "detail": { "total": [{ "numeric": ["=", 50.5] }] } })),
        ("cidr", json!({ "detail": { "ip": [{ "cidr": "10.0.0.0/24" }] } })),
        ("cidr-six", json!({ "detail": { "ip": [{ "cidr": "2001:db8::/32" }] } })),
        ("there", json!({ "detail": { "coupon": [{ "exists": true }] } })),
        ("not-there", json!({ "detail": { "coupon": [{ "exists": false }] } })),
        ("value-or-absent", json!({ "detail": { "coupon": ["c-1", { "exists": false }] } })),
        ("list", json!({ "detail": { "tags": ["red"] } })),
        (
            "objects-in-list",
            json!({ "detail": { "items": { "id": ["a"], "quantity": [{ "numeric": [">=", 2] }] } } }),
        ),
        ("or", json!({ "$or": [{ "source": ["stock"] }, { "detail": { "express": [true] } }] })),
        (
            "or-inside",
            json!({ "source": ["orders"], "detail": { "$or": [
            { "total": [{ "numeric": ["<", 20] }] }, { "state": ["paid"], "count": [{ "numeric": [">", 1] }] } ] } }),
        ),
        (
            "all",
            json!({ "source": [{ "prefix": "" }], "detail": { "state": ["paid", "open"],
            "name": [{ "anything-but": "" }], "total": [{ "numeric": [">=", 10] }] } }),
        ),
    ]
}

/// Each pattern as a rule with a queue of its own.
fn one_queue_each(patterns: &[(&'static str, Value)]) -> Rules {
    let rule = |(name, pattern): &(&'static str, Value)| json!({ "name": name, "event_pattern": pattern, "targets": [{ "id": "queue", "queue": name }] });
    rules(patterns.iter().map(rule).collect())
}

/// An event with values at which the patterns part.
fn generated(random: &mut fastrand::Rng, n: usize) -> NewBusEvent {
    fn one<'a>(random: &mut fastrand::Rng, of: &'a [Value]) -> &'a Value {
        &of[random.usize(..of.len())]
    }
    let fields = [
        (
            "name",
            vec![
                json!("Anna"),
                json!("anna"),
                json!("ANNA"),
                json!("An"),
                json!("Hanna"),
                json!("Bob"),
                json!(""),
                json!(7),
            ],
        ),
        (
            "state",
            vec![json!("open"), json!("paid"), json!("Open"), json!(null), json!(["open", "sent"])],
        ),
        ("count", vec![json!(1), json!(2), json!(3), json!(3.0), json!("3")]),
        (
            "total",
            vec![
                json!(10),
                json!(10.01),
                json!(19.99),
                json!(50.5),
                json!(50.51),
                json!("20"),
                json!(-1),
            ],
        ),
        (
            "ip",
            vec![
                json!("10.0.0.7"),
                json!("10.0.1.7"),
                json!("2001:db8::1"),
                json!("2001:DB8:0::2"),
                json!("10.0.0"),
                json!(10),
            ],
        ),
        ("express", vec![json!(true), json!(false), json!("true")]),
        ("coupon", vec![json!(null), json!("c-1"), json!("c-2"), json!([]), json!({ "id": 1 })]),
        (
            "tags",
            vec![
                json!(["red", "blue"]),
                json!("red"),
                json!([["red"]]),
                json!(["blue"]),
                json!([]),
            ],
        ),
        (
            "items",
            vec![
                json!([{ "id": "a", "quantity": 1 }, { "id": "b", "quantity": 2 }]),
                json!([{ "id": "b", "quantity": 1 }, { "id": "a", "quantity": 2 }]),
                json!({ "id": "a", "quantity": 5 }),
                json!([]),
            ],
        ),
    ];
    let mut detail = Map::from_iter([("n".to_owned(), json!(n))]);
    for (name, values) in &fields {
        if random.u8(..) > 60 {
            detail.insert((*name).to_owned(), one(random, values).clone());
        }
    }
    let source = one(random, &[json!("orders"), json!("stock"), json!("orders.eu")]).clone();
    let kind =
        one(random, &[json!("Order Created"), json!("Order Completed"), json!("Stock Counted")])
            .clone();
    let text = |value: Value| value.as_str().expect("a text").to_owned();
    NewBusEvent::new(text(source), text(kind), detail).expect("an event")
}

/// Which rules match, by the number of each event.
type Decisions = BTreeMap<String, BTreeSet<u64>>;

fn decided_here(rules: &Rules, events: &[NewBusEvent]) -> Decisions {
    let router = Router::builder(rules.clone());
    let router = router.queues(std::sync::Arc::new(es_core::memory::MemoryQueues::default()));
    let router = router.build().expect("queues only");
    let mut decisions = Decisions::new();
    for event in events {
        let accepted =
            event.accepted(EventId::from_bus("e"), "000000000000", "local", Timestamp::UNIX_EPOCH);
        for rule in router.matching(&accepted).expect("names without dots") {
            let number = event.detail()["n"].as_u64().expect("a number");
            decisions.entry(rule.name().to_owned()).or_default().insert(number);
        }
    }
    decisions
}

/// The numbers of the events in the queue. As delivery is behind the answer, as many as are expected are waited
/// for; what comes besides is there by then.
async fn arrived(server: &Server, queue: &QueueName, expected: usize) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    let mut empty = 0;
    while empty < 2 {
        let wait = if numbers.len() < expected { Duration::from_secs(2) } else { Duration::ZERO };
        let options = ReceiveOptions::up_to(10).wait(wait);
        let messages = server.queues.receive(queue, options).await.expect("a queue");
        empty = if messages.is_empty() { empty + 1 } else { 0 };
        for message in &messages {
            let [incoming] = Incoming::of(message).expect("an event").try_into().expect("one");
            let detail: Value = incoming.json().expect("JSON");
            numbers.insert(detail["n"].as_u64().expect("a number"));
        }
        if !messages.is_empty() {
            let receipts: Vec<_> = messages.into_iter().map(|it| it.receipt).collect();
            server.queues.acknowledge_batch(queue, &receipts).await.expect("a queue");
        }
    }
    numbers
}

#[tokio::test]
async fn a_rule_file_decides_alike_in_the_process_and_deployed() {
    let server = Server::start().await;
    let rules = one_queue_each(&patterns());
    for queue in rules.queues() {
        server.queues.configure(queue, QueueOptions::default()).await.expect("a queue");
    }
    server.bus.ensure(&rules).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    let mut random = fastrand::Rng::with_seed(2_026);
    let events: Vec<_> = (0..EVENTS).map(|n| generated(&mut random, n)).collect();

    for put in server.bus.put_events(&events).await.expect("a bus") {
        put.expect("an event that is taken");
    }

    let here = decided_here(&rules, &events);
    let mut otherwise = Vec::new();
    for rule in &rules {
        let name = rule.name();
        let expected = here.get(name).cloned().unwrap_or_default();
        assert!(
            (1..EVENTS).contains(&expected.len()),
            "{name} decides nothing: {}",
            expected.len()
        );
        let queue = QueueName::new(name).expect("a name");
        let there = arrived(&server, &queue, expected.len()).await;
        if there != expected {
            let n = *there.symmetric_difference(&expected).next().expect("they differ");
            let event = &events[n as usize];
            let side = if expected.contains(&n) { "here only" } else { "there only" };
            otherwise.push((name, format!("{side}: {} {}", event.source(), event.detail_json())));
        }
    }
    assert!(otherwise.is_empty(), "{otherwise:#?}");
    server.bus.remove(&rules).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
}

#[tokio::test]
async fn what_is_deployed_is_what_is_checked() {
    let server = Server::start().await;
    let rules = rules(json!([{
        "name": "orders", "description": "What is worked on.", "event_pattern": { "source": ["orders"] },
        "targets": [
            { "id": "work", "queue": "work", "dead_letter_queue": "dead",
              "retry_policy": { "maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 600 } },
            { "id": "form", "queue": "form", "input_transformer": {
                "input_paths_map": { "order": "$.detail.order_id" },
                "input_template": "{\"text\": \"order <order>\", \"order\": <order>, \"by\": <aws.events.rule-name>}" } },
        ],
    }]));
    for queue in rules.queues() {
        server.queues.configure(queue, QueueOptions::default()).await.expect("a queue");
    }
    server.check_finds_no_rule(&rules).await;
    server.bus.ensure(&rules).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    assert_eq!(server.bus.check(&rules).await.expect("queues"), []);

    let created = NewBusEvent::new("orders", "Order Created", json!({ "order_id": "o-1" }));
    server.bus.put_event(&created.expect("an event")).await.expect("a bus");
    let form = QueueName::new("form").expect("a name");
    let options = ReceiveOptions::up_to(1).wait(Duration::from_secs(5));
    let [message] =
        server.queues.receive(&form, options).await.expect("a queue").try_into().expect("one");
    let filled: Value = serde_json::from_str(&message.body).expect("JSON");
    assert_eq!(filled, json!({ "text": "order o-1", "order": "o-1", "by": "orders" }));

    server.bus.remove(&rules).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    server.check_finds_no_rule(&rules).await;
}
