//! The steps, letters and adoptions that the rules are written with.

use crate::checkpoint_store::{Adoption, Advance, ConsumerId, Progress, Revision, StreamProgress};
use crate::commit::Commit;
use crate::dead_letter::{DeadLetter, DeadLetterChange, Dropped, Failure};
use crate::feed::{Checkpoint, PartitionId};
use crate::stream_id::StreamId;
use crate::testing::conformance::sample::{commit, hostile_ids, noon, stream};
use crate::version::Version;

pub(in crate::testing::conformance) fn consumer(name: &str) -> ConsumerId {
    ConsumerId::new(name).expect("the rules use valid consumers")
}

pub(in crate::testing::conformance) fn partition(name: &str) -> PartitionId {
    PartitionId::new(name).expect("the rules use valid partitions")
}

pub(in crate::testing::conformance) fn checkpoint(place: &str) -> Checkpoint {
    Checkpoint::from_stored(place)
}

/// Names that a store may confuse, short enough for consumers.
pub(super) fn hostile_names() -> Vec<String> {
    hostile_ids().into_iter().filter(|id| id.len() <= 100).collect()
}

/// A step of consumer `c` in partition `p` to `place`.
pub(in crate::testing::conformance) fn step(
    based_on: Revision,
    place: &str,
    streams: &[(&str, u64)],
) -> Progress {
    let reached = streams.iter().map(|&(id, version)| (stream(id), Version::new(version)));
    let advance = Advance { partition: partition("p"), based_on, checkpoint: checkpoint(place) };
    let progress = Progress::new(consumer("c"), Some(advance));
    Progress { streams: reached.collect(), ..progress }
}

/// The same step in another partition.
pub(in crate::testing::conformance) fn in_partition(of: &str, mut progress: Progress) -> Progress {
    if let Some(advance) = &mut progress.advance {
        advance.partition = partition(of);
    }
    progress
}

/// A step of consumer `c` beside the feed.
pub(in crate::testing::conformance) fn beside_the_feed(
    dead_letters: Vec<DeadLetterChange>,
) -> Progress {
    Progress { dead_letters, ..Progress::new(consumer("c"), None) }
}

/// The same step of another consumer.
pub(in crate::testing::conformance) fn by(name: &str, progress: Progress) -> Progress {
    Progress { consumer: consumer(name), ..progress }
}

/// What a stream without dead letters was seen at.
pub(in crate::testing::conformance) fn seen_at(
    id: &str,
    version: u64,
) -> (StreamId, StreamProgress) {
    seen_parked(id, version, 0)
}

/// What a stream was seen at that is parked through this version.
pub(in crate::testing::conformance) fn seen_parked(
    id: &str,
    version: u64,
    parked: u64,
) -> (StreamId, StreamProgress) {
    (stream(id), StreamProgress { version: version.into(), parked: parked.into() })
}

/// What `again` has goes to `live`, whatever that has.
pub(in crate::testing::conformance) fn adoption(based_on: &[(&str, u64)]) -> Adoption {
    let known = |&(of, revision)| (partition(of), Revision::from_stored(revision));
    Adoption {
        from: consumer("again"),
        to: consumer("live"),
        based_on: based_on.iter().map(known).collect(),
        backwards: true,
        replaces_dead_letters: true,
    }
}

/// A commit of `count` events.
pub(in crate::testing::conformance) fn commit_at(id: &str, first: u64, count: usize) -> Commit {
    commit(count).place(stream(id), Version::new(first))
}

/// A letter that waits behind another.
pub(in crate::testing::conformance) fn waiting(commit: Commit) -> DeadLetter {
    DeadLetter::new(commit, noon(), None)
}

/// A letter that failed itself.
pub(in crate::testing::conformance) fn failed(commit: Commit) -> DeadLetter {
    let failure = Failure {
        version: commit.last_version(),
        error: format!("{} cannot be handled", commit.id()),
        attempts: 3,
        last_attempt_at: noon(),
    };
    DeadLetter::new(commit, noon(), Some(failure))
}

pub(in crate::testing::conformance) fn parking(letter: &DeadLetter) -> DeadLetterChange {
    DeadLetterChange::Park(Box::new(letter.clone()))
}

pub(in crate::testing::conformance) fn removing(letter: &DeadLetter) -> DeadLetterChange {
    let (stream, version) = place(letter);
    DeadLetterChange::Remove { stream, version }
}

pub(in crate::testing::conformance) fn dropping(
    letter: &DeadLetter,
    reason: &str,
) -> DeadLetterChange {
    let (stream, version) = place(letter);
    DeadLetterChange::Drop { stream, version, dropped: given_up(reason) }
}

/// The record that [`dropping`] leaves.
pub(in crate::testing::conformance) fn record(letter: &DeadLetter, reason: &str) -> DeadLetter {
    DeadLetter { dropped: Some(given_up(reason)), ..letter.clone() }
}

fn given_up(reason: &str) -> Dropped {
    Dropped { reason: reason.to_owned(), at: noon() }
}

pub(super) fn place(letter: &DeadLetter) -> (StreamId, Version) {
    (letter.commit.stream().clone(), letter.commit.first_version())
}
