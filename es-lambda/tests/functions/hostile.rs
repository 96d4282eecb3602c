//! Events that were changed anywhere: none makes a function panic, and none counts as done without its effect.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use es_core::Entropy as _;
use es_core::testing::SeededEntropy;
use serde_json::{Value, json};

const ROUNDS: u64 = 600;

/// What stands in the place of something else.
const FOREIGN: [&str; 12] = [
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "-1",
    "1e999",
    "\"\\ud800\"",
    "\"\u{0}\"",
    "\"x\"",
    "0.5",
    "[[{}]]",
];

/// Changes an event at a few places, as text or value by value.
struct Hand(SeededEntropy);

impl Hand {
    fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    fn below(&self, limit: usize) -> usize {
        usize::try_from(self.0.next_u64() % limit.max(1) as u64).unwrap()
    }

    fn foreign(&self) -> &'static str {
        FOREIGN[self.below(FOREIGN.len())]
    }

    fn changed(&self, event: &Value) -> String {
        if self.below(2) == 0 {
            return self.changed_text(event.to_string());
        }
        let mut event = event.clone();
        for _ in 0..=self.below(3) {
            self.change_value(&mut event);
        }
        event.to_string()
    }

    /// Takes out, doubles or replaces a part of the text.
    fn changed_text(&self, text: String) -> String {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let from = self.below(places.len());
        let to = (from + 1 + self.below(12)).min(places.len() - 1);
        let (before, part, after) =
            (&text[..places[from]], &text[places[from]..places[to]], &text[places[to]..]);
        match self.below(3) {
            0 => format!("{before}{after}"),
            1 => format!("{before}{part}{part}{after}"),
            _ => format!("{before}{}{after}", self.foreign()),
        }
    }

    /// Goes down to some value, and takes it out or puts another one in its place.
    fn change_value(&self, value: &mut Value) {
        let inner = match value {
            Value::Object(fields) => {
                let at = self.below(fields.len());
                let name = fields.keys().nth(at).cloned();
                match name {
                    Some(name) if self.below(6) == 0 => return drop(fields.remove(&name)),
                    name => name.and_then(|name| fields.get_mut(&name)),
                }
            }
            Value::Array(items) => {
                let at = self.below(items.len());
                items.get_mut(at)
            }
            _ => None,
        };
        match inner {
            Some(inner) if self.below(8) > 0 => self.change_value(inner),
            _ => *value = serde_json::from_str(self.foreign()).unwrap_or(Value::Null),
        }
    }
}

/// The records of an event, if it has any.
fn records_of(text: &str) -> Option<Vec<Value>> {
    let event: Value = serde_json::from_str(text).ok()?;
    event["Records"].as_array().cloned()
}

/// Whether a record is a record at all, so that it may be among those that are done.
fn is_named(number: &Value) -> bool {
    number.as_str().is_some_and(|number| !number.is_empty())
}

#[cfg(feature = "sqs")]
#[tokio::test]
async fn no_changed_event_of_a_queue_is_done_without_its_effect() {
    use crate::kit::{Desk, Printer};
    let event = crate::sqs::batch(&["1", "2", "3"]);
    for seed in 0..ROUNDS {
        let text = Hand::new(seed).changed(&event);
        let (desk, printer) = (Desk::new().await, Arc::new(Printer::default()));
        let queue = es_core::QueueName::new("labels").unwrap();
        let consumer =
            es_core::QueueConsumer::new("printing", desk.queues.clone(), queue, printer.clone());
        let function = es_lambda::sqs(consumer.unwrap()).with_clock(desk.clock.clone());
        let raw = serde_json::value::RawValue::from_string(text.clone());
        let Ok(raw) = raw else { continue };
        let Ok(answer) = function.invoke(desk.raw_event(raw.get(), crate::kit::SECOND * 30)).await
        else {
            continue;
        };
        let failed: BTreeSet<&str> =
            answer.batch_item_failures.iter().map(|it| &*it.item_identifier).collect();
        let Some(records) = records_of(&text) else {
            assert!(!failed.is_empty(), "seed {seed}: {text}");
            continue;
        };
        let handled: BTreeSet<String> =
            printer.began.lock().unwrap().iter().map(|label| label.id().to_owned()).collect();
        for record in records {
            let id = &record["messageId"];
            assert!(is_named(id), "seed {seed}: {text}");
            let id = id.as_str().unwrap();
            assert!(failed.contains(id) || handled.contains(id), "seed {seed}: {text}");
        }
    }
}

