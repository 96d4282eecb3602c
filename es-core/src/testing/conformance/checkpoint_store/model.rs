//! Random steps against the simplest store that keeps the contract: a map of what it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    PARTITIONS, STREAMS, Store, assert_fenced_in, assert_letters, checkpoint, commit_at, consumer,
    dropping, failed, list, load, parking, partition, pause, removing, reset, state, waiting,
};
use crate::checkpoint_store::{
    Adopted, Adoption, Advance, CheckpointStore, ConsumerId, Progress, Revision, StreamProgress,
};
use crate::dead_letter::{
    DeadLetter, DeadLetterChange, DeadLetterCount, DeadLetterQuery, DeadLetterState,
};
use crate::error::Result;
use crate::feed::{Checkpoint, PartitionId};
use crate::stream_id::StreamId;
use crate::testing::conformance::sample::{Seed, stream};
use crate::version::Version;

const SEEDS: u64 = 3;
const STEPS: usize = 70;
const CONSUMERS: [&str; 3] = ["c", "d", "e"];

pub(super) async fn random_steps_are_as_in_a_model(store: Store) {
    let mut model = Model::default();
    for seed in 0..SEEDS {
        let seed = Seed::new(seed);
        let mut rng = seed.rng();
        for _ in 0..STEPS {
            let [from, to] = any_two(&mut rng);
            match rng.u8(..12) {
                0 => {
                    reset(&store, from).await;
                    model.reset(from);
                }
                1 => {
                    let paused = rng.bool();
                    pause(&store, from, paused).await;
                    model.pause(from, paused);
                }
                2..4 => {
                    let adoption = any_adoption(&store, from, to, &mut rng).await;
                    model.adopt(&adoption, &store.adopt(&adoption.asked).await);
                }
                _ => {
                    let step = model.any_step(&store, from, &mut rng).await;
                    model.save(&step, &store.save(step.progress.clone()).await);
                }
            }
            model.assert_same(&store, &mut rng).await;
        }
    }
}

fn any_two(rng: &mut fastrand::Rng) -> [&'static str; 2] {
    let mut names = CONSUMERS;
    rng.shuffle(&mut names);
    [names[0], names[1]]
}

/// What a store must know of all consumers.
#[derive(Default)]
pub(in crate::testing::conformance) struct Model {
    consumers: BTreeMap<ConsumerId, Known>,
}

#[derive(Default)]
struct Known {
    checkpoints: BTreeMap<PartitionId, Checkpoint>,
    versions: BTreeMap<StreamId, Version>,
    parked: BTreeMap<(StreamId, Version), DeadLetter>,
    dropped: BTreeMap<(StreamId, Version), DeadLetter>,
    paused: bool,
}

/// A step, and whether it must be fenced.
pub(in crate::testing::conformance) struct Step {
    pub(in crate::testing::conformance) progress: Progress,
    pub(in crate::testing::conformance) is_stale: bool,
}

/// An adoption, and whether it must be fenced.
pub(in crate::testing::conformance) struct AnyAdoption {
    pub(in crate::testing::conformance) asked: Adoption,
    is_stale: bool,
}

/// Asks for an adoption, mostly at the right revisions.
pub(in crate::testing::conformance) async fn any_adoption<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    from: &str,
    to: &str,
    rng: &mut fastrand::Rng,
) -> AnyAdoption {
    let (mut based_on, mut is_stale) = (Vec::new(), false);
    for of in PARTITIONS {
        if rng.bool() {
            continue;
        }
        let (revision, stale) = any_revision(store, from, of, rng).await;
        based_on.push((partition(of), revision));
        is_stale |= stale;
    }
    let (from, to) = (consumer(from), consumer(to));
    let (backwards, replaces_dead_letters) = (rng.bool(), rng.bool());
    let asked = Adoption { from, to, based_on, backwards, replaces_dead_letters };
    AnyAdoption { asked, is_stale }
}

/// The revision of a position or, at times, another, and whether it is another.
async fn any_revision<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    of: &str,
    rng: &mut fastrand::Rng,
) -> (Revision, bool) {
    let revision = load(store, by, of).await.revision;
    match rng.u8(..12) {
        0 => (Revision::from_stored(revision.get() + rng.u64(1..4)), true),
        1 if revision.get() > 0 => (Revision::from_stored(rng.u64(..revision.get())), true),
        _ => (revision, false),
    }
}

impl Model {
    fn known(&mut self, by: &ConsumerId) -> &mut Known {
        self.consumers.entry(by.clone()).or_default()
    }

