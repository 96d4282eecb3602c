//! Message move tasks: they are over as soon as they are begun.

use es_core::{MessageQueue as _, Redrive};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{FakeMessaging, name_in, queue_name};

impl FakeMessaging {
    pub(super) async fn start_message_move_task(&self, asked: &Value) -> Result<Value, Refusal> {
        let arn = asked["SourceArn"].as_str().unwrap_or_default();
        if self.state().move_tasks.is_none() {
            let message = "There is no such operation.";
            return Err(Refusal::new("AWS.SimpleQueueService.UnsupportedOperation", message));
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
        let moved = self.memory().redrive(&queue_name(name_in(arn)), Redrive::all()).await;
        let moved = moved.expect("the queue is there");
        if let Some(tasks) = &mut self.state().move_tasks {
            tasks.insert(arn.to_owned(), moved);
        }
        Ok(json!({ "TaskHandle": "task" }))
    }

    pub(super) fn list_message_move_tasks(&self, asked: &Value) -> Result<Value, Refusal> {
        let arn = asked["SourceArn"].as_str().unwrap_or_default();
        let state = self.state();
        let moved = state.move_tasks.as_ref().and_then(|tasks| tasks.get(arn));
        let task =
            |moved| json!({ "Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": moved });
        Ok(json!({ "Results": moved.into_iter().map(task).collect::<Vec<_>>() }))
    }
}
