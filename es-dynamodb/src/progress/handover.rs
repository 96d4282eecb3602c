//! Steps that give consumers other books: resets and adoptions.

use std::collections::{BTreeMap, HashMap};

use es_core::{Adopted, Adoption, ConsumerId, Error, PartitionId, Result, StreamId, Version};
use futures::future::try_join_all;

use super::control::Control;
use super::garbage::Garbage;
use super::letter_changes::parked_of;
use super::letter_item::records_of;
use super::position::{SavedPosition, positions_of, saved};
use super::step::{MAX_ITEMS, Refusal, Step};
use super::stream_state::{StreamState, streams_of};
use super::write::Write;
use crate::item::{Item, key};
use crate::partition_query::PartitionQuery;
use crate::store::DynamoStore;

/// How many parts of books are compared at a time.
const CONCURRENCY: usize = 4;

/// The items of an adoption's step that are kept for more than progress: a swap of views.
const KEPT_FOR_VIEWS: usize = 10;

/// What an adoption comes to, as things are now.
#[derive(Debug)]
pub(crate) enum AdoptionStep {
    /// It is not to be done.
    Refused(Adopted),
    /// It is done by this step.
    Ready(Step),
}

impl DynamoStore {
    /// The step that [resets](es_core::CheckpointStore::reset) a consumer, as things are now. When it is
    /// done, the garbage is to be [swept](DynamoStore::sweep).
    pub(crate) async fn reset_step(&self, consumer: &ConsumerId) -> Result<Step> {
        let read = self.control(consumer).await?;
        let next = Control { book: self.new_book(consumer), epoch: read.epoch + 1, ..read.clone() };
        let state = &self.tables().state;
        let mut step = Step::new(format!("resetting {consumer}"), consumer);
        let (write, refusal) = next.replace(&read, state);
        step.add(write, refusal);
        step.add(Garbage::Book(read.book).list(state), Refusal::StartOver);
        Ok(step)
    }

    /// The step that does an [adoption](es_core::CheckpointStore::adopt), as things are now. When it is
    /// done, the garbage is to be [swept](DynamoStore::sweep).
    ///
    /// # Errors
    ///
    /// [`Error::Fenced`], [`Error::Misuse`], [`Error::Corrupt`], [`Error::Unavailable`],
    /// [`Error::Backend`].
    pub(crate) async fn adoption_step(&self, adoption: &Adoption) -> Result<AdoptionStep> {
        adoption.check()?;
        let Adoption { from, to, .. } = adoption;
        let what = format!("giving the progress of {from} to {to}");
        let (giving, taking) = futures::try_join!(self.control(from), self.control(to))?;
        let given = self.positions(&what, &giving).await?;
        let expected = expected_saves(adoption, &giving, &given)?;
        // Before anything is compared: a save that comes between is noticed by the step.
        let replaced = match adoption.backwards && adoption.replaces_dead_letters {
            true => HashMap::new(),
            false => with_those_not_begun(self.positions(&what, &taking).await?, &given),
        };
        if !adoption.replaces_dead_letters {
            let parked = self.count_parked(&taking).await?;
            if parked.letters > 0 {
                return Ok(AdoptionStep::Refused(Adopted::Parked(parked)));
            }
        }
        if !adoption.backwards
            && let Some(stream) = self.first_behind(&what, &giving, &taking).await?
        {
            return Ok(AdoptionStep::Refused(Adopted::Behind(stream)));
        }
        let mut step = Step::new(what, from);
        self.add_controls(&mut step, &giving, &taking).await?;
        self.seal(&mut step, &giving, given, expected);
        self.add_replaced(&mut step, &taking, &replaced);
        Ok(AdoptionStep::Ready(step))
    }

    /// Gives `taking` the book of `giving`, and that one a new one.
    async fn add_controls(
        &self,
        step: &mut Step,
        giving: &Control,
        taking: &Control,
    ) -> Result<()> {
        let state = &self.tables().state;
        let epoch = giving.epoch.max(taking.epoch) + 1;
        let mut taken = Control { book: giving.book.clone(), epoch, ..taking.clone() };
        let book = self.new_book(&giving.consumer);
        let mut left = Control { book, epoch, ..giving.clone() };
        if self.can_have_records(giving).await? {
            taken.record_books.append(&mut left.record_books);
            left.record_books.push(self.new_book(&giving.consumer));
        }
        for (next, read) in [(taken, taking), (left, giving)] {
            let (write, refusal) = next.replace(read, state);
            step.add(write, refusal);
        }
        step.add(Garbage::Book(taking.book.clone()).list(state), Refusal::StartOver);
        Ok(())
    }

