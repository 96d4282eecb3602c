//! How far a consumer of a feed has come.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;

use crate::dead_letter::{DeadLetter, DeadLetterChange, DeadLetterCount, DeadLetterQuery};
use crate::error::{Error, Result};
use crate::feed::{Checkpoint, PartitionId};
use crate::stream_id::{StreamId, check_id};
use crate::version::Version;

/// Keeps the progress of consumers: one checkpoint per partition, and per stream the version up to
/// which its events have had their effect, with the [dead letters](DeadLetter) that wait behind it.
///
/// # What an implementation promises
///
/// [`save`](Self::save) is atomic and fenced: it succeeds only if nobody saved the consumer's
/// partition since the given [`Revision`], so of two workers that do the same work one fails, and an
/// older checkpoint written late changes nothing. It is fenced, too, by what the step saw of its
/// streams, for workers that meet the same stream in different partitions or outside of the feed. The
/// version of a stream never goes backwards.
///
/// A step beside the feed has no [`advance`](Progress::advance). It leaves all positions and their
/// revisions as they are, and nothing but what it [saw](Progress::seen) fences it.
///
/// Dead letters are part of the step: a commit is parked when the progress past it is saved, or
/// neither happens. They come back as they were given, and those of one consumer are never another's.
///
/// ```
/// use es_core::memory::MemoryStore;
/// use es_core::{
///     Advance, Checkpoint, CheckpointStore, ConsumerId, Error, PartitionId, Progress,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let (consumer, partition) = (ConsumerId::new("statements_v1")?, PartitionId::new("log")?);
///
/// // Two workers load the same position, and both have done the next step.
/// let based_on = CheckpointStore::load(&store, &consumer, &partition).await?.revision;
/// let checkpoint = Checkpoint::from_position(20);
/// let step = Progress::new(consumer, Some(Advance { partition, based_on, checkpoint }));
/// CheckpointStore::save(&store, step.clone()).await?;
/// let late = CheckpointStore::save(&store, step).await;
/// assert!(matches!(late, Err(Error::Fenced { .. })));
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait CheckpointStore: Debug + Send + Sync + 'static {
    /// Where the consumer is in the partition; the start, at revision 0, if it never saved.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position>;

    /// How far each stream is with the consumer, in the order of `streams`.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>>;

    /// Saves progress. The position in the partition has the [next](Revision::next) revision then.
    ///
    /// A store may take only so much in one step: see [`max_step_items`](Self::max_step_items).
    ///
    /// # Errors
    ///
    /// [`Error::Fenced`](crate::Error::Fenced) when another worker saved since the revision was
    /// loaded, or one of the streams is not as it was [seen](Progress::seen): nothing was written, no
    /// version and no dead letter. [`Error::StepTooLarge`](crate::Error::StepTooLarge).
    async fn save(&self, progress: Progress) -> Result<()>;

    /// The most items that one step may change: documents, versions of streams, dead letters, and the
    /// position. Consumers divide larger steps by stream beforehand, so that no work is done twice; a
    /// store says what it really refuses with [`Error::StepTooLarge`](crate::Error::StepTooLarge).
    ///
    /// The default is no limit.
    fn max_step_items(&self) -> usize {
        usize::MAX
    }

    /// Forgets all of the consumer's progress, so that it begins at the start, and with it the dead
    /// letters that are parked: their commits come again. Records of dropped ones stay, and so does
    /// whether it is [paused](Self::is_paused). A worker of the consumer that is at work meanwhile is
    /// fenced, in every partition: revisions do not begin again at 0.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn reset(&self, consumer: &ConsumerId) -> Result<()>;

    /// Gives the progress and the parked dead letters of [`Adoption::from`] to [`Adoption::to`], in
    /// one step; what that one had is forgotten, and then `from` begins at the start, without dead
    /// letters. Workers of both that are at work meanwhile are fenced, in every partition.
    ///
    /// Records of dropped letters stay: `to` has those of both then, and of two about the same commit
    /// the one that `from` had. Whether they are paused stays with each of them.
    ///
    /// # Errors
    ///
    /// [`Error::Fenced`](crate::Error::Fenced) when `from` is not at the given revisions any more,
    /// whatever else speaks against it, and [`Error::Misuse`](crate::Error::Misuse) when `from` is
    /// `to`: nothing was written.
    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted>;

    /// The consumer's dead letters that match, ordered by stream (byte order) and version.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable),
    /// [`Error::CorruptCommit`](crate::Error::CorruptCommit) for a letter whose commit is damaged, and
    /// [`Error::Corrupt`](crate::Error::Corrupt) for one of which the rest is.
    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>>;

    /// How many dead letters of the consumer are parked. Dropped ones do not count.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount>;

    /// Keeps for all workers of the consumer, here and elsewhere, whether they are to rest. Saying it
    /// again changes nothing, and it changes nothing else: a paused consumer can be saved.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()>;

    /// Whether the consumer is paused; `false` if nobody ever said so.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool>;
}

