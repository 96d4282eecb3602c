//! The steps and letters that the tests are written with.

use bytestring::ByteString;
use es_core::{
    Adoption, Advance, Checkpoint, Commit, CommitId, ConsumerId, DeadLetter, DeadLetterChange,
    Dropped, EncodedEvents, EncodedMetadata, Failure, NewCommit, PartitionId, Progress, Revision,
    StreamId, StreamProgress, SystemEntropy, Timestamp, Version,
};

pub(crate) fn consumer(name: &str) -> ConsumerId {
    ConsumerId::new(name).unwrap()
}

pub(crate) fn partition(name: &str) -> PartitionId {
    PartitionId::new(name).unwrap()
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new("test", id).unwrap()
}

/// A step of consumer `c` to `place` in partition `p`.
pub(crate) fn step(based_on: Revision, place: &str) -> Progress {
    let checkpoint = Checkpoint::from_stored(place);
    let advance = Advance { partition: partition("p"), based_on, checkpoint };
    Progress::new(consumer("c"), Some(advance))
}

/// A step of consumer `c` beside the feed.
pub(crate) fn beside() -> Progress {
    Progress::new(consumer("c"), None)
}

/// That each stream has reached a version.
pub(crate) fn reached(streams: &[(&str, u64)]) -> Vec<(StreamId, Version)> {
    streams.iter().map(|&(id, version)| (stream(id), version.into())).collect()
}

/// That a stream was seen at a version, with nothing parked.
pub(crate) fn seen(id: &str, version: u64) -> (StreamId, StreamProgress) {
    (stream(id), StreamProgress { version: version.into(), parked: Version::ZERO })
}

/// A letter about a commit of one event, with a payload of so many bytes.
pub(crate) fn letter_of(id: &str, version: u64, bytes: usize) -> DeadLetter {
    let payload = format!("{{\"text\":\"{}\"}}", "x".repeat(bytes));
    let manifest = ByteString::from(format!("Test:Noted 1 {}", payload.len()));
    let events = EncodedEvents::from_stored_json(manifest, payload.into()).unwrap();
    let at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let id_of_commit = CommitId::generate(at, &SystemEntropy);
    let commit = NewCommit::new(id_of_commit, at, EncodedMetadata::default(), events);
    let commit: Commit = commit.place(stream(id), Version::new(version));
    let error = "no such article".to_owned();
    let version = commit.last_version();
    let failure = Failure { version, error, attempts: 3, last_attempt_at: at };
    DeadLetter::new(commit, at, Some(failure))
}

pub(crate) fn letter(id: &str, version: u64) -> DeadLetter {
    letter_of(id, version, 20)
}

pub(crate) fn parking(letter: &DeadLetter) -> DeadLetterChange {
    DeadLetterChange::Park(Box::new(letter.clone()))
}

pub(crate) fn removing(letter: &DeadLetter) -> DeadLetterChange {
    let stream = letter.commit.stream().clone();
    DeadLetterChange::Remove { stream, version: letter.commit.first_version() }
}

pub(crate) fn dropping(letter: &DeadLetter, reason: &str) -> DeadLetterChange {
    let (stream, version) = (letter.commit.stream().clone(), letter.commit.first_version());
    let dropped = Dropped { reason: reason.to_owned(), at: letter.parked_at };
    DeadLetterChange::Drop { stream, version, dropped }
}

/// What `again` has goes to `c`, if it does not go backwards or lose letters.
pub(crate) fn adoption() -> Adoption {
    Adoption {
        from: consumer("again"),
        to: consumer("c"),
        based_on: Vec::new(),
        backwards: false,
        replaces_dead_letters: false,
    }
}