    /// Whether there are records of dropped letters, or letters that may be dropped right now. Record
    /// books without any stay where they are: otherwise every rebuild would leave an empty one behind,
    /// to be looked into for ever.
    async fn can_have_records(&self, control: &Control) -> Result<bool> {
        let what = format!("looking for records of {}", control.consumer);
        let records = control.record_books.iter().map(|book| records_of(book));
        for partition in records.chain([parked_of(&control.book)]) {
            let query = PartitionQuery::new(&self.tables().state, partition).limit(1);
            if !self.query(&what, query).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Counts a save in the partitions that the adoption is based on: one that is in flight there does
    /// not fit any more.
    fn seal(
        &self,
        step: &mut Step,
        giving: &Control,
        mut given: HashMap<String, SavedPosition>,
        expected: BTreeMap<&str, (&PartitionId, u64)>,
    ) {
        for (name, (partition, saves)) in expected {
            let checkpoint = given.remove(name).unwrap_or_default().checkpoint;
            let sealed = SavedPosition { saves: saves + 1, checkpoint };
            let item = sealed.into_item(&giving.book, partition);
            let write = Write::put(&self.tables().state, item).when(saved(saves));
            step.add(write, Refusal::StartOver);
        }
    }

    /// Looks, as far as there is room, at where `taking` is: what it has saved since was not compared.
    /// Partitions that have ended are not saved any more.
    fn add_replaced(
        &self,
        step: &mut Step,
        taking: &Control,
        replaced: &HashMap<String, SavedPosition>,
    ) {
        let open = replaced.iter().filter(|(_, position)| !position.checkpoint.is_end());
        let room = MAX_ITEMS.saturating_sub(KEPT_FOR_VIEWS + step.len());
        for (partition, position) in open.take(room) {
            let key = key(positions_of(&taking.book), partition);
            let write = Write::check(&self.tables().state, key).when(saved(position.saves));
            step.add(write, Refusal::StartOver);
        }
    }

    /// All positions of a consumer, by the names of their partitions.
    async fn positions(
        &self,
        what: &str,
        control: &Control,
    ) -> Result<HashMap<String, SavedPosition>> {
        let query = PartitionQuery::new(&self.tables().state, positions_of(&control.book));
        let items = self.query(what, query).await?;
        items.into_iter().map(|item| SavedPosition::read(&control.consumer, item)).collect()
    }

    /// A stream in which `giving` is behind `taking`.
    async fn first_behind(
        &self,
        what: &str,
        giving: &Control,
        taking: &Control,
    ) -> Result<Option<StreamId>> {
        let pairs: Vec<_> = streams_of(&giving.book).zip(streams_of(&taking.book)).collect();
        for some in pairs.chunks(CONCURRENCY) {
            let some = some.iter().map(async |(given, replaced)| {
                let given = self.versions(what, &giving.consumer, given);
                let replaced = self.versions(what, &taking.consumer, replaced);
                let (given, replaced) = futures::try_join!(given, replaced)?;
                Ok::<_, Error>(any_behind(&given, replaced))
            });
            if let Some(stream) = try_join_all(some).await?.into_iter().flatten().next() {
                let stream = stream.parse().map_err(|error: Error| Error::Corrupt {
                    what: format!("the name of a stream that {} has seen", taking.consumer),
                    reason: error.to_string(),
                });
                return stream.map(Some);
            }
        }
        Ok(None)
    }

    /// The versions of the streams in one partition of a book.
    async fn versions(
        &self,
        what: &str,
        consumer: &ConsumerId,
        partition: &str,
    ) -> Result<HashMap<String, Version>> {
        let query = PartitionQuery::new(&self.tables().state, partition);
        let states = self.query(what, query).await?.into_iter();
        let version = |item: Item| {
            let (stream, state) = StreamState::read(consumer, item)?;
            Ok((stream, state.progress.version))
        };
        states.map(version).collect()
    }
}

/// The positions of the one that is replaced, and the partitions that it can begin any moment, as the other
/// is in the middle of them: there it would go on without having been compared.
fn with_those_not_begun(
    mut replaced: HashMap<String, SavedPosition>,
    given: &HashMap<String, SavedPosition>,
) -> HashMap<String, SavedPosition> {
    for (partition, _) in given.iter().filter(|(_, position)| !position.checkpoint.is_end()) {
        replaced.entry(partition.clone()).or_default();
    }
    replaced
}

/// How often the partitions that the adoption is based on were saved.
fn expected_saves<'a>(
    adoption: &'a Adoption,
    giving: &Control,
    given: &HashMap<String, SavedPosition>,
) -> Result<BTreeMap<&'a str, (&'a PartitionId, u64)>> {
    let mut expected = BTreeMap::new();
    for (partition, revision) in &adoption.based_on {
        let saves = given.get(partition.as_str()).map_or(0, |position| position.saves);
        if giving.revision(saves) != *revision {
            return Err(adoption.fenced());
        }
        expected.insert(partition.as_str(), (partition, saves));
    }
    Ok(expected)
}

/// A stream that is further in `replaced` than in `given`.
fn any_behind(
    given: &HashMap<String, Version>,
    replaced: HashMap<String, Version>,
) -> Option<String> {
    let mut replaced = replaced.into_iter();
    let behind = replaced
        .find(|(stream, version)| given.get(stream).copied().unwrap_or_default() < *version);
    behind.map(|(stream, _)| stream)
}
