//! Putting together the step that saves progress.

use std::collections::{BTreeMap, HashMap};

use es_core::{Error, Progress, Result, StreamId, StreamProgress, Version};
use futures::future::try_join_all;

use super::control::Control;
use super::letter_changes::ChangedLetters;
use super::letter_item::{letter_place, letter_places, letters_of, read_place};
use super::position::{SavedPosition, saved};
use super::step::{Refusal, Step};
use super::stream_state::{
    StreamState, at_version, before_version, change_letters, parked_through, reach, with_letters,
};
use super::touched_stream::TouchedStream;
use super::write::Write;
use crate::event_log::commit_item::EVENTS;
use crate::item::{Item, TakeAttribute, key};
use crate::partition_query::PartitionQuery;
use crate::store::DynamoStore;
use crate::tables::SORT_KEY;

/// How many streams' letters are read at a time.
const CONCURRENCY: usize = 8;

impl DynamoStore {
    /// The step that saves this progress, as things are now. It is to be put together again when it is
    /// refused with [`Refusal::StartOver`].
    ///
    /// A step costs one strongly consistent read of the control item, and one more for every stream
    /// that it moves on without having seen it, or whose letters it changes.
    ///
    /// # Errors
    ///
    /// [`Error::Fenced`] when what was read contradicts the progress already; [`Error::Corrupt`],
    /// [`Error::Unavailable`], [`Error::Backend`].
    pub(crate) async fn progress_step(&self, progress: &Progress) -> Result<Step> {
        let what = format!("saving the progress of {}", progress.consumer);
        let streams = TouchedStream::all(progress)?;
        let (control, states) = self.read_for(&what, progress, &streams).await?;
        let mut step = Step::new(&what, &progress.consumer);
        self.add_positions(&mut step, &control, progress)?;
        let mut changed = Vec::new();
        for touched in streams {
            let state = states.get(touched.stream.as_str()).copied().unwrap_or_default();
            if touched.changes.is_empty() {
                self.add_stream(&mut step, &control, &touched, state);
            } else if touched.seen.is_some_and(|seen| seen != state.progress) {
                return Err(progress.fenced());
            } else {
                changed.push((touched, state));
            }
        }
        self.add_letters(&what, &mut step, &control, &changed).await?;
        Ok(step)
    }