    /// A step of the feed or beside it, mostly with the right revision and having seen what is there.
    pub(in crate::testing::conformance) async fn any_step<S: CheckpointStore + ?Sized>(
        &mut self,
        store: &Arc<S>,
        by: &str,
        rng: &mut fastrand::Rng,
    ) -> Step {
        let mut is_stale = false;
        let mut advance = None;
        if rng.u8(..3) > 0 {
            let of = PARTITIONS[rng.usize(..PARTITIONS.len())];
            let (based_on, stale) = any_revision(store, by, of, rng).await;
            let checkpoint = checkpoint(&rng.u32(..).to_string());
            advance = Some(Advance { partition: partition(of), based_on, checkpoint });
            is_stale = stale;
        }
        let mut progress = Progress::new(consumer(by), advance);
        let known = self.known(&progress.consumer);
        for id in STREAMS.map(stream) {
            let there = known.of(&id);
            if rng.bool() {
                let seen = any_view(there, rng);
                is_stale |= seen != there;
                progress.seen.push((id.clone(), seen));
            }
            if rng.bool() {
                progress.streams.push((id, Version::new(rng.u64(..12))));
            }
        }
        progress.dead_letters = (0..rng.usize(..6)).map(|_| any_change(rng)).collect();
        Step { progress, is_stale }
    }

    pub(in crate::testing::conformance) fn save(&mut self, step: &Step, outcome: &Result<()>) {
        let Step { progress, is_stale } = step;
        let by = &progress.consumer;
        let of = progress.advance.as_ref().map(|advance| advance.partition.as_str());
        if *is_stale {
            return assert_fenced_in(outcome, by.as_str(), of, &format!("{progress:?}"));
        }
        if let Err(error) = outcome {
            panic!("{progress:?} was refused: {error}");
        }
        let known = self.known(by);
        if let Some(Advance { partition, checkpoint, .. }) = progress.advance.clone() {
            known.checkpoints.insert(partition, checkpoint);
        }
        for (stream, version) in progress.streams.clone() {
            let reached = known.versions.entry(stream).or_default();
            *reached = version.max(*reached);
        }
        for change in &progress.dead_letters {
            known.change(change);
        }
    }

    pub(in crate::testing::conformance) fn reset(&mut self, by: &str) {
        let known = self.known(&consumer(by));
        known.checkpoints.clear();
        known.versions.clear();
        known.parked.clear();
    }

    fn pause(&mut self, by: &str, paused: bool) {
        self.known(&consumer(by)).paused = paused;
    }

    /// Whether the adoption was to be done, and was.
    pub(in crate::testing::conformance) fn adopt(
        &mut self,
        adoption: &AnyAdoption,
        outcome: &Result<Adopted>,
    ) -> bool {
        let AnyAdoption { asked, is_stale } = adoption;
        if *is_stale {
            assert_fenced_in(outcome, asked.from.as_str(), None, &format!("{asked:?}"));
            return false;
        }
        let count = self.known(&asked.to).count();
        let is_parked = count.letters > 0 && !asked.replaces_dead_letters;
        let behind = if asked.backwards { BTreeSet::new() } else { self.behind(asked) };
        match outcome {
            Ok(Adopted::Parked(found)) if is_parked => assert_eq!(*found, count),
            Ok(Adopted::Behind(found)) if behind.contains(found) => {}
            Ok(Adopted::Done) if !is_parked && behind.is_empty() => {
                self.hand_over(asked);
                return true;
            }
            outcome => panic!("{asked:?} with {count:?}, behind in {behind:?}: {outcome:?}"),
        }
        false
    }

    fn behind(&mut self, asked: &Adoption) -> BTreeSet<StreamId> {
        let versions = self.known(&asked.to).versions.clone();
        let given = self.known(&asked.from);
        let behind = |(stream, version): &(StreamId, Version)| given.of(stream).version < *version;
        versions.into_iter().filter(behind).map(|(stream, _)| stream).collect()
    }

    fn hand_over(&mut self, asked: &Adoption) {
        let mut given = std::mem::take(self.known(&asked.from));
        self.known(&asked.from).paused = given.paused;
        let taking = self.known(&asked.to);
        let mut dropped = std::mem::take(&mut taking.dropped);
        dropped.append(&mut given.dropped);
        *taking = Known { dropped, paused: taking.paused, ..given };
    }

