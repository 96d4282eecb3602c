use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, FuturesUnordered};
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::io::AsyncRead;

use super::error::ArchiveError;
use super::lanes::Lanes;
use super::reader::{ArchiveReader, ArchivedCommit};
use super::report::Report;
use crate::backoff::Backoff;
use crate::clock::{Clock, SystemClock};
use crate::commit::{Commit, NewCommit};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::event_store::{Appended, EventStore, Expected};

/// Appends what an archive has to a store, each commit under its own id, time and metadata, at its own
/// place; see [the module](super) for the archive's form.
///
/// What is there already is recognised, so an import that was cut off is resumed by importing again.
/// A stream that has other commits than the archive is left as it is. Streams that the archive does not
/// have are not looked at. The store must not be written to by others meanwhile: a commit of theirs
/// would take the place of one of the archive.
#[derive(Debug, Clone)]
pub struct Import {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    backoff: Backoff,
    max_attempts: u32,
    concurrency: usize,
}

impl Import {
    /// How many streams are written to at the same time unless
    /// [`with_concurrency`](Self::with_concurrency) says otherwise.
    pub const DEFAULT_CONCURRENCY: usize = 16;

    /// How often a commit is appended unless [`with_max_attempts`](Self::with_max_attempts) says
    /// otherwise.
    pub const DEFAULT_MAX_ATTEMPTS: u32 = 10;

    /// An import into `store`.
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            backoff: Backoff { base: Duration::from_millis(50), max: Duration::from_secs(10) },
            max_attempts: Self::DEFAULT_MAX_ATTEMPTS,
            concurrency: Self::DEFAULT_CONCURRENCY,
        }
    }

    /// Waits by `clock`, and tells by it how long it takes.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes jitter from `entropy`.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Waits as `backoff` says before a commit is appended again.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Appends a commit up to so many times, at least once, while the store says that trying again can
    /// help.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Writes to up to so many streams at the same time, at least one. The commits of a stream are
    /// always appended one after the other; with 1 those of all streams are, in the archive's order.
    #[must_use]
    pub fn with_concurrency(mut self, streams: usize) -> Self {
        self.concurrency = streams.max(1);
        self
    }

    /// Imports the archive that `source` has.
    ///
    /// # Errors
    ///
    /// When the archive is damaged or cut off, all that is whole before that place is imported, and
    /// the error names it. [`ArchiveError::Occupied`] when the store has something else in a
    /// commit's place, and [`ArchiveError::Append`] when it does not take a commit: others may have
    /// been imported, before it and behind it in other streams. Importing again goes on from there.
    pub async fn read_from(
        &self,
        source: impl AsyncRead + Unpin + Send,
    ) -> Result<Report, ArchiveError> {
        self.read_from_with(source, |_| {}).await
    }

    /// Like [`read_from`](Self::read_from), and calls `report` after each commit.
    ///
    /// # Errors
    ///
    /// As [`read_from`](Self::read_from).
    pub async fn read_from_with(
        &self,
        source: impl AsyncRead + Unpin + Send,
        mut report: impl FnMut(Report) + Send,
    ) -> Result<Report, ArchiveError> {
        let began = self.clock.now();
        let elapsed =
            || Duration::try_from(self.clock.now().duration_since(began)).unwrap_or_default();
        let mut archive = std::pin::pin!(read_ahead(ArchiveReader::new(source)));
        let mut work = Work::new(self);
        loop {
            tokio::select! {
                biased;
                Some(appended) = work.appending.next() => {
                    work.go_on(appended);
                    report(Report { elapsed: elapsed(), ..work.total });
                }
                Some(read) = archive.next(), if work.has_room() => work.begin(read),
                else => break,
            }
        }
        let total = Report { elapsed: elapsed(), ..work.end()? };
        report(total);
        Ok(total)
    }

    /// Brings a commit into the store.
    async fn append(&self, archived: ArchivedCommit) -> Result<Done, ArchiveError> {
        let ArchivedCommit { commit, expected, line, .. } = archived;
        let reason = match self.append_patiently(&commit, expected).await {
            Ok(Appended { commit: stored, duplicate }) if stored == commit => {
                return Ok(Done { commit, duplicate });
            }
            Ok(_) => {
                "it has the same id and events, and another place, time or metadata".to_owned()
            }
            Err(error @ (Error::Conflict(_) | Error::CommitIdReused(_))) => error.to_string(),
            Err(source) => return Err(ArchiveError::Append { line, source }),
        };
        let (stream, version) = (commit.stream().clone(), commit.first_version());
        Err(ArchiveError::Occupied { line, stream, version, reason })
    }

    /// Appends again while that can help: the store recognises what it has taken without saying so.
    async fn append_patiently(&self, commit: &Commit, expected: Expected) -> Result<Appended> {
        let (metadata, events) = (commit.encoded_metadata().clone(), commit.events().clone());
        let new = NewCommit::new(commit.id(), commit.recorded_at(), metadata, events);
        let mut attempts = 1;
        loop {
            match self.store.append(commit.stream(), expected, new.clone()).await {
                Err(error) if attempts < self.max_attempts && can_pass(&error) => {
                    tracing::debug!(
                        cause = &error as &dyn std::error::Error,
                        attempts,
                        "tried again"
                    );
                    self.clock.sleep(self.backoff.delay(attempts, &*self.entropy)).await;
                    attempts += 1;
                }
                // What is there at the second attempt was written by the first.
                Ok(appended) if attempts > 1 => {
                    return Ok(Appended { duplicate: false, ..appended });
                }
                done => return done,
            }
        }
    }
}

