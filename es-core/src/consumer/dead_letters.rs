//! Looking at dead letters, trying them again, giving them up.

use std::fmt;

use crate::checkpoint_store::{ConsumerId, Progress, StreamProgress};
use crate::clock::whole_microseconds;
use crate::commit::Commit;
use crate::dead_letter::{DeadLetter, DeadLetterChange, DeadLetterQuery, DeadLetterState, Dropped};
use crate::error::{Error, Result};
use crate::stream_id::StreamId;
use crate::version::Version;

use super::handler::{Failed, Handled, Handler};
use super::{Consumer, failure};

/// Which streams' dead letters to try again: those that match in all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeadLetterFilter {
    /// Only this stream.
    pub stream: Option<StreamId>,
    /// Only streams of this category.
    pub category: Option<String>,
    /// Only streams whose first letter has an event of this stored name.
    pub event: Option<String>,
    /// Only streams whose failure contains this text.
    pub error_contains: Option<String>,
}

impl DeadLetterFilter {
    /// All streams.
    pub fn all() -> Self {
        Self::default()
    }

    /// One stream.
    pub fn stream(stream: StreamId) -> Self {
        Self { stream: Some(stream), ..Self::default() }
    }

    /// Whether the stream of which `first` is the first letter is meant.
    pub fn matches(&self, first: &DeadLetter) -> bool {
        let stream = first.commit.stream();
        self.stream.as_ref().is_none_or(|only| only == stream)
            && self.category.as_deref().is_none_or(|only| only == stream.category())
            && self.event.as_deref().is_none_or(|name| has_event(&first.commit, name))
            && self.error_contains.as_deref().is_none_or(|text| {
                first.failure.as_ref().is_some_and(|failure| failure.error.contains(text))
            })
    }
}

fn has_event(commit: &Commit, name: &str) -> bool {
    commit.events().open().is_ok_and(|events| events.iter().any(|event| event.name == name))
}

/// What trying again came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retried {
    /// The commits that had their effect.
    pub handled: u64,
    /// The streams that are free again.
    pub freed: Vec<StreamId>,
    /// The streams that failed again, each with the error; they stay parked.
    pub failed: Vec<(StreamId, String)>,
}

/// How many letters are looked at, or tried, together.
const PAGE: usize = 100;

