//! Events are put, and what becomes of that.

use std::collections::BTreeMap;
use std::sync::Arc;

use es_core::Timestamp;
use es_routing::{EventId, NewBusEvent, Router};
use serde_json::{Value, json};

use super::delivering::Outbox;
use super::{ACCOUNT, Answer, FakeEvents, REGION, text};

/// What becomes of a request to put events.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// Entries fail with these codes, the others are taken.
    Entries(Vec<Option<&'static str>>),
    /// All are taken, and the connection breaks before the answer is there.
    LostAnswer,
    /// None is taken, and the request is refused with this code.
    Refused(&'static str),
    /// All are taken, and the answer leaves out the last.
    EntryLeftOut,
}

impl FakeEvents {
    /// `None` when the answer is lost.
    pub(super) async fn put_events(&self, body: &Value) -> Option<Answer> {
        let entries = body["Entries"].as_array().expect("entries");
        assert!((1..=10).contains(&entries.len()), "{} entries", entries.len());
        let (outcome, limit) = {
            let mut state = self.state();
            (state.script.pop_front(), state.max_request_bytes.unwrap_or(usize::MAX))
        };
        if entries.iter().map(size).sum::<usize>() > limit {
            let message = "Total size of the entries in the request is over the limit.";
            return Some(Err(("ValidationException", message.to_owned())));
        }
        if let Some(Outcome::Refused(code)) = outcome {
            return Some(Err((code, "not now".to_owned())));
        }
        let outbox = Arc::new(Outbox::default());
        let routers = self.routers(entries, &outbox);
        let mut answers = Vec::new();
        for (n, entry) in entries.iter().enumerate() {
            let code = match &outcome {
                Some(Outcome::Entries(codes)) => codes.get(n).copied().flatten(),
                _ => None,
            };
            match code {
                Some(code) => answers.push(json!({ "ErrorCode": code, "ErrorMessage": "no" })),
                None => answers.push(json!({ "EventId": self.take(entry, &routers).await })),
            }
        }
        self.send(&outbox).await;
        match outcome {
            Some(Outcome::LostAnswer) => return None,
            Some(Outcome::EntryLeftOut) => drop(answers.pop()),
            _ => {}
        }
        let taken = entries.iter().zip(&answers).filter(|(_, it)| it["EventId"].is_string());
        self.state().told.extend(taken.map(|(entry, _)| text(entry, "Detail")));
        Some(Ok(json!({ "Entries": answers })))
    }

    /// Takes an event, and delivers it where the rules say.
    async fn take(&self, entry: &Value, routers: &BTreeMap<String, Router>) -> String {
        let id = {
            let mut state = self.state();
            state.events_taken += 1;
            state.taken.push(text(entry, "Detail"));
            format!("event-{}", state.events_taken)
        };
        let detail: Value = serde_json::from_str(&text(entry, "Detail")).expect("detail in JSON");
        let event = NewBusEvent::new(text(entry, "Source"), text(entry, "DetailType"), detail);
        let event = event.expect("an event that EventBridge takes");
        let time = entry["Time"].as_f64().map_or(Timestamp::UNIX_EPOCH, |seconds| {
            Timestamp::from_second(seconds as i64).expect("a time")
        });
        let event = event.accepted(EventId::from_bus(&id), ACCOUNT, REGION, time);
        if let Some(router) = routers.get(&text(entry, "EventBusName")) {
            router.route(event).await.expect("queues that are there");
        }
        id
    }
}

/// The bytes of an entry without time and resources.
fn size(entry: &Value) -> usize {
    ["Source", "DetailType", "Detail"].map(|field| text(entry, field).len()).iter().sum()
}
