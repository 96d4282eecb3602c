//! Random histories against the simplest store that keeps the contract: a list of commits.

use super::{Store, assert_same, assert_stream, conflict, read};
use crate::commit::{Commit, NewCommit};
use crate::error::Error;
use crate::event_store::{Direction, Expected, ReadStream};
use crate::stream_id::StreamId;
use crate::testing::conformance::sample::{Fact, Seed, commit, encode, stream};
use crate::version::Version;

const SEEDS: u64 = 4;
const STEPS: usize = 120;

pub(super) async fn a_random_history_is_as_in_a_model(store: Store) {
    for seed in 0..SEEDS {
        let seed = Seed::new(seed);
        let mut rng = seed.rng();
        let mut model = Model::new(stream(&format!("random-{seed}")));
        for _ in 0..STEPS {
            if rng.u8(..4) == 0 {
                model.read(&store, &mut rng).await;
            } else {
                model.append(&store, &mut rng).await;
            }
        }
        assert_stream(&store, &model.stream, &model.commits).await;
    }
}

/// What one stream must have.
struct Model {
    stream: StreamId,
    commits: Vec<Commit>,
    /// Everything that was ever sent, accepted or not.
    sent: Vec<NewCommit>,
}

impl Model {
    fn new(stream: StreamId) -> Self {
        Self { stream, commits: Vec::new(), sent: Vec::new() }
    }

    /// Appends something new or something sent before, at a right or a wrong place.
    async fn append(&mut self, store: &Store, rng: &mut fastrand::Rng) {
        let new = self.any_commit(rng);
        let expected = self.any_expectation(rng);
        let outcome = store.append(&self.stream, expected, new.clone()).await;
        let head = self.commits.last().map(Commit::head);
        if let Some(original) = self.commits.iter().find(|commit| commit.id() == new.id) {
            match outcome {
                Ok(answer) => {
                    assert!(answer.duplicate && answer.commit == *original, "{answer:?}");
                    assert_eq!(original.events(), &new.events, "other events were taken");
                }
                Err(Error::CommitIdReused(reused)) => {
                    assert_eq!(reused.original, *original);
                    assert_ne!(original.events(), &new.events, "a repetition was refused");
                }
                Err(error) => panic!("a used commit id met {error:?}"),
            }
        } else if expected == Expected::Any || expected == Expected::end(head) {
            let answer = outcome.unwrap_or_else(|error| panic!("{expected:?}: {error}"));
            let first = head.map_or(Version::FIRST, |head| head.version().next());
            assert!(!answer.duplicate, "a new commit was taken for a repeated one");
            assert_eq!(answer.commit, new.clone().place(self.stream.clone(), first));
            self.commits.push(answer.commit);
        } else {
            let conflict = conflict(outcome, &format!("{expected:?} when it ends at {head:?}"));
            assert_eq!(conflict.actual, head);
        }
        self.sent.push(new);
    }

    fn any_commit(&self, rng: &mut fastrand::Rng) -> NewCommit {
        let before = rng.choice(&self.sent).cloned();
        match (rng.u8(..10), before) {
            (0..2, Some(before)) => before,
            (2, Some(before)) => NewCommit { events: encode(&[Fact::noted("other")]), ..before },
            _ => commit(rng.usize(1..=5)),
        }
    }

    fn any_expectation(&self, rng: &mut fastrand::Rng) -> Expected {
        let end = Expected::end(self.commits.last().map(Commit::head));
        match rng.u8(..10) {
            0 => Expected::Any,
            1 => Expected::NoStream,
            2..4 => Expected::end(rng.choice(&self.commits).map(Commit::head)),
            _ => end,
        }
    }

    async fn read(&self, store: &Store, rng: &mut fastrand::Rng) {
        let end = self.commits.last().map_or(0, |commit| commit.last_version().get());
        let mut query = ReadStream::new(self.stream.clone()).page_size(rng.usize(1..20));
        if rng.bool() {
            query = query.from(Version::new(rng.u64(..end + 3)));
        }
        if rng.bool() {
            query = query.backwards();
        }
        let expected = self.expected(&query);
        assert_same(&read(store, query.clone()).await, &expected, &format!("{query:?}"));
    }

    fn expected(&self, query: &ReadStream) -> Vec<Commit> {
        let commits = self.commits.iter().cloned();
        match (query.direction, query.from) {
            (Direction::Forwards, from) => commits
                .filter(|commit| from.is_none_or(|from| commit.last_version() >= from))
                .collect(),
            (Direction::Backwards, from) => commits
                .rev()
                .filter(|commit| from.is_none_or(|from| commit.first_version() <= from))
                .collect(),
        }
    }
}