/// Where a consumer is in a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Everything up to here is done.
    pub checkpoint: Checkpoint,
    /// What the next save must present.
    pub revision: Revision,
}

/// Counts the saves of a position; it only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(u64);

impl Revision {
    /// The revision `n`. For stores.
    pub fn from_stored(n: u64) -> Self {
        Self(n)
    }

    /// The number. For stores.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The revision after the next save. For stores.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// How far a consumer is with one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamProgress {
    /// The events up to here have had their effect; [`Version::ZERO`] for a stream not seen before.
    pub version: Version,
    /// The last version that is parked behind it; [`Version::ZERO`] when nothing is.
    pub parked: Version,
}

impl StreamProgress {
    /// Whether commits of the stream are parked, so that later ones have to wait behind them.
    pub fn is_parked(&self) -> bool {
        self.parked > Version::ZERO
    }

    /// The last version that was taken care of, by its effect or as a dead letter.
    pub fn taken(&self) -> Version {
        self.version.max(self.parked)
    }
}

/// A step of a consumer: what a save claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Who.
    pub consumer: ConsumerId,
    /// How the step moves on in a partition of the feed; `None` for a step beside the feed, as that
    /// of an inline projection or of a dead letter which is tried again.
    pub advance: Option<Advance>,
    /// Other positions that the step is based on: nobody may have saved there since.
    pub based_on: Vec<(PartitionId, Revision)>,
    /// The streams that the step is based on, as they were. A stream that is not here is not looked
    /// at.
    pub seen: Vec<(StreamId, StreamProgress)>,
    /// The streams whose events had their effect in this step, with the version reached; each
    /// stream once.
    pub streams: Vec<(StreamId, Version)>,
    /// What happens to dead letters, in this order.
    pub dead_letters: Vec<DeadLetterChange>,
}

/// A move in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// The partition.
    pub partition: PartitionId,
    /// The revision that the move is based on.
    pub based_on: Revision,
    /// Where the consumer is after it.
    pub checkpoint: Checkpoint,
}

impl Progress {
    /// A step in which nothing has happened yet.
    pub fn new(consumer: ConsumerId, advance: Option<Advance>) -> Self {
        let (seen, streams, dead_letters) = (Vec::new(), Vec::new(), Vec::new());
        Self { consumer, advance, based_on: Vec::new(), seen, streams, dead_letters }
    }

