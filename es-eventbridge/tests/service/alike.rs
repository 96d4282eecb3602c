//! One rule file, run in the process and deployed, decides as the engine of EventBridge does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use es_core::{Incoming, MessageQueue as _, QueueName, QueueOptions, ReceiveOptions, Timestamp};
use es_routing::{EventBus as _, EventId, NewBusEvent, Router, Rules};
use serde_json::{Value, json};

use super::server::Server;
use crate::support::rules;

/// Rules, events, and which rules match which events by the engine of EventBridge: see `data/README.md`.
const RECORDED: &str = include_str!("../data/event_ruler.tsv");

/// What is recorded.
struct Record {
    /// Each pattern as a rule with a queue of its own.
    rules: Rules,
    events: Vec<NewBusEvent>,
    decisions: Decisions,
}

impl Record {
    fn read() -> Self {
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let (mut named, mut events) = (Vec::new(), Vec::new());
        let mut decisions = Decisions::new();
        for line in RECORDED.lines() {
            match line.split('\t').collect::<Vec<_>>()[..] {
                ["rule", name, pattern] => named
                    .push(json!({ "name": name, "event_pattern": json(pattern),
                    "targets": [{ "id": "queue", "queue": name }] })),
                ["event", source, detail_type, detail, matching] => {
                    for rule in matching.split(' ').filter(|name| !name.is_empty()) {
                        let number = u64::try_from(events.len()).expect("a number");
                        decisions.entry(rule.to_owned()).or_default().insert(number);
                    }
                    let event = NewBusEvent::new(source, detail_type, json(detail));
                    events.push(event.expect("an event"));
                }
                _ => panic!("{line} is no rule and no event"),
            }
        }
        Self { rules: rules(named.into()), events, decisions }
    }
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
/// for, up to a minute; what comes besides is there by then.
async fn arrived(server: &Server, queue: &QueueName, expected: usize) -> BTreeSet<u64> {
    const LONGEST_WAIT: Duration = Duration::from_secs(20);
    let mut numbers = BTreeSet::new();
    let mut empty = 0;
    while empty < if numbers.len() < expected { 3 } else { 2 } {
        let wait = if numbers.len() < expected { LONGEST_WAIT } else { Duration::ZERO };
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

/// The first event of each rule of which one side says that it matches, and the other not.
fn differences(
    record: &Record,
    decide: impl Fn(&str) -> BTreeSet<u64>,
) -> Vec<(String, &'static str, String)> {
    let mut otherwise = Vec::new();
    for rule in &record.rules {
        let recorded = record.decisions.get(rule.name()).cloned().unwrap_or_default();
        let decided = decide(rule.name());
        if let Some(n) = decided.symmetric_difference(&recorded).next() {
            let event = &record.events[usize::try_from(*n).expect("a place")];
            let side = if recorded.contains(n) { "does not match" } else { "matches" };
            let shown = format!("{} {}", event.source(), event.detail_json());
            otherwise.push((rule.name().to_owned(), side, shown));
        }
    }
    otherwise
}

#[test]
fn the_record_has_events_on_both_sides_of_each_rule() {
    let record = Record::read();
    assert!(record.rules.iter().len() > 30 && record.events.len() == 400);
    for rule in &record.rules {
        let matching = record.decisions.get(rule.name()).map_or(0, BTreeSet::len);
        assert!((1..record.events.len()).contains(&matching), "{} decides nothing", rule.name());
    }
}

#[test]
fn a_rule_file_decides_in_the_process_as_the_engine_of_event_bridge_does() {
    let record = Record::read();
    let here = decided_here(&record.rules, &record.events);
    let otherwise = differences(&record, |rule| here.get(rule).cloned().unwrap_or_default());
    assert!(otherwise.is_empty(), "{otherwise:#?}");
}

#[tokio::test]
async fn a_rule_file_decides_alike_in_the_process_and_deployed() {
    let server = Server::start().await;
    let record = Record::read();
    let rules = &record.rules;
    for queue in rules.queues() {
        server.queues.configure(queue, QueueOptions::default()).await.expect("a queue");
    }
    server.bus.ensure(rules).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));

    for put in server.bus.put_events(&record.events).await.expect("a bus") {
        put.expect("an event that is taken");
    }

    let mut there = Decisions::new();
    for rule in rules {
        let expected = record.decisions.get(rule.name()).map_or(0, BTreeSet::len);
        let queue = QueueName::new(rule.name()).expect("a name");
        there.insert(rule.name().to_owned(), arrived(&server, &queue, expected).await);
    }
    let otherwise = differences(&record, |rule| there.get(rule).cloned().unwrap_or_default());
    assert!(otherwise.is_empty(), "{otherwise:#?}");
    server.bus.remove(rules).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
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
    let options = ReceiveOptions::up_to(1).wait(Duration::from_secs(20));
    let [message] =
        server.queues.receive(&form, options).await.expect("a queue").try_into().expect("one");
    let filled: Value = serde_json::from_str(&message.body).expect("JSON");
    assert_eq!(filled, json!({ "text": "order o-1", "order": "o-1", "by": "orders" }));

    server.bus.remove(&rules).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    server.check_finds_no_rule(&rules).await;
}