    /// The control item, and those streams that must be read, by name.
    async fn read_for(
        &self,
        what: &str,
        progress: &Progress,
        streams: &[TouchedStream<'_>],
    ) -> Result<(Control, HashMap<String, StreamState>)> {
        let read: Vec<&StreamId> = streams
            .iter()
            .filter(|touched| touched.must_be_read())
            .map(|touched| touched.stream)
            .collect();
        if read.is_empty() {
            return Ok((self.control(&progress.consumer).await?, HashMap::new()));
        }
        let keys = |book: &str| read.iter().map(|stream| StreamState::key(book, stream)).collect();
        let (control, items) = self.control_and_items(what, &progress.consumer, keys).await?;
        let states = StreamState::read_all(&progress.consumer, items)?;
        Ok((control, states))
    }

    fn add_positions(&self, step: &mut Step, control: &Control, progress: &Progress) -> Result<()> {
        let table = &self.tables().state;
        let advance = progress.advance.as_ref();
        let moved = advance.map(|advance| (&advance.partition, advance.based_on));
        let based_on = progress.based_on.iter().map(|(partition, revision)| (partition, *revision));
        let mut expected = BTreeMap::new();
        for (partition, revision) in based_on.chain(moved) {
            let saves = control.saves(revision).ok_or_else(|| progress.fenced())?;
            let known = expected.insert(partition.as_str(), (partition, saves));
            if known.is_some_and(|(_, known)| known != saves) {
                return Err(progress.fenced());
            }
        }
        for (partition, saves) in expected.into_values() {
            let write = match advance.filter(|advance| advance.partition == *partition) {
                Some(advance) => {
                    let checkpoint = advance.checkpoint.clone();
                    let moved = SavedPosition { saves: saves + 1, checkpoint };
                    Write::put(table, moved.into_item(&control.book, partition))
                }
                None => Write::check(table, SavedPosition::key(&control.book, partition)),
            };
            step.add(write.when(saved(saves)), Refusal::Fenced);
        }
        Ok(())
    }

    /// Adds a stream whose letters stay as they are. `read` is its state, unless it was seen.
    fn add_stream(
        &self,
        step: &mut Step,
        control: &Control,
        touched: &TouchedStream<'_>,
        read: StreamState,
    ) {
        let known = touched.seen.unwrap_or(read.progress);
        let moved = touched.moved_from(known.version);
        let write = self.stream_write(control, touched.stream, moved);
        match (touched.seen, moved) {
            (Some(StreamProgress { version, parked }), _) => {
                let write = write.when(at_version(version)).when(parked_through(parked));
                step.add(write, Refusal::Fenced);
            }
            (None, Some(version)) => {
                step.add(write.when(before_version(version)), Refusal::StartOver);
            }
            // It is there already, and versions never go backwards.
            (None, None) => {}
        }
    }

    fn stream_write(&self, control: &Control, stream: &StreamId, moved: Option<Version>) -> Write {
        let write = Write::update(&self.tables().state, StreamState::key(&control.book, stream));
        match moved {
            Some(version) => reach(write, version),
            None => write,
        }
    }

    /// Adds streams whose letters are changed, each as it was read.
    async fn add_letters(
        &self,
        what: &str,
        step: &mut Step,
        control: &Control,
        streams: &[(TouchedStream<'_>, StreamState)],
    ) -> Result<()> {
        let mut changed = Vec::with_capacity(streams.len());
        for some in streams.chunks(CONCURRENCY) {
            let some = some.iter().map(|(touched, state)| {
                self.changed_letters(what, control, touched, state.progress.is_parked())
            });
            changed.extend(try_join_all(some).await?);
        }
        let mut dropped = self.dropped_letters(what, control, streams, &changed).await?;
        for ((touched, state), letters) in streams.iter().zip(&changed) {
            let moved = touched.moved_from(state.progress.version);
            let mut write = self.stream_write(control, touched.stream, moved);
            if letters.is_changed() {
                write = change_letters(write, letters.parked_through(), state.letters + 1);
            }
            let write =
                write.when(at_version(state.progress.version)).when(with_letters(state.letters));
            step.add(write, Refusal::StartOver);
            let table = &self.tables().state;
            let (writes, pieces) = letters.writes(table, control, touched.stream, &mut dropped);
            for write in writes {
                // The stream's own item stands for its letters.
                step.add(write, Refusal::StartOver);
            }
            self.write_pieces(touched.stream, pieces).await?;
        }
        Ok(())
    }

    /// The letters of a stream, changed.
    async fn changed_letters<'a>(
        &self,
        what: &str,
        control: &Control,
        touched: &TouchedStream<'a>,
        is_parked: bool,
    ) -> Result<ChangedLetters<'a>> {
        let stored = match is_parked {
            true => self.parked_versions(what, control, touched.stream).await?,
            false => BTreeMap::new(),
        };
        let mut letters = ChangedLetters::of(stored);
        for change in &touched.changes {
            letters.make(change);
        }
        Ok(letters)
    }

    /// The letters of a stream: the first version of each, with its last.
    async fn parked_versions(
        &self,
        what: &str,
        control: &Control,
        stream: &StreamId,
    ) -> Result<BTreeMap<Version, Version>> {
        let [from, to] = letter_places(stream);
        let query = PartitionQuery::new(&self.tables().state, letters_of(&control.book))
            .from(from)
            .to(to)
            .attributes(&[SORT_KEY, EVENTS]);
        let mut letters = BTreeMap::new();
        for mut item in self.query(what, query).await? {
            let (_, first) = read_place(&item.take_text(SORT_KEY).unwrap_or_default())?;
            let count: u64 = item.take_number(EVENTS).map_err(|reason| Error::CorruptCommit {
                stream: stream.clone(),
                version: first,
                reason,
            })?;
            letters.insert(first, first.plus(count.saturating_sub(1)));
        }
        Ok(letters)
    }

    /// The letters that become records, by their places.
    async fn dropped_letters(
        &self,
        what: &str,
        control: &Control,
        streams: &[(TouchedStream<'_>, StreamState)],
        changed: &[ChangedLetters<'_>],
    ) -> Result<HashMap<String, Item>> {
        let mut keys = Vec::new();
        for ((touched, _), letters) in streams.iter().zip(changed) {
            let places = letters.dropped_as_stored();
            let places = places.map(|version| letter_place(touched.stream, version));
            keys.extend(places.map(|place| key(letters_of(&control.book), place)));
        }
        let items = self.get_items(what, &self.tables().state, keys).await?;
        let place = |item: &Item| item.get(SORT_KEY).and_then(|sort| sort.as_s().ok()).cloned();
        Ok(items.into_iter().filter_map(|item| Some((place(&item)?, item))).collect())
    }
}