    /// The step in several that change up to `max_items` items each, where it can be divided: by stream,
    /// and the last one moves on in the partition. For handlers whose effect is not in the store, so that
    /// nothing has to be in one step with it.
    pub fn divided(self, max_items: usize) -> Vec<Self> {
        if self.count_items() <= max_items {
            return vec![self];
        }
        let Self { consumer, advance, based_on, seen, streams, dead_letters } = self;
        let mut of_stream: BTreeMap<StreamId, Self> = BTreeMap::new();
        let nothing = || Self::new(consumer.clone(), None);
        for (stream, at) in seen {
            of_stream.entry(stream.clone()).or_insert_with(nothing).seen.push((stream, at));
        }
        for (stream, version) in streams {
            let part = of_stream.entry(stream.clone()).or_insert_with(nothing);
            part.streams.push((stream, version));
        }
        for change in dead_letters {
            let stream = change.stream().clone();
            of_stream.entry(stream).or_insert_with(nothing).dead_letters.push(change);
        }
        let mut parts = Vec::new();
        let empty = || Self { based_on: based_on.clone(), ..nothing() };
        let mut part = empty();
        for stream in of_stream.into_values() {
            // Room for the position is kept in each, because any may be the last.
            let count = 1 + part.count_items() + stream.count_items();
            if count > max_items && part.count_items() > based_on.len() {
                parts.push(std::mem::replace(&mut part, empty()));
            }
            part.seen.extend(stream.seen);
            part.streams.extend(stream.streams);
            part.dead_letters.extend(stream.dead_letters);
        }
        parts.push(Self { advance, ..part });
        parts
    }

    /// Saves the step in as many parts as the store needs. For handlers whose effect is not in the store; in
    /// one step with the progress a store may take less than such a handler does at once.
    ///
    /// # Errors
    ///
    /// As [`CheckpointStore::save`]. Some of the parts may have been saved.
    pub async fn save_divided(self, checkpoints: &dyn CheckpointStore) -> Result<()> {
        let mut parts = VecDeque::from(self.divided(checkpoints.max_step_items()));
        while let Some(part) = parts.pop_front() {
            match checkpoints.save(part.clone()).await {
                // Dead letters are as large as their commits. Whoever calls would divide the commits, and
                // have their effect repeated.
                Err(error @ Error::StepTooLarge { .. }) => {
                    let items = part.count_items();
                    let smaller = part.divided(items / 2);
                    if smaller.len() < 2 {
                        return Err(error);
                    }
                    smaller.into_iter().rev().for_each(|part| parts.push_front(part));
                }
                saved => saved?,
            }
        }
        Ok(())
    }

    /// How many items the step changes: positions, versions of streams and dead letters. For stores.
    pub fn count_items(&self) -> usize {
        let positions = usize::from(self.advance.is_some()) + self.based_on.len();
        positions + self.streams.len() + self.dead_letters.len()
    }

    /// The error of a step that is more than the store takes at once. For stores.
    pub fn too_large(&self, what: &'static str, actual: u64, limit: u64) -> Error {
        Error::StepTooLarge { consumer: self.consumer.to_string(), what, actual, limit }
    }

    /// The error of a save that lost. For stores.
    pub fn fenced(&self) -> Error {
        let partition = self.advance.as_ref().map(|advance| advance.partition.to_string());
        Error::Fenced { consumer: self.consumer.to_string(), partition }
    }
}

/// What was prepared under another name takes a consumer's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The consumer whose progress is handed over.
    pub from: ConsumerId,
    /// The consumer that gets it.
    pub to: ConsumerId,
    /// Where `from` is, as far as the caller knows. A partition that is not here is not looked at.
    pub based_on: Vec<(PartitionId, Revision)>,
    /// Whether `to` may fall behind by it: some stream at an earlier version than before.
    pub backwards: bool,
    /// Whether the dead letters that are parked for `to` may go, because `from` has handled or parked
    /// the same commits.
    pub replaces_dead_letters: bool,
}

impl Adoption {
    /// Checks that one consumer gives and another takes. For stores: the first line of every adoption.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`](crate::Error::Misuse) when they are the same.
    pub fn check(&self) -> Result<()> {
        if self.from == self.to {
            let message = format!("{} cannot take its own place", self.to);
            return Err(Error::Misuse(message));
        }
        Ok(())
    }

    /// The error of an adoption that lost. For stores.
    pub fn fenced(&self) -> Error {
        Error::Fenced { consumer: self.from.to_string(), partition: None }
    }
}

