//! The main job: documents in, by all ways at once, and what became of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use es_core::cloud_events::Source;
use es_core::{
    Clock as _, DeadLetterReason, DeadMessageFilter, DeadMessageRedrive, Error, SystemClock,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::value::RawValue;
use tower::ServiceExt as _;

use super::documents::DocumentError;
use super::domain::Status;
use super::reading::{Document, EventId};
use super::records::Record;
use super::results::{NoResult, Patience};
use super::service::Ingest;
use super::stations::{KnownStations, Outage, Unreliable};
use super::submission::Submission;

/// A document to be taken in.
#[derive(Debug)]
pub struct Sample {
    /// The name of its file.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// Why a journey was broken off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JourneyError {
    /// Something cannot be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The directory or the file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// There is nothing to do.
    #[error("there are no .json files in {}", .0.display())]
    Empty(PathBuf),
    /// A file cannot be put where files are taken from.
    #[error(transparent)]
    Put(#[from] DocumentError),
    /// The API refused a document.
    #[error("POST /events was answered {0} for {1}")]
    Api(StatusCode, EventId),
    /// An event has no result.
    #[error(transparent)]
    NoResult(#[from] NoResult),
    /// Messages are still on their way.
    #[error("{0} submissions are still on their way after a minute")]
    Unfinished(u64),
    /// The watched directory cannot be read.
    #[error("the watched directory cannot be read")]
    Directory(#[source] std::io::Error),
    /// The backend does not do what it is asked for.
    #[error(transparent)]
    Backend(#[from] Error),
}

/// Reads all `.json` files of a directory, in the order of their names.
///
/// # Errors
///
/// [`JourneyError::Unreadable`], [`JourneyError::Empty`].
pub fn read_samples(directory: &Path) -> Result<Vec<Sample>, JourneyError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| JourneyError::Unreadable { path, source }
    };
    let mut paths = std::fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>())
        .map_err(unreadable(directory))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    if paths.is_empty() {
        return Err(JourneyError::Empty(directory.to_owned()));
    }
    let read = |path: PathBuf| {
        let content = std::fs::read(&path).map_err(unreadable(&path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Sample { name, content })
    };
    paths.into_iter().map(read).collect()
}

/// What a journey came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Journeyed {
    /// Submissions that were published, by all ways.
    pub published: u64,
    /// Different events with a valid document.
    pub accepted: u64,
    /// Events that were processed.
    pub processed: u64,
    /// Events whose confirmation arrived.
    pub confirmed: u64,
    /// Submissions of events that were processed before, or just then.
    pub duplicates: u64,
    /// Attempts that failed and were followed by another.
    pub retried: u64,
    /// Messages that became dead letters.
    pub dead_lettered: u64,
    /// Dead letters that were sent back.
    pub redriven: u64,
    /// Messages that are in the dead letters in the end.
    pub dead_letters: u64,
}

/// Takes documents in, through a system whose parts run.
#[derive(Debug)]
pub struct Journey {
    ingest: Arc<Ingest>,
    router: Router,
    register: Arc<Unreliable<KnownStations>>,
}

impl Journey {
    /// How many documents are submitted by the API and by the command-line publisher each, beside their
    /// files.
    const ALSO_SUBMITTED: usize = 2;

    /// How long the slowest may take.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Journeys through `ingest` and its API; the register has outages, which are repaired on the way.
    pub fn new(
        ingest: Arc<Ingest>,
        router: Router,
        register: Arc<Unreliable<KnownStations>>,
    ) -> Self {
        Self { ingest, router, register }
    }

    /// The outages of a journey that nobody has said any for: one ends by itself, one does not.
    pub fn outages() -> [Outage; 2] {
        let outage = |station: &str, times| Outage { station: station.to_owned(), times };
        [outage("list-auf-sylt", Some(2)), outage("zugspitze", None)]
    }

    /// Puts all documents where files are taken from, submits some by the other ways at the same time, waits
    /// for all results, repairs what is broken, brings the events back that failed by it, and waits again.
    ///
    /// # Errors
    ///
    /// [`JourneyError`].
    pub async fn take_in(&self, samples: Vec<Sample>) -> Result<Journeyed, JourneyError> {
        let events: BTreeSet<EventId> =
            samples.iter().map(|sample| Document::read(&sample.content).id).collect();
        let files = samples.len() as u64;
        self.submit(samples).await?;
        // A bucket tells of its files itself.
        let told_by_bucket = if self.watch().await? { 0 } else { files };
        let published = self.ingest.publisher.published() + told_by_bucket;
        self.wait_until_handled(published).await?;
        self.results(&events).await?;

        self.register.repair();
        let failed = DeadMessageFilter::all().reason(DeadLetterReason::AttemptsUsedUp);
        let redrive = DeadMessageRedrive::of(failed);
        let redriven = self.ingest.dead_letters.redrive(&redrive).await?.moved;
        self.wait_until_handled(published + redriven).await?;
        let records = self.results(&events).await?;
        self.sum_up(&records, published, redriven).await
    }

    async fn submit(&self, samples: Vec<Sample>) -> Result<(), JourneyError> {
        let valid = samples.iter().map(|sample| (sample, Document::read(&sample.content)));
        let valid: Vec<(EventId, Vec<u8>)> = valid
            .filter(|(_, document)| document.reading.is_ok())
            .map(|(sample, document)| (document.id, sample.content.clone()))
            .take(2 * Self::ALSO_SUBMITTED)
            .collect();
        let (by_api, by_publisher) = valid.split_at(valid.len().min(Self::ALSO_SUBMITTED));
        let put = async |Sample { name, content }| self.ingest.documents.put(&name, content).await;
        let files = stream::iter(samples).map(put).buffer_unordered(8).try_collect::<()>();
        futures::try_join!(
            async { files.await.map_err(JourneyError::from) },
            self.submit_by_api(by_api),
            self.publish(by_publisher),
        )?;
        Ok(())
    }

    async fn submit_by_api(&self, documents: &[(EventId, Vec<u8>)]) -> Result<(), JourneyError> {
        for (id, content) in documents {
            let request = Request::post("/events")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(content.clone()));
            let refused = |status| JourneyError::Api(status, id.clone());
            let request = request.map_err(|_| refused(StatusCode::BAD_REQUEST))?;
            let response = match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if response.status() != StatusCode::ACCEPTED {
                return Err(refused(response.status()));
            }
        }
        Ok(())
    }

    async fn publish(&self, documents: &[(EventId, Vec<u8>)]) -> Result<(), JourneyError> {
        let source = Source::new("/ingest/command-line")?;
        let mut submissions = Vec::new();
        for (id, content) in documents {
            // They are valid, so they are JSON.
            let Ok(document) = serde_json::from_slice::<Box<RawValue>>(content) else { continue };
            submissions.push(Submission::of_document(id, &document, source.clone())?);
        }
        Ok(self.ingest.publisher.publish_all(&submissions).await?)
    }

    /// Scans the directory until everything in it is published; `false` where there is none.
    async fn watch(&self) -> Result<bool, JourneyError> {
        const PAUSE: Duration = Duration::from_millis(50);
        let Some(mut watcher) = self.ingest.watcher() else { return Ok(false) };
        let began = SystemClock.monotonic();
        loop {
            let scan = watcher.scan().await.map_err(JourneyError::Directory)?;
            let left = scan.unsettled + scan.failed;
            if left == 0 {
                return Ok(true);
            }
            if SystemClock.monotonic().saturating_sub(began) > Self::PATIENCE {
                return Err(JourneyError::Unfinished(left));
            }
            SystemClock.sleep(PAUSE).await;
        }
    }

    async fn results(&self, events: &BTreeSet<EventId>) -> Result<Vec<Record>, JourneyError> {
        let patience = Patience::of(Self::PATIENCE);
        let mut records = Vec::new();
        for id in events {
            records.push(patience.wait_for(id, &*self.ingest.records).await?);
        }
        Ok(records)
    }

    /// Waits until so many submissions came to an end, those of a redrive counted again. Where other processes
    /// take some of them, until none are left.
    async fn wait_until_handled(&self, submissions: u64) -> Result<(), JourneyError> {
        let Patience { deadline, clock, backoff, entropy } = Patience::of(Self::PATIENCE);
        let began = clock.monotonic();
        let mut questions = 0;
        loop {
            let worked = self.ingest.processor.health().await?.worked;
            let handled = worked.done + worked.duplicates + worked.dead_lettered;
            // SNS delivers behind its answer: there an empty queue does not say that everything came.
            let all_came = self.ingest.watcher().is_some();
            if handled >= submissions || all_came && self.ingest.submissions_under_way().await? == 0
            {
                return Ok(());
            }
            if clock.monotonic().saturating_sub(began) > deadline {
                return Err(JourneyError::Unfinished(submissions.saturating_sub(handled)));
            }
            questions += 1;
            clock.sleep(backoff.delay(questions, &*entropy)).await;
        }
    }

    async fn sum_up(
        &self,
        records: &[Record],
        published: u64,
        redriven: u64,
    ) -> Result<Journeyed, JourneyError> {
        let Ingest { processor, confirmer, figures, .. } = &*self.ingest;
        let (processor, confirmer) =
            (processor.health().await?.worked, confirmer.health().await?.worked);
        let totals = figures.totals();
        let count =
            |is: fn(&Record) -> bool| records.iter().filter(|record| is(record)).count() as u64;
        Ok(Journeyed {
            published,
            accepted: count(|record| record.reading.is_some()),
            processed: totals.processed,
            confirmed: count(|record| record.status == Status::Confirmed),
            duplicates: totals.duplicates + processor.duplicates,
            retried: totals.retries,
            dead_lettered: processor.dead_lettered + confirmer.dead_lettered,
            redriven,
            dead_letters: self.ingest.dead_letter_count().await?,
        })
    }
}