#[cfg(feature = "kinesis")]
#[tokio::test]
async fn no_changed_event_of_a_data_stream_is_done_without_its_effect() {
    use crate::kinesis::{batch, log_of, of_commits};
    use crate::kit::Desk;
    use crate::ledger::{balances, credited, ledger};
    for seed in 0..ROUNDS {
        let (desk, store) = (Desk::new().await, es_core::memory::MemoryStore::new());
        let commits = credited(&store, &[("a", 1), ("b", 2), ("c", 4)]).await;
        let originals = of_commits(&commits);
        let text = Hand::new(seed).changed(&batch(&originals));
        let function = es_lambda::kinesis(ledger(&store, &desk, &[]), log_of(&store))
            .with_clock(desk.clock.clone());
        let Ok(raw) = serde_json::value::RawValue::from_string(text.clone()) else { continue };
        let Ok(answer) = function.invoke(desk.raw_event(raw.get(), crate::kit::SECOND * 30)).await
        else {
            continue;
        };
        if !answer.batch_item_failures.is_empty() {
            continue;
        }
        let Some(records) = records_of(&text) else { panic!("seed {seed}: {text}") };
        let balances = balances(&store).await;
        for record in records {
            let data = record["kinesis"]["data"].as_str().map(|data| STANDARD.decode(data));
            assert!(matches!(data, Some(Ok(_))), "seed {seed}: {text}");
            let whole =
                |original: &&Value| original["kinesis"]["data"] == record["kinesis"]["data"];
            let original = originals.iter().find(whole);
            let key = original.map_or(&record, |it| it)["kinesis"]["partitionKey"].as_str();
            let id = key.and_then(|key| key.strip_prefix("account:")).unwrap_or_default();
            assert!(balances.iter().any(|(of, _)| *of == id), "seed {seed}: {text}");
        }
    }
}

#[cfg(feature = "dynamodb")]
#[tokio::test]
async fn no_changed_event_of_a_table_is_done_without_its_effect() {
    use crate::dynamodb::{Bank, batch};
    use crate::ledger::balances;
    for seed in 0..ROUNDS {
        let bank = Bank::new().await;
        let originals = bank.credited(&[("a", 1), ("b", 2), ("c", 4)]).await;
        let text = Hand::new(seed).changed(&batch(&originals));
        let Ok(raw) = serde_json::value::RawValue::from_string(text.clone()) else { continue };
        let function = bank.function_without_dead_letters(&[]);
        let event = bank.desk.raw_event(raw.get(), crate::kit::SECOND * 30);
        let Ok(answer) = function.invoke(event).await else { continue };
        if !answer.batch_item_failures.is_empty() {
            continue;
        }
        let Some(records) = records_of(&text) else { panic!("seed {seed}: {text}") };
        let balances = balances(&bank.store).await;
        for record in records {
            assert!(is_named(&record["dynamodb"]["SequenceNumber"]), "seed {seed}: {text}");
            if record["eventName"] == json!("REMOVE") {
                continue;
            }
            let stream = record["dynamodb"]["NewImage"]["pk"]["S"].as_str();
            let id = stream.and_then(|stream| stream.strip_prefix("account:")).unwrap_or_default();
            assert!(balances.iter().any(|(of, _)| *of == id), "seed {seed}: {text}");
        }
    }
}

#[cfg(feature = "http")]
#[tokio::test]
async fn no_changed_request_makes_a_function_panic() {
    let desk = crate::kit::Desk::new().await;
    let router = axum::Router::new().fallback(|request: axum::extract::Request| async move {
        axum::body::to_bytes(request.into_body(), 1 << 20)
            .await
            .map_or(0, |body| body.len())
            .to_string()
    });
    let function = es_lambda::http(router).with_clock(desk.clock.clone());
    let request = crate::kit::fixture!("http_api");
    for seed in 0..ROUNDS {
        let text = Hand::new(seed).changed(&request);
        let Ok(raw) = serde_json::value::RawValue::from_string(text.clone()) else { continue };
        let event = desk.raw_event(raw.get(), crate::kit::SECOND * 30);
        if let Ok(answer) = function.invoke(event).await {
            let answer: Value = serde_json::from_str(answer.get()).unwrap();
            assert!(answer["statusCode"].is_u64(), "seed {seed}: {text}");
        }
    }
}
