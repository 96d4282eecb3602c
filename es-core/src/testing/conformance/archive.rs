//! The rules of [archives](crate::archive): a log comes out of a store and gets into one as it was.
//!
//! They need a log and a feed that keep their contracts, and a feed that is not behind its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt as _;

use super::feed::LogAndFeed;
use super::sample::{
    Fact, commit, commit_of, commit_of_bytes, encode, encode_all_ways, hostile_ids, stored, stream,
};
use crate::archive::{ArchiveError, Export, Import, Report, verify};
use crate::clock::Timestamp;
use crate::codec::{Codec, Compression, Encoding};
use crate::commit::{Commit, NewCommit};
use crate::event_store::{EventStore, Expected, ReadStream};
use crate::memory::MemoryStore;
use crate::metadata::EncodedMetadata;
use crate::stream_id::StreamId;

suite! { ($)
    archive for LogAndFeed, tested by archive_conformance;
    self: [
        a_log_comes_out_as_it_is,
        a_log_gets_in_as_it_was,
        a_log_that_got_in_comes_out_again,
        an_import_that_was_cut_off_goes_on,
        what_is_there_already_is_not_written_again,
        another_commit_in_the_place_is_left_as_it_is,
    ],
}

/// All commits, by their streams.
type Streams = BTreeMap<StreamId, Vec<Commit>>;

/// Commits of every kind that the rules of the log have.
fn commits() -> Vec<(StreamId, NewCommit)> {
    let mut commits: Vec<_> = hostile_ids().iter().map(|id| (stream(id), commit(1))).collect();
    let texts = ["", "\n", "\r\n\"\\", "ü\u{2028}🦀"].map(Fact::noted);
    let facts = [&texts[..], &[Fact::Nothing]].concat();
    for events in encode_all_ways(&facts) {
        commits.push((stream("encodings"), commit_of(events)));
    }
    let postcard = Encoding { codec: Codec::Postcard, compression: Compression::None };
    let every_byte: Vec<u8> = (0..=255).collect();
    for events in [
        stored(postcard, "Any:Bytes 7 256", &every_byte),
        stored(postcard, "No:Bytes 1 0", b""),
        stored(Encoding::default(), "No:Json 1 5", b"{\n\n\n}"),
        stored(Encoding::default(), "\"ü\\ 4294967295 02", b"{}"),
    ] {
        commits.push((stream("payloads"), commit_of(events)));
    }
    for metadata in ["", "{}", "{ \"actor\" : \"\u{fc}\" }", "null", "no JSON"] {
        let commit = NewCommit {
            metadata: EncodedMetadata::from_stored(metadata.into()),
            ..commit_of(encode(&facts))
        };
        commits.push((stream("metadata"), commit));
    }
    let odd = Timestamp::from_microsecond(-1).unwrap_or(Timestamp::UNIX_EPOCH);
    for time in [odd, Timestamp::UNIX_EPOCH, Timestamp::MIN, Timestamp::MAX] {
        let commit = commit(1);
        let commit = NewCommit::new(commit.id, time, commit.metadata, commit.events);
        commits.push((stream("times"), commit));
    }
    commits.push((stream("large"), commit_of_bytes(64 * 1024)));
    for n in 0..60 {
        commits.push((stream(&format!("in turns {}", n % 3)), commit(1 + n % 4)));
    }
    commits
}

/// Appends [`commits`] to a log.
async fn fill(log: &Arc<dyn EventStore>) -> Streams {
    let mut streams = Streams::new();
    for (stream, commit) in commits() {
        let appended = log.append(&stream, Expected::Any, commit).await;
        let appended = appended.unwrap_or_else(|error| panic!("an append was refused: {error}"));
        streams.entry(stream).or_default().push(appended.commit);
    }
    streams
}

/// A log in memory with [`commits`], and its archive.
async fn archived() -> (Streams, Vec<u8>) {
    let store = Arc::new(MemoryStore::new());
    let log: Arc<dyn EventStore> = store.clone();
    let streams = fill(&log).await;
    let (file, _) = export(&LogAndFeed { log, feed: store }).await;
    (streams, file)
}