/// How an adoption came out. Where two things speak against it, one of them is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Adopted {
    /// It is done.
    Done,
    /// It would go backwards in this stream, and perhaps in others; nothing was written.
    Behind(StreamId),
    /// It would lose so many dead letters; nothing was written.
    Parked(DeadLetterCount),
}

const REBUILD: &str = "_rebuild";

/// The name of a projection or policy, as its progress is stored under.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerId(Arc<str>);

impl ConsumerId {
    /// A consumer's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](crate::Error::InvalidId) when it is empty, longer than 100 bytes, has
    /// control characters, or white space at an end, or when it ends with `_rebuild`: that is what a
    /// consumer is called while it is [rebuilt](crate::Consumer::rebuild) beside the live one.
    pub fn new(name: &str) -> Result<Self> {
        check_id("consumer", name, 100)?;
        if name.ends_with(REBUILD) {
            return Err(Error::invalid_id(
                "consumer",
                name,
                "names ending with _rebuild are reserved",
            ));
        }
        Ok(Self(name.into()))
    }

    /// The name that the consumer has while it is rebuilt beside the live one.
    #[must_use]
    pub fn rebuild(&self) -> Self {
        Self(format!("{}{REBUILD}", self.0).into())
    }

    /// Stands for the deadlines of a process manager among the leases, and tells them from the partitions
    /// of the feed that it follows.
    pub(crate) fn deadlines(&self) -> Self {
        Self(format!("{}_es:deadlines", self.0).into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConsumerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConsumerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsumerId({:?})", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(n: usize) -> StreamId {
        StreamId::new("a", &n.to_string()).expect("a valid id")
    }

    /// A step of these streams, each with a version, letters or both.
    fn step(streams: &[(bool, usize)]) -> Progress {
        let partition = PartitionId::new("p").expect("a valid name");
        let mark = PartitionId::new("mark").expect("a valid name");
        let advance = Advance {
            partition,
            based_on: Revision::default(),
            checkpoint: Checkpoint::from_position(7),
        };
        let consumer = ConsumerId::new("c").expect("a valid name");
        let mut step = Progress::new(consumer, Some(advance));
        step.based_on.push((mark, Revision::default()));
        for (n, &(moves, letters)) in streams.iter().enumerate() {
            step.seen.push((stream(n), StreamProgress::default()));
            if moves {
                step.streams.push((stream(n), Version::FIRST));
            }
            for version in 0..letters as u64 {
                let (stream, version) = (stream(n), Version::new(version));
                step.dead_letters.push(DeadLetterChange::Remove { stream, version });
            }
        }
        step
    }

    proptest! {
        #[test]
        fn a_divided_step_is_the_same_in_parts(
            streams in prop::collection::vec((any::<bool>(), 0_usize..3), 0..40),
            max_items in 5_usize..30,
        ) {
            let whole = step(&streams);
            let parts = whole.clone().divided(max_items);
            let (last, others) = parts.split_last().expect("at least one part");
            prop_assert_eq!(&last.advance, &whole.advance);
            prop_assert!(others.iter().all(|part| part.advance.is_none()));
            for part in &parts {
                prop_assert!(part.count_items() <= max_items, "{} items", part.count_items());
                prop_assert_eq!(&part.based_on, &whole.based_on);
                let seen: Vec<_> = part.seen.iter().map(|(stream, _)| stream).collect();
                prop_assert!(part.streams.iter().all(|(stream, _)| seen.contains(&stream)));
                prop_assert!(part.dead_letters.iter().all(|it| seen.contains(&it.stream())));
            }
            let mut again = parts.iter().flat_map(|part| part.seen.clone()).collect::<Vec<_>>();
            again.sort_by_key(|(stream, _)| stream.id().parse::<usize>().expect("a number"));
            prop_assert_eq!(again, whole.seen);
            let moved: usize = parts.iter().map(|part| part.streams.len()).sum();
            prop_assert_eq!(moved, whole.streams.len());
            let letters: usize = parts.iter().map(|part| part.dead_letters.len()).sum();
            prop_assert_eq!(letters, whole.dead_letters.len());
        }
    }
}
