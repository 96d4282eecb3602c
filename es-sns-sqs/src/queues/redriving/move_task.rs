//! Redriving by SQS itself: a
//! [message move task](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html),
//! which moves everything that is there.

use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::ListMessageMoveTasksResultEntry;
use es_core::{Error, QueueName, Result};

use crate::queues::SqsQueues;
use crate::queues::known_queues::KnownQueue;

/// Codes of a service that has no such tasks, or takes this queue for none with dead letters.
const NOT_HERE: [&str; 6] = [
    "AWS.SimpleQueueService.UnsupportedOperation",
    "InvalidAction",
    "InvalidParameterValue",
    "ResourceNotFoundException",
    "UnknownOperationException",
    "UnsupportedOperation",
];

const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl SqsQueues {
    /// Moves all letters, and tells how many as SQS says it; `None`: nothing was done.
    pub(super) async fn move_by_the_service(
        &self,
        queue: &QueueName,
        known: &KnownQueue,
    ) -> Result<Option<u64>> {
        let arn = self.arn_of(queue, known)?;
        let started = self.shared.client.start_message_move_task().source_arn(&arn).send().await;
        match started {
            Ok(_) => {}
            Err(error) if error.code().is_some_and(|code| NOT_HERE.contains(&code)) => {
                return Ok(None);
            }
            Err(error) => return Err(self.failed("redriving", queue, error)),
        }
        loop {
            let task = self.newest_move_task(queue, &arn).await?;
            let moved = u64::try_from(task.approximate_number_of_messages_moved).unwrap_or(0);
            match task.status() {
                Some("RUNNING" | "CANCELLING") => {
                    self.shared.options.clock.sleep(LOOK_AGAIN).await;
                }
                Some("FAILED") => {
                    let reason = task.failure_reason.unwrap_or_else(|| "it says no more".into());
                    let what = self.attempt("redriving", queue);
                    return Err(Error::Backend { what, source: reason.into() });
                }
                _ => return Ok(Some(moved)),
            }
        }
    }

    async fn newest_move_task(
        &self,
        queue: &QueueName,
        arn: &str,
    ) -> Result<ListMessageMoveTasksResultEntry> {
        let request = self.shared.client.list_message_move_tasks().source_arn(arn).max_results(1);
        let tasks = request.send().await;
        let tasks = tasks.map_err(|error| self.failed("redriving", queue, error))?.results;
        tasks.unwrap_or_default().into_iter().next().ok_or_else(|| Error::Unavailable {
            what: self.attempt("redriving", queue),
            source: "SQS does not list the task that it has begun".into(),
        })
    }
}
