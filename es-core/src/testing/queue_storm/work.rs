//! The messages of a storm, and what is done with them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::dead_letter_queue::DeadLetterReason;
use crate::entropy::Entropy as _;
use crate::incoming::Incoming;
use crate::message_handler::{MessageError, MessageHandler};
use crate::message_queue::NewMessage;
use crate::testing::SeededEntropy;

use super::time::Time;

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// It has its effect.
    Good,
    /// It has its effect at the second attempt or later.
    Flaky,
    /// It fails for good.
    Poison,
    /// It fails again and again.
    Hopeless,
    /// It cannot be read.
    Garbled,
}

/// One message.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Task {
    /// The seed of its storm.
    pub(super) storm: u64,
    pub(super) number: u64,
    pub(super) kind: Kind,
}

impl Task {
    /// Why it becomes a dead letter, if it does.
    pub(super) fn dead_because(self) -> Option<DeadLetterReason> {
        match self.kind {
            Kind::Good | Kind::Flaky => None,
            Kind::Poison => Some(DeadLetterReason::Permanent),
            Kind::Hopeless => Some(DeadLetterReason::AttemptsUsedUp),
            Kind::Garbled => Some(DeadLetterReason::Undecodable),
        }
    }

    /// How many groups there are on a FIFO queue.
    const GROUPS: u64 = 4;

    pub(super) fn group(self) -> String {
        format!("group-{}", self.number % Self::GROUPS)
    }

    /// The key under which its effect is recorded.
    pub(super) fn key(self) -> String {
        let source = self.source();
        format!("cloudevent {} {source} {}", source.len(), self.number)
    }

    fn source(self) -> String {
        format!("/storm/{}", self.storm)
    }

    pub(super) fn message(self, fifo: bool) -> NewMessage {
        let mut event = json!({
            "specversion": "1.0", "id": self.number.to_string(), "source": self.source(), "type": "Task",
            "data": self,
        });
        if self.kind == Kind::Garbled {
            event["source"] = json!(17);
        }
        let message = NewMessage::new(event.to_string());
        if !fifo {
            return message;
        }
        message.group(self.group()).deduplication_id(self.number.to_string())
    }

    /// The task that a message is, read without its wrapping.
    pub(super) fn of(body: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Event {
            data: Task,
        }
        serde_json::from_str::<Event>(body).ok().map(|event| event.data)
    }
}

/// Does the work of all consumers, and keeps a ledger of it.
#[derive(Debug)]
pub(super) struct Work {
    time: Time,
    entropy: SeededEntropy,
    /// Whether time passes between an effect and the record of it, for a kill.
    lingers: bool,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// How often each task had its effect.
    pub(super) effects: BTreeMap<u64, u32>,
    /// The tasks in the order of their first effects.
    pub(super) order: Vec<Task>,
    failed: BTreeMap<u64, u32>,
}

impl Work {
    /// Most tasks take no longer.
    const SHORT: Duration = Duration::from_secs(2);
    /// Longer than a hold, so that heartbeats are needed.
    const LONG: Duration = Duration::from_secs(15);

    pub(super) fn new(time: Time, seed: u64, lingers: bool) -> Self {
        Self { time, entropy: SeededEntropy::new(seed), lingers, ledger: Mutex::default() }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn some_time(&self) {
        let random = self.entropy.next_u64();
        let limit = if random.is_multiple_of(16) { Self::LONG } else { Self::SHORT };
        let takes = self.time.paced(limit).mul_f64((random % 1_000) as f64 / 1_000.0);
        self.time.clock().sleep(takes).await;
    }

    fn fails(&self, task: Task) -> bool {
        let mut ledger = self.ledger();
        let failed = ledger.failed.entry(task.number).or_default();
        *failed += 1;
        task.kind == Kind::Hopeless || task.kind == Kind::Flaky && *failed < 3
    }
}

#[async_trait]
impl MessageHandler for Work {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let task: Task = message.json().map_err(MessageError::permanent)?;
        self.some_time().await;
        if task.kind == Kind::Poison {
            return Err(MessageError::permanent("it is poison"));
        }
        if self.fails(task) {
            return Err(MessageError::transient("it failed"));
        }
        {
            let mut ledger = self.ledger();
            let effects = ledger.effects.entry(task.number).or_default();
            *effects += 1;
            if *effects == 1 {
                ledger.order.push(task);
            }
        }
        if self.lingers {
            self.some_time().await;
        }
        Ok(())
    }
}
