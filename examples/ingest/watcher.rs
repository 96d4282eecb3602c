//! The watcher: tells the topic of every file that is put into a directory. In AWS the bucket does that.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use es_core::{Clock, Error, Idempotent, IdempotentRequest, Once, OnceError};
use futures::{StreamExt as _, stream};
use serde::Serialize;

use super::documents::{Directory, FileState, Files};
use super::figures::Figures;
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
/// What does not work is tried again with the next scan. While nothing can be published, scans come less and less
/// often.
/// A file whose name no message can have is said once to be one, and counted as long as it is there.
///
/// A watcher that dies between publishing and noting publishes the file again, under the same id.
#[derive(Debug)]
pub struct Watcher {
    directory: Directory,
    publisher: Publisher,
    notes: Idempotent,
    figures: Arc<Figures>,
    clock: Arc<dyn Clock>,
    seen: BTreeMap<String, Seen>,
    /// Names that are no text.
    no_texts: BTreeSet<OsString>,
}

/// A file as the last scan has found it.
#[derive(Debug)]
struct Seen {
    state: FileState,
    progress: Progress,
}

/// What has to be done about a file as long as it stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It has to be published.
    Open,
    /// Nothing: it is published, or gone.
    Done,
    /// Nothing can be done.
    Unnameable,
}

/// What a scan came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Scan {
    /// Files that were published.
    pub published: u64,
    /// Files that are new since the last scan, or have changed: the next one looks again.
    pub unsettled: u64,
    /// Files that could not be published: the next one tries again.
    pub failed: u64,
    /// Files that could not be read: the next one tries again.
    pub unreadable: u64,
    /// Files that are never published, because no message can name them: they have to be renamed.
    pub unnameable: u64,
}

impl Scan {
    /// Whether nothing needs an operator.
    pub fn is_well(&self) -> bool {
        self.unreadable == 0 && self.unnameable == 0
    }

    /// Whether nothing could be published of what should be. What is wrong with a file is no outage.
    fn met_an_outage(&self) -> bool {
        self.failed > 0 && self.published == 0
    }
}

impl Watcher {
    /// How long a note is kept. A file that is there for longer is published once more, and recognised by the
    /// log.
    pub const NOTES_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    /// How long nobody else publishes a file that is being published.
    pub const HOLD: Duration = Duration::from_secs(10);

    /// How many files are published at a time.
    const AT_A_TIME: usize = 16;

    /// The longest pause while nothing works.
    const LONGEST_PAUSE: Duration = Duration::from_secs(60);

    /// Watches `directory`, with notes in `notes`, and tells `figures` how it goes.
    pub fn new(
        directory: Directory,
        publisher: Publisher,
        notes: Idempotent,
        figures: Arc<Figures>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (seen, no_texts) = (BTreeMap::new(), BTreeSet::new());
        Self { directory, publisher, notes, figures, clock, seen, no_texts }
    }

    /// Scans now and after every `pause`, until it is dropped; after each scan in which nothing worked the pause is
    /// twice as long, up to a minute.
    pub async fn run(mut self, pause: Duration) -> Infallible {
        let longest = pause.max(Self::LONGEST_PAUSE);
        let mut next = pause;
        loop {
            let works = match self.scan().await {
                Ok(scan) => !scan.met_an_outage(),
                Err(error) => {
                    let directory = self.directory.path().display();
                    tracing::warn!(%directory, %error, "the directory cannot be scanned; that is tried again");
                    self.figures.note_scan(LastScan::Failed { error: error.to_string() });
                    false
                }
            };
            next = if works { pause } else { next.saturating_mul(2).min(longest) };
            self.clock.sleep(next).await;
        }
    }

    /// Looks at all files once, and publishes those that are new and settled.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read. What is wrong with one file does not keep the others; the log has the
    /// first that could not be published, and how many there were.
    pub async fn scan(&mut self) -> io::Result<Scan> {
        let Files { files, no_texts } = self.directory.files().await?;
        let mut scan = Scan::default();
        for name in no_texts.difference(&self.no_texts) {
            tracing::error!(?name, "a file is never published under a name that is no text");
        }
        scan.unnameable = no_texts.len() as u64;
        self.no_texts = no_texts;
        let mut before = std::mem::take(&mut self.seen);
        let (mut now, mut settled) = (BTreeMap::new(), Vec::new());
        for state in files {
            let seen = before.remove(&state.name).filter(|seen| seen.state == state);
            match seen.as_ref().map(|seen| seen.progress) {
                None => scan.unsettled += 1,
                Some(Progress::Open) => settled.push(state.name.clone()),
                Some(Progress::Done) => {}
                Some(Progress::Unnameable) => scan.unnameable += 1,
            }
            let progress = seen.map_or(Progress::Open, |seen| seen.progress);
            now.insert(state.name.clone(), Seen { state, progress });
        }
        let mut first_failure = None;
        for (name, published) in self.publish_all(settled).await {
            let progress = match published {
                Ok(Published::Now) => {
                    scan.published += 1;
                    Progress::Done
                }
                Ok(Published::Before) => Progress::Done,
                Ok(Published::ByAnother) => {
                    scan.unsettled += 1;
                    Progress::Open
                }
                Err(NotPublished::Name(error)) => {
                    tracing::error!(name, %error, "a file is never published under this name");
                    scan.unnameable += 1;
                    Progress::Unnameable
                }
                Err(error) => {
                    match error {
                        NotPublished::Unreadable(_) => scan.unreadable += 1,
                        _ => scan.failed += 1,
                    }
                    first_failure.get_or_insert((name.clone(), error));
                    Progress::Open
                }
            };
            if let Some(seen) = now.get_mut(&name) {
                seen.progress = progress;
            }
        }
        if let Some((name, error)) = first_failure {
            let (failed, cause) = (scan.failed + scan.unreadable, &error as &dyn std::error::Error);
            tracing::warn!(failed, name, cause, "files were not published; that is tried again");
        }
        self.seen = now;
        self.figures.note_scan(LastScan::Done(scan));
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

/// The last look at the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum LastScan {
    /// It came to this.
    Done(Scan),
    /// The directory could not be read.
    Failed {
        /// Why.
        error: String,
    },
}

impl LastScan {
    /// Whether nothing needs an operator.
    pub fn is_well(&self) -> bool {
        match self {
            Self::Done(scan) => scan.is_well(),
            Self::Failed { .. } => false,
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