impl<H: Handler> Consumer<H> {
    /// The consumer's dead letters.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>> {
        self.handler.checkpoints().dead_letters(&self.id, query).await
    }

    /// Tries the dead letters of the streams that match again: each stream's in their order, up to
    /// the first that fails again. Events are decoded anew, with the upcasters that the program has
    /// now. Workers stay at work meanwhile, and what they park behind is tried as well.
    ///
    /// # Errors
    ///
    /// Those of the store. That a letter fails again is none: see [`Retried::failed`].
    pub async fn retry_dead_letters(&self, filter: &DeadLetterFilter) -> Result<Retried> {
        self.handler.prepare().await?;
        let mut retried = Retried::default();
        let mut query = DeadLetterQuery::default().state(DeadLetterState::First).limit(PAGE);
        query.stream.clone_from(&filter.stream);
        loop {
            let page = self.dead_letters(&query).await?;
            let Some(last) = page.last() else { return Ok(retried) };
            query = query.after(last);
            for first in page.iter().filter(|first| filter.matches(first)) {
                self.retry_stream(first.commit.stream(), &mut retried).await?;
            }
        }
    }

    async fn retry_stream(&self, stream: &StreamId, retried: &mut Retried) -> Result<()> {
        let mut at_most = PAGE;
        let mut refused = None;
        loop {
            let was_refused = refused.is_some();
            match self.retry_page(stream, at_most, refused.take()).await {
                // Somebody parked behind, or tries the same: look again.
                Err(Error::Fenced { .. }) => {}
                Err(Error::StepTooLarge { .. }) if at_most > 1 => at_most /= 2,
                Err(error @ Error::StepTooLarge { .. }) if !was_refused => refused = Some(error),
                Err(error) => return Err(error),
                Ok(page) => {
                    retried.handled += page.handled;
                    if let Some(error) = page.failed {
                        retried.failed.push((stream.clone(), error));
                        return Ok(());
                    }
                    if page.last {
                        retried.freed.push(stream.clone());
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Tries the first letters of a stream again, in one step. If it is known already that the store has
    /// no room for what the first of them does, that is how it fails.
    async fn retry_page(
        &self,
        stream: &StreamId,
        at_most: usize,
        refused: Option<Error>,
    ) -> Result<RetriedPage> {
        let Some((seen, mut letters)) = self.parked(stream).await? else {
            return Ok(RetriedPage { last: true, ..RetriedPage::default() });
        };
        letters.truncate(at_most);
        let commits: Vec<Commit> = letters.iter().map(|letter| letter.commit.clone()).collect();
        let handled = match refused {
            Some(error) => {
                let failed = vec![Failed { at: 0, error }];
                Handled { effect: H::Effect::default(), failed }
            }
            None => {
                let batch = self.batch(&commits, 1);
                self.handler.handle(&batch).await?
            }
        };
        let failed = handled.failed.into_iter().min_by_key(|failed| failed.at);
        let good = failed.as_ref().map_or(commits.len(), |failed| failed.at);

        let mut progress = Progress::new(self.id.clone(), None);
        progress.seen.push((stream.clone(), seen));
        for commit in &commits[..good] {
            progress.streams = vec![(stream.clone(), commit.last_version())];
            let (stream, version) = (stream.clone(), commit.first_version());
            progress.dead_letters.push(DeadLetterChange::Remove { stream, version });
        }
        let mut text = None;
        let again = failed.zip(letters.into_iter().nth(good));
        if let Some((_, letter)) = &again
            && self.in_place_of.is_some()
            && self.was_dropped(&letter.commit).await?
        {
            // The live one's operator has given it up.
            progress.streams = vec![(stream.clone(), letter.commit.last_version())];
            let (stream, version) = (stream.clone(), letter.commit.first_version());
            progress.dead_letters.push(DeadLetterChange::Remove { stream, version });
        } else if let Some((failed, letter)) = again {
            let attempts = letter.failure.as_ref().map_or(0, |failure| failure.attempts) + 1;
            let failure = failure::of(&letter.commit, &failed.error, attempts, self.clock.now());
            text = Some(failure.error.clone());
            let letter = DeadLetter { failure: Some(failure), ..letter };
            progress.dead_letters.push(DeadLetterChange::Park(Box::new(letter)));
        }
        let last = commits.last().is_some_and(|commit| commit.last_version() >= seen.parked);
        progress.based_on.clone_from(&self.based_on);
        self.handler.save(handled.effect, progress).await?;
        self.stepped.notify_waiters();
        Ok(RetriedPage { handled: good as u64, failed: text, last })
    }

    /// Gives up a dead letter, the first of its stream, which the others wait for: the commit that begins
    /// at `version` never has its effect on this consumer. The letter is kept as a record, with
    /// `reason`. Those behind it wait until they are [tried again](Self::retry_dead_letters).
    ///
    /// Returns the record, also when the letter was dropped before; `None` if there is no such letter.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for a letter that waits behind another, and for a reason that is empty or
    /// longer than 1,000 bytes; those of the store.
    pub async fn drop_dead_letter(
        &self,
        stream: &StreamId,
        version: Version,
        reason: &str,
    ) -> Result<Option<DeadLetter>> {
        const MAX_REASON: usize = 1_000;
        if reason.trim().is_empty() || reason.len() > MAX_REASON {
            let message = "the reason for dropping a dead letter has 1 to 1,000 bytes";
            return Err(Error::Misuse(message.to_owned()));
        }
        self.handler.prepare().await?;
        loop {
            let first = self.parked(stream).await?.and_then(|(seen, letters)| {
                letters.into_iter().next().map(|letter| (seen, letter))
            });
            let (seen, letter) = match first {
                Some((seen, letter)) if letter.commit.first_version() == version => (seen, letter),
                Some((_, first)) if first.commit.first_version() < version => {
                    return Err(Error::Misuse(format!(
                        "{stream} at version {version} waits behind version {}: only the first dead \
                         letter of a stream can be dropped",
                        first.commit.first_version()
                    )));
                }
                _ => return self.dropped(&self.id, stream, version).await,
            };
            let at = whole_microseconds(self.clock.now());
            let dropped = Dropped { reason: reason.to_owned(), at };
            let mut progress = Progress::new(self.id.clone(), None);
            progress.seen.push((stream.clone(), seen));
            progress.streams.push((stream.clone(), letter.commit.last_version()));
            progress.dead_letters.push(DeadLetterChange::Drop {
                stream: stream.clone(),
                version,
                dropped: dropped.clone(),
            });
            match self.handler.save(H::Effect::default(), progress).await {
                // Somebody parked behind, or has tried or dropped the same: look again.
                Err(Error::Fenced { .. }) => {}
                saved => {
                    return saved.map(|()| Some(DeadLetter { dropped: Some(dropped), ..letter }));
                }
            }
        }
    }

    /// The record of a letter that was dropped.
    pub(super) async fn dropped(
        &self,
        consumer: &ConsumerId,
        stream: &StreamId,
        version: Version,
    ) -> Result<Option<DeadLetter>> {
        let before = Version::new(version.get().saturating_sub(1));
        let query = DeadLetterQuery {
            stream: Some(stream.clone()),
            state: DeadLetterState::Dropped,
            after: Some((stream.clone(), before)),
            limit: 1,
        };
        let found = self.handler.checkpoints().dead_letters(consumer, &query).await?;
        Ok(found.into_iter().find(|letter| letter.commit.first_version() == version))
    }

    /// The first letters of a parked stream, and what they are based on.
    async fn parked(&self, stream: &StreamId) -> Result<Option<(StreamProgress, Vec<DeadLetter>)>> {
        let query = DeadLetterQuery::default().stream(stream.clone()).limit(PAGE);
        let mut seen = self.stream_progress_of(stream).await?;
        loop {
            let letters = self.dead_letters(&query).await?;
            // What was changed between the two looks is noticed by the third, or by the fence.
            match check_contiguous(stream, seen, &letters) {
                Ok(()) if letters.is_empty() => return Ok(None),
                Ok(()) => return Ok(Some((seen, letters))),
                Err(error) => {
                    let now = self.stream_progress_of(stream).await?;
                    if now == seen {
                        return Err(error);
                    }
                    seen = now;
                }
            }
        }
    }
}

/// Whether the letters are those that come next in the stream.
fn check_contiguous(stream: &StreamId, seen: StreamProgress, letters: &[DeadLetter]) -> Result<()> {
    let mut expected = seen.version.next();
    for letter in letters {
        let found = letter.commit.first_version();
        if found != expected {
            return Err(Error::Gap { stream: stream.clone(), expected, found });
        }
        expected = letter.commit.last_version().next();
    }
    Ok(())
}

#[derive(Debug, Default)]
struct RetriedPage {
    handled: u64,
    failed: Option<String>,
    last: bool,
}

impl fmt::Display for DeadLetterFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(stream) = &self.stream {
            parts.push(format!("stream {stream}"));
        }
        if let Some(category) = &self.category {
            parts.push(format!("category {category}"));
        }
        if let Some(event) = &self.event {
            parts.push(format!("event {event}"));
        }
        if let Some(text) = &self.error_contains {
            parts.push(format!("error {text:?}"));
        }
        f.write_str(&if parts.is_empty() { "all".to_owned() } else { parts.join(", ") })
    }
}