/// Whether the same append can succeed later. A conflict cannot: streams do not shrink.
fn can_pass(error: &Error) -> bool {
    error.is_transient() && !matches!(error, Error::Conflict(_))
}

/// What an import has in hand.
struct Work<'a> {
    import: &'a Import,
    lanes: Lanes,
    /// One commit of each lane.
    appending: FuturesUnordered<BoxFuture<'a, Result<Done, ArchiveError>>>,
    total: Report,
    /// How the archive ended, once it has.
    end: Option<Result<(), ArchiveError>>,
    /// What the store did not take.
    refused: Option<ArchiveError>,
}

/// A commit that is in the store, and whether it was before.
struct Done {
    commit: Commit,
    duplicate: bool,
}

impl<'a> Work<'a> {
    fn new(import: &'a Import) -> Self {
        Self {
            import,
            lanes: Lanes::default(),
            appending: FuturesUnordered::new(),
            total: Report::default(),
            end: None,
            refused: None,
        }
    }

    /// Whether the next commit of the archive can be taken in hand.
    fn has_room(&self) -> bool {
        self.end.is_none()
            && self.refused.is_none()
            && self.lanes.len() < self.import.concurrency
            && !self.lanes.are_full()
    }

    fn begin(&mut self, read: Result<Read, ArchiveError>) {
        match read {
            Ok(Read { commit, bytes }) => {
                self.total.bytes = bytes;
                match commit {
                    Some(commit) => {
                        let turn = self.lanes.enter(commit);
                        self.append(turn);
                    }
                    None => self.end = Some(Ok(())),
                }
            }
            // What is whole before the damage is imported all the same.
            Err(error) => self.end = Some(Err(error)),
        }
    }

    fn go_on(&mut self, appended: Result<Done, ArchiveError>) {
        match appended {
            Ok(Done { commit, duplicate }) => {
                self.total.add(&commit);
                self.total.skipped += u64::from(duplicate);
                if self.refused.is_none() {
                    let turn = self.lanes.next(commit.stream());
                    self.append(turn);
                }
            }
            // What is on its way is waited for, and no more is begun.
            Err(error) => self.refused = Some(error),
        }
    }

    fn append(&mut self, turn: Option<ArchivedCommit>) {
        let import = self.import;
        self.appending.extend(turn.map(|commit| import.append(commit).boxed()));
    }

    fn end(self) -> Result<Report, ArchiveError> {
        match self.refused {
            Some(error) => Err(error),
            None => self.end.unwrap_or(Ok(())).map(|()| self.total),
        }
    }
}

/// What was read from an archive.
struct Read {
    /// The next commit; `None` at the archive's end.
    commit: Option<ArchivedCommit>,
    /// How many bytes were read so far.
    bytes: u64,
}

/// Reads one commit after the other. Unlike the reader's own, the next item of the stream may be given up
/// and asked for again.
fn read_ahead<R: AsyncRead + Unpin>(
    archive: ArchiveReader<R>,
) -> impl Stream<Item = Result<Read, ArchiveError>> {
    stream::try_unfold(archive, |mut archive| async move {
        let commit = archive.next().await?;
        let bytes = archive.report().bytes;
        Ok(Some((Read { commit, bytes }, archive)))
    })
}