async fn export(LogAndFeed { log, feed }: &LogAndFeed) -> (Vec<u8>, Report) {
    let mut file = Vec::new();
    let export = Export::new(Arc::clone(feed), Arc::clone(log)).with_page_size(7);
    match export.write_to(&mut file).await {
        Ok(report) => (file, report),
        Err(error) => panic!("the log cannot be exported: {error:?}"),
    }
}

async fn import(file: &[u8], log: &Arc<dyn EventStore>) -> Report {
    match Import::new(Arc::clone(log)).read_from(file).await {
        Ok(report) => report,
        Err(error) => panic!("the archive cannot be imported: {error:?}"),
    }
}

/// Panics unless each of the streams is in the log as it is here.
async fn assert_has(log: &Arc<dyn EventStore>, streams: &Streams) {
    for (stream, commits) in streams {
        let pages = log.read(ReadStream::new(stream.clone())).try_concat().await;
        let found = pages.unwrap_or_else(|error| panic!("{stream} cannot be read: {error}"));
        let expected = commits;
        assert_eq!(found.len(), expected.len(), "the number of commits of {stream}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found == expected, "{stream} has {found:?}, expected {expected:?}");
        }
    }
}

async fn a_log_comes_out_as_it_is(subject: LogAndFeed) {
    let streams = fill(&subject.log).await;
    let (file, exported) = export(&subject).await;
    let checked = verify(&file[..]).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(checked.digest, exported.digest, "the digest of the archive");
    let elsewhere: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
    let imported = import(&file, &elsewhere).await;
    assert_eq!(imported.commits, commits().len() as u64, "the number of commits");
    assert_has(&elsewhere, &streams).await;
}

async fn a_log_gets_in_as_it_was(subject: LogAndFeed) {
    let (streams, file) = archived().await;
    assert_eq!(import(&file, &subject.log).await.skipped, 0, "nothing was there");
    assert_has(&subject.log, &streams).await;
}

async fn a_log_that_got_in_comes_out_again(subject: LogAndFeed) {
    let (_, file) = archived().await;
    let imported = import(&file, &subject.log).await;
    let exported = export(&subject).await.1;
    assert_eq!(exported.commits, imported.commits, "the number of commits");
    assert_eq!(exported.digest, imported.digest, "the digest of the log");
}

async fn an_import_that_was_cut_off_goes_on(subject: LogAndFeed) {
    let (streams, file) = archived().await;
    let cut_off = Import::new(Arc::clone(&subject.log)).read_from(&file[..file.len() / 2]).await;
    assert!(matches!(cut_off, Err(ArchiveError::Truncated { .. })), "{cut_off:?}");
    let report = import(&file, &subject.log).await;
    assert!(0 < report.skipped && report.skipped < report.commits, "{report:?}");
    assert_has(&subject.log, &streams).await;
}

async fn what_is_there_already_is_not_written_again(subject: LogAndFeed) {
    let (streams, file) = archived().await;
    let first = import(&file, &subject.log).await;
    let second = import(&file, &subject.log).await;
    assert_eq!(second.skipped, first.commits, "all of it was there");
    assert_eq!(second.digest, first.digest);
    assert_has(&subject.log, &streams).await;
}

async fn another_commit_in_the_place_is_left_as_it_is(subject: LogAndFeed) {
    let (streams, file) = archived().await;
    let taken = stream("in turns 1");
    let other = subject.log.append(&taken, Expected::NoStream, commit(1)).await;
    let other = other.unwrap_or_else(|error| panic!("an append was refused: {error}")).commit;
    let refused = Import::new(Arc::clone(&subject.log)).read_from(&file[..]).await;
    let Err(ArchiveError::Occupied { stream, version, .. }) = &refused else {
        panic!("the place was taken, and the import said {refused:?}")
    };
    assert_eq!((stream, *version), (&taken, other.first_version()));
    assert!(streams.contains_key(&taken), "the archive has the stream as well");
    assert_has(&subject.log, &Streams::from([(taken, vec![other])])).await;
}
