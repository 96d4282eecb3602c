//! Redriving by SQS itself: a
//! [message move task](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html),
//! which moves everything that is there.

use std::time::Duration;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::list_message_move_tasks::ListMessageMoveTasksError;
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

/// How often a task that was begun is looked for.
const LOOKS: u32 = 10;

/// What SQS did by itself.
pub(super) enum MovedByTheService {
    /// It went through the whole queue, and has moved so many letters.
    All(u64),
    /// It has no such tasks here, or gave one up when so many letters were moved: it does so at a letter
    /// that no queue has given up, one that was sent here.
    Some(u64),
}

impl SqsQueues {
    /// Moves all letters, as far as SQS does that.
    pub(super) async fn move_by_the_service(
        &self,
        queue: &QueueName,
        known: &KnownQueue,
    ) -> Result<MovedByTheService> {
        let arn = self.arn_of(queue, known)?;
        let Some(earlier) = self.move_task_before(queue, &arn).await? else {
            return Ok(MovedByTheService::Some(0));
        };
        let started = self.shared.client.start_message_move_task().source_arn(&arn).send().await;
        match started {
            Ok(_) => {}
            Err(error) if error.code().is_some_and(|code| NOT_HERE.contains(&code)) => {
                return Ok(MovedByTheService::Some(0));
            }
            Err(error) => return Err(self.failed("redriving", queue, error)),
        }
        loop {
            let task = self.move_task_behind(earlier, queue, &arn).await?;
            let moved = u64::try_from(task.approximate_number_of_messages_moved).unwrap_or(0);
            match task.status() {
                Some("RUNNING" | "CANCELLING") => {
                    self.shared.options.clock.sleep(LOOK_AGAIN).await;
                }
                // Whoever cancels it wants no more of it.
                Some("CANCELLED") => {
                    return Err(Error::Backend {
                        what: self.attempt("redriving", queue),
                        source: format!("somebody has cancelled it, after {moved} messages").into(),
                    });
                }
                Some("FAILED") => {
                    let reason = task.failure_reason().unwrap_or("it says no more");
                    tracing::warn!(
                        queue = self.full_name(queue),
                        reason,
                        moved,
                        "SQS has given up moving dead letters: the others are received and sent"
                    );
                    return Ok(MovedByTheService::Some(moved));
                }
                _ => return Ok(MovedByTheService::All(moved)),
            }
        }
    }

    /// When the newest task was begun that is there already, 0 without one; `None`: there are no tasks here.
    async fn move_task_before(&self, queue: &QueueName, arn: &str) -> Result<Option<i64>> {
        match self.newest_move_task(arn).await {
            Ok(task) => Ok(Some(task.map_or(0, |task| task.started_timestamp))),
            Err(error) if error.code().is_some_and(|code| NOT_HERE.contains(&code)) => Ok(None),
            Err(error) => Err(self.failed("redriving", queue, error)),
        }
    }

    /// The newest task, when it was begun behind that time: a queue has one at a time, and the list can be
    /// behind.
    async fn move_task_behind(
        &self,
        earlier: i64,
        queue: &QueueName,
        arn: &str,
    ) -> Result<ListMessageMoveTasksResultEntry> {
        for _ in 0..LOOKS {
            let newest = self.newest_move_task(arn).await;
            let newest = newest.map_err(|error| self.failed("redriving", queue, error))?;
            match newest {
                Some(task) if task.started_timestamp > earlier => return Ok(task),
                _ => self.shared.options.clock.sleep(LOOK_AGAIN).await,
            }
        }
        Err(Error::Unavailable {
            what: self.attempt("redriving", queue),
            source: "SQS does not list the task that it has begun".into(),
        })
    }

    async fn newest_move_task(
        &self,
        arn: &str,
    ) -> Result<Option<ListMessageMoveTasksResultEntry>, SdkError<ListMessageMoveTasksError>> {
        let request = self.shared.client.list_message_move_tasks().source_arn(arn).max_results(1);
        Ok(request.send().await?.results.unwrap_or_default().into_iter().next())
    }
}
