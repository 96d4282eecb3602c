//! Stopping `work` from elsewhere: by a message in a queue of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::{
    Clock as _, Error, Incoming, MessageError, MessageHandler, NewMessage, QueueConsumer,
    SystemClock, Timestamp,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::command_line::{AnyError, print};
use crate::orders::backend::Backend;

use super::opened::Opened;
use super::place::Place;

/// What is sent.
#[derive(Debug, Serialize, Deserialize)]
struct StopRequest {
    requested_at: Timestamp,
}

pub(super) async fn run(place: &Place, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let request = StopRequest { requested_at: SystemClock.now() };
    let message = NewMessage::new(serde_json::to_string(&request)?);
    let backend = &opened.backend;
    backend.queues.send(&backend.channels.control, message).await?;
    print(json, &request, || "a running `work` is asked to stop".to_owned())?;
    opened.close().await
}

/// Stops this process when it is asked to.
#[derive(Debug)]
pub(super) struct Stops {
    began_at: Timestamp,
    stopped: Arc<Notify>,
}

impl Stops {
    /// It, and what tells that it was asked.
    pub(super) fn for_this_process() -> (Self, Arc<Notify>) {
        let stopped = Arc::new(Notify::new());
        (Self { began_at: SystemClock.now(), stopped: stopped.clone() }, stopped)
    }

    /// What receives the requests.
    pub(super) fn consumer(self, backend: &Backend) -> Result<QueueConsumer, Error> {
        let (queues, control) = (backend.queues.clone(), backend.channels.control.clone());
        // One that a service has handed to a process which was killed meanwhile comes again, well before
        // the queue forgets it.
        let hold = Duration::from_secs(10);
        Ok(QueueConsumer::new("stop", queues, control, self)?
            .concurrency(1)
            .visibility_timeout(hold))
    }
}

#[async_trait]
impl MessageHandler for Stops {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let request: StopRequest = message.json().map_err(MessageError::permanent)?;
        // One that nobody took in its time is not for those who begin later.
        if request.requested_at >= self.began_at {
            self.stopped.notify_one();
        }
        Ok(())
    }
}