    /// Panics unless the store knows the same of everybody.
    pub(in crate::testing::conformance) async fn assert_same<S: CheckpointStore + ?Sized>(
        &mut self,
        store: &Arc<S>,
        rng: &mut fastrand::Rng,
    ) {
        for name in CONSUMERS {
            let known = self.known(&consumer(name));
            let state = state(store, name).await;
            for (of, position) in PARTITIONS.into_iter().zip(&state.positions) {
                let expected = known.checkpoints.get(&partition(of)).cloned();
                let case = format!("{name} in {of}");
                assert_eq!(position.checkpoint, expected.unwrap_or_default(), "{case}");
            }
            let streams = STREAMS.map(|id| known.of(&stream(id)));
            assert_eq!(state.streams, streams, "the streams of {name}");
            let letters = |letters: &BTreeMap<_, DeadLetter>| -> Vec<DeadLetter> {
                letters.values().cloned().collect()
            };
            assert_letters(&state.parked, &letters(&known.parked), &format!("parked for {name}"));
            assert_letters(&state.dropped, &letters(&known.dropped), &format!("dropped by {name}"));
            assert_eq!(state.count, known.count(), "the letters of {name}");
            assert_eq!(state.paused, known.paused, "whether {name} is paused");
            let query = any_query(rng);
            let listed = list(store, name, &query).await;
            assert_letters(&listed, &known.list(&query), &format!("{query:?} of {name}"));
        }
    }
}

/// What is there or, at times, something else.
fn any_view(there: StreamProgress, rng: &mut fastrand::Rng) -> StreamProgress {
    let any = Version::new(rng.u64(..9));
    match rng.u8(..20) {
        0 => StreamProgress { version: any, ..there },
        1 => StreamProgress { parked: any, ..there },
        _ => there,
    }
}

fn any_change(rng: &mut fastrand::Rng) -> DeadLetterChange {
    let commit = commit_at(STREAMS[rng.usize(..3)], 1 + 3 * rng.u64(..4), rng.usize(1..=3));
    match rng.u8(..6) {
        0 => removing(&waiting(commit)),
        1 => dropping(&waiting(commit), &rng.u32(..).to_string()),
        2 => parking(&waiting(commit)),
        _ => parking(&failed(commit)),
    }
}

fn any_query(rng: &mut fastrand::Rng) -> DeadLetterQuery {
    let states = [DeadLetterState::Parked, DeadLetterState::First, DeadLetterState::Dropped];
    let query = DeadLetterQuery::default().state(states[rng.usize(..3)]).limit(rng.usize(..6));
    let any_stream = |rng: &mut fastrand::Rng| stream(STREAMS[rng.usize(..3)]);
    DeadLetterQuery {
        stream: rng.bool().then(|| any_stream(rng)),
        after: rng.bool().then(|| (any_stream(rng), Version::new(rng.u64(..12)))),
        ..query
    }
}

impl Known {
    fn of(&self, stream: &StreamId) -> StreamProgress {
        let version = self.versions.get(stream).copied().unwrap_or_default();
        let of_it = self.parked.values().filter(|letter| letter.commit.stream() == stream);
        let parked = of_it.map(|letter| letter.commit.last_version()).max().unwrap_or_default();
        StreamProgress { version, parked }
    }

    fn count(&self) -> DeadLetterCount {
        let streams: BTreeSet<&StreamId> = self.parked.keys().map(|(stream, _)| stream).collect();
        DeadLetterCount { streams: streams.len() as u64, letters: self.parked.len() as u64 }
    }

    fn change(&mut self, change: &DeadLetterChange) {
        match change.clone() {
            DeadLetterChange::Park(letter) => {
                self.parked.insert(super::place(&letter), *letter);
            }
            DeadLetterChange::Remove { stream, version } => {
                self.parked.remove(&(stream, version));
            }
            DeadLetterChange::Drop { stream, version, dropped } => {
                if let Some((place, letter)) = self.parked.remove_entry(&(stream, version)) {
                    let record = DeadLetter { dropped: Some(dropped), ..letter };
                    self.dropped.insert(place, record);
                }
            }
        }
    }

    fn list(&self, query: &DeadLetterQuery) -> Vec<DeadLetter> {
        let letters = match query.state {
            DeadLetterState::Dropped => &self.dropped,
            DeadLetterState::Parked | DeadLetterState::First => &self.parked,
        };
        let mut listed: Vec<&DeadLetter> = letters.values().collect();
        if query.state == DeadLetterState::First {
            listed.dedup_by_key(|letter| letter.commit.stream());
        }
        let asked = |letter: &&DeadLetter| {
            query.stream.as_ref().is_none_or(|only| only == letter.commit.stream())
                && query.after.as_ref().is_none_or(|after| super::place(letter) > *after)
        };
        listed.into_iter().filter(asked).take(query.limit).cloned().collect()
    }
}
