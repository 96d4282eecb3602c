//! Message move tasks: they are over as soon as they are begun. Those of a queue with a letter that no queue
//! has given up fail; others may be cancelled before they have moved anything.

use es_core::{MessageQueue as _, Redrive};
use serde_json::{Value, json};

use super::faults::{Fault, Passage};
use super::refusal::Refusal;
use super::{FakeMessaging, name_in, queue_name};

#[derive(Debug, Clone, Copy)]
pub(super) struct MoveTask {
    started: i64,
    moved: u64,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Completed,
    Failed,
    Cancelled,
}

impl MoveTask {
    fn json(self) -> Value {
        let Self { started, moved, end } = self;
        let mut task = json!({
            "Status": "COMPLETED",
            "StartedTimestamp": started,
            "ApproximateNumberOfMessagesMoved": moved,
        });
        match end {
            End::Completed => {}
            End::Cancelled => task["Status"] = "CANCELLED".into(),
            End::Failed => {
                task["Status"] = "FAILED".into();
                task["FailureReason"] = "CouldNotDetermineMessageSource".into();
            }
        }
        task
    }
}

impl FakeMessaging {
    pub(super) async fn start_message_move_task(&self, asked: &Value) -> Result<Value, Refusal> {
        let arn = asked["SourceArn"].as_str().unwrap_or_default();
        if self.state().move_tasks.is_none() {
            return Err(no_tasks());
        }
        let is_target = |policy: &String| policy.contains(arn);
        let has_sources = {
            let state = self.state();
            let mut policies =
                state.queues.values().filter_map(|queue| queue.attributes.get("RedrivePolicy"));
            policies.any(is_target)
        };
        if !has_sources {
            let message = "Source queue must be configured as a Dead Letter Queue.";
            return Err(Refusal::invalid_value(message));
        }
        let queue = queue_name(name_in(arn));
        let (moved, end) = if self.state().cancels_move_tasks {
            (0, End::Cancelled)
        } else {
            let moved = self.memory().redrive(&queue, Redrive::all()).await;
            let left = self.memory().counts(&queue).await.expect("the queue is there").visible;
            let end = if left > 0 { End::Failed } else { End::Completed };
            (moved.expect("the queue is there"), end)
        };
        let now = self.clock().now().as_millisecond();
        if let Some(tasks) = &mut self.state().move_tasks {
            let tasks = tasks.entry(arn.to_owned()).or_default();
            let started = tasks.last().map_or(now, |before| now.max(before.started + 1));
            tasks.push(MoveTask { started, moved, end });
        }
        Ok(json!({ "TaskHandle": "task" }))
    }

    /// Leaves the newest out, when an entry is to be left out.
    pub(super) fn list_message_move_tasks(
        &self,
        asked: &Value,
        passage: &Passage,
    ) -> Result<Value, Refusal> {
        let arn = asked["SourceArn"].as_str().unwrap_or_default();
        let state = self.state();
        let Some(tasks) = &state.move_tasks else { return Err(no_tasks()) };
        let mut tasks = tasks.get(arn).cloned().unwrap_or_default();
        if passage.meets(Fault::EntryLeftOut) {
            tasks.pop();
        }
        Ok(
            json!({ "Results": tasks.last().map(|task| task.json()).into_iter().collect::<Vec<_>>() }),
        )
    }
}

fn no_tasks() -> Refusal {
    let message = "There is no such operation.";
    Refusal::new("AWS.SimpleQueueService.UnsupportedOperation", message)
}
