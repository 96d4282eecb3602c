//! The watcher: tells the topic of every file that is put into a directory. In AWS the bucket does that.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use es_core::{Clock, Error, Idempotent, IdempotentRequest, Once, OnceError};
use futures::{StreamExt as _, stream};

use super::documents::{Directory, FileState};
use super::publisher::Publisher;
use super::submission::Submission;

/// Scans a directory again and again, so that nothing is missed, whatever the system tells of changes and
/// however long the watcher was away.
///
/// A file is published when two scans have found it with the same size and time of change: before, it may be
/// half written. What was published is noted by name and content in a store, so that neither a restart nor
/// another watcher of the same directory publishes it again. The files are nobody's business but their
/// owner's: they are read, and not touched.
///
/// A watcher that dies between publishing and noting publishes the file again, under the same id.
#[derive(Debug)]
pub struct Watcher {
    directory: Directory,
    publisher: Publisher,
    notes: Idempotent,
    clock: Arc<dyn Clock>,
    seen: BTreeMap<String, Seen>,
}

/// A file as the last scan has found it.
#[derive(Debug)]
struct Seen {
    state: FileState,
    /// Whether nothing has to be done about it as long as it stays so.
    is_done: bool,
}

/// What a scan came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scan {
    /// Files that were published.
    pub published: u64,
    /// Files that are new since the last scan, or have changed: the next one looks again.
    pub unsettled: u64,
    /// Files that could not be read, or published: the next one tries again.
    pub failed: u64,
}

impl Watcher {
    /// How long a note is kept. A file that is there for longer is published once more, and recognised by the
    /// log.
    pub const NOTES_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    /// How long nobody else publishes a file that is being published.
    pub const HOLD: Duration = Duration::from_secs(10);

    /// How many files are published at a time.
    const AT_A_TIME: usize = 16;

    /// Watches `directory`, with notes in `notes`.
    pub fn new(
        directory: Directory,
        publisher: Publisher,
        notes: Idempotent,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { directory, publisher, notes, clock, seen: BTreeMap::new() }
    }

    /// Scans now and after every `pause`, until it is dropped. What does not work is tried again with the
    /// next scan.
    pub async fn run(mut self, pause: Duration) -> Infallible {
        loop {
            if let Err(error) = self.scan().await {
                let directory = self.directory.path().display();
                tracing::warn!(%directory, %error, "the directory cannot be scanned; that is tried again");
            }
            self.clock.sleep(pause).await;
        }
    }

    /// Looks at all files once, and publishes those that are new and settled.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read. What is wrong with one file is in the log, and does not keep the
    /// others.
    pub async fn scan(&mut self) -> io::Result<Scan> {
        let files = self.directory.files().await?;
        let mut scan = Scan::default();
        let mut before = std::mem::take(&mut self.seen);
        let (mut now, mut settled) = (BTreeMap::new(), Vec::new());
        for state in files {
            let seen = before.remove(&state.name).filter(|seen| seen.state == state);
            match &seen {
                None => scan.unsettled += 1,
                Some(Seen { is_done: false, .. }) => settled.push(state.name.clone()),
                Some(_) => {}
            }
            let is_done = seen.is_some_and(|seen| seen.is_done);
            now.insert(state.name.clone(), Seen { state, is_done });
        }
        for (name, published) in self.publish_all(settled).await {
            match published {
                Ok(Published::Now) => scan.published += 1,
                Ok(Published::Before) => {}
                Ok(Published::ByAnother) => {
                    scan.unsettled += 1;
                    continue;
                }
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::warn!(name, cause, "a file was not published; that is tried again");
                    scan.failed += 1;
                    continue;
                }
            }
            if let Some(seen) = now.get_mut(&name) {
                seen.is_done = true;
            }
        }
        self.seen = now;
        Ok(scan)
    }

    async fn publish_all(
        &self,
        names: Vec<String>,
    ) -> Vec<(String, Result<Published, NotPublished>)> {
        let publish = async |name: String| {
            let published = self.publish(&name).await;
            (name, published)
        };
        stream::iter(names).map(publish).buffer_unordered(Self::AT_A_TIME).collect().await
    }

    async fn publish(&self, name: &str) -> Result<Published, NotPublished> {
        let Some(content) = self.directory.content(name).await? else {
            // It is gone. Should it come back, it is new.
            return Ok(Published::Before);
        };
        let message = Submission::of_file(name, &content)?;
        let request = IdempotentRequest::new("ingest-directory", message.id(), name.as_bytes())?;
        let publish = async || self.publisher.publish(&message).await.map(|()| Bytes::new());
        match self.notes.once(&request, publish).await {
            Ok(Once::Done(_) | Once::Overtaken) => Ok(Published::Now),
            Ok(Once::Before(_)) => Ok(Published::Before),
            Ok(Once::InProgress { .. }) => Ok(Published::ByAnother),
            Err(error) => Err(NotPublished::Once(error)),
        }
    }
}

/// Whether a file needed to be published.
enum Published {
    Now,
    Before,
    /// It is being published elsewhere, or was when somebody died.
    ByAnother,
}

#[derive(Debug, thiserror::Error)]
enum NotPublished {
    #[error("it cannot be read")]
    Unreadable(#[from] io::Error),
    #[error(transparent)]
    Name(#[from] Error),
    #[error(transparent)]
    Once(OnceError<Error>),
}

#[cfg(test)]
mod tests;
