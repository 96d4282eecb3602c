use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::deadline_sweeper::DeadlineSweeper;
use crate::error::{Error, Result};
use crate::queue_consumer::QueueConsumer;

use super::{AnyConsumer, Consumer, Handler};

/// Consumers of feeds and of queues, and sweepers of deadlines, at work in tasks of their own, which are
/// stopped together.
#[derive(Default)]
pub struct Workers {
    shutdown: watch::Sender<bool>,
    tasks: JoinSet<Result<()>>,
}

impl Workers {
    /// No worker yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts [`Consumer::run`] in a task of the current tokio runtime.
    pub fn start<H: Handler>(&mut self, consumer: Arc<Consumer<H>>) {
        let shutdown = self.shut_down();
        self.tasks.spawn(async move { consumer.run(shutdown).await });
    }

    /// The same for a consumer whose type is not known.
    pub fn start_any(&mut self, consumer: Arc<dyn AnyConsumer>) {
        let shutdown = self.shut_down();
        self.tasks.spawn(async move { consumer.run(Box::pin(shutdown)).await });
    }

    /// Starts [`QueueConsumer::run`] in a task of the current tokio runtime.
    pub fn start_queue(&mut self, consumer: Arc<QueueConsumer>) {
        let shutdown = self.shut_down();
        self.tasks.spawn(async move { consumer.run(shutdown).await });
    }

    /// Starts [`DeadlineSweeper::run`] in a task of the current tokio runtime.
    pub fn start_sweeper(&mut self, sweeper: Arc<DeadlineSweeper>) {
        let shutdown = self.shut_down();
        self.tasks.spawn(async move { sweeper.run(shutdown).await });
    }

    /// Ready when the workers are to stop.
    fn shut_down(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut shutdown = self.shutdown.subscribe();
        // An error means that the sender is gone: nobody is left to work for.
        async move { drop(shutdown.wait_for(|stop| *stop).await) }
    }

    /// Returns when a worker has stopped at an error that trying again cannot help. Never returns
    /// while all are at work.
    ///
    /// # Errors
    ///
    /// That error.
    pub async fn failed(&mut self) -> Result<()> {
        while let Some(ended) = self.tasks.join_next().await {
            flatten(ended)?;
        }
        std::future::pending().await
    }

    /// Stops all workers, each after the step at hand.
    ///
    /// # Errors
    ///
    /// The first error that a worker had stopped at.
    pub async fn shutdown(mut self) -> Result<()> {
        self.shutdown.send_replace(true);
        let mut result = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            result = result.and(flatten(ended));
        }
        result
    }
}

fn flatten(ended: Result<Result<()>, tokio::task::JoinError>) -> Result<()> {
    ended.unwrap_or_else(|error| {
        Err(Error::Backend { what: "a consumer's task".to_owned(), source: error.into() })
    })
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("at_work", &self.tasks.len()).finish_non_exhaustive()
    }
}
