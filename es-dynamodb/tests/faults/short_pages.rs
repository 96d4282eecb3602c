//! Pages that end early never make a stream shorter.

use es_core::{CommitId, EventStore as _, Expected, ReadStream, Version};
use futures::TryStreamExt as _;

use crate::scene::{Id, Scene, commit};
use crate::support::faults::{Fault, Faults};
use crate::support::ledger::{Ledger, stream};

const COMMITS: u64 = 30;

async fn scene(id: Id) -> Scene {
    let scene = Scene::with(Faults::seeded(3)).await;
    for number in 1..=COMMITS {
        scene.rival("a", number, id).await;
    }
    scene.faults.always("Query", Fault::ShortPage);
    scene
}

#[tokio::test]
async fn a_stream_is_read_whole_in_both_directions_from_anywhere() {
    let scene = scene(Id::Generated).await;
    let whole = scene
        .plain
        .read(ReadStream::new(stream("a")))
        .try_concat()
        .await
        .expect("the log can be read");
    assert_eq!(whole.len() as u64, COMMITS);
    for page_size in [1, 4, usize::MAX] {
        for from in (1..=65).step_by(16).map(Version::new) {
            let query = || ReadStream::new(stream("a")).page_size(page_size).from(from);
            let forwards = scene.faulty.read(query()).try_concat().await.expect("it can be read");
            let expected: Vec<_> =
                whole.iter().filter(|commit| commit.last_version() >= from).cloned().collect();
            assert_eq!(forwards, expected, "from {from} in pages of {page_size}");

            let query = query().backwards();
            let backwards = scene.faulty.read(query).try_concat().await.expect("it can be read");
            let expected: Vec<_> = whole
                .iter()
                .rev()
                .filter(|commit| commit.first_version() <= from)
                .cloned()
                .collect();
            assert_eq!(backwards, expected, "backwards from {from} in pages of {page_size}");
        }
    }
    assert!(scene.faults.injected(Fault::ShortPage) > 20);
}

#[tokio::test]
async fn a_state_is_loaded_whole() {
    let scene = scene(Id::Generated).await;
    let ledger: Ledger = scene.ledgers(1).load("a").await.expect("it can be loaded").into_state();
    assert_eq!(ledger.lines.len(), 60);
}

#[tokio::test]
async fn a_commit_id_is_found_however_far_back() {
    for id in [Id::Generated, Id::Derived] {
        let scene = scene(id).await;
        for number in [1, 2, 15, COMMITS] {
            let asked = commit(number, 0, id).id;
            let found = scene.faulty.find(&stream("a"), asked).await.expect("the log answers");
            assert_eq!(found.map(|commit| commit.id()), Some(asked));
        }
        let unknown = CommitId::from_bytes([9; 16]);
        assert_eq!(scene.faulty.find(&stream("a"), unknown).await.expect("it answers"), None);
        let again = scene.faulty.append(&stream("a"), Expected::Any, commit(1, 0, id)).await;
        assert!(again.expect("it is there already").duplicate);
    }
}

#[tokio::test]
async fn a_large_commit_is_put_together_from_all_its_pieces() {
    use crate::support::ledger::LedgerEvent;
    use es_core::{Codec, Compression, EncodedEvents, NewCommit, Timestamp};

    let scene = Scene::with(Faults::seeded(3)).await;
    let line = |line| LedgerEvent::Entered { number: 7, line, of: 9_000, before: 0 };
    let events: Vec<_> = (1..=9_000).map(line).collect();
    let events = EncodedEvents::encode(&events, Codec::Json, Compression::None, 0);
    let events = events.expect("encodable events");
    assert!(events.stored_len() > 500_000, "more than an item takes");
    let id = CommitId::from_bytes([7; 16]);
    let new = NewCommit::new(id, Timestamp::UNIX_EPOCH, Default::default(), events);
    // Any of the writes loses its acknowledgement, and the reads are cut short.
    for nth in [1, 3] {
        scene.faults.at("PutItem", nth, Fault::LostAnswer);
    }
    scene.faults.at("TransactWriteItems", 1, Fault::LostAnswer);
    scene.faults.always("Query", Fault::ShortPage);
    let appended = scene.faulty.append(&stream("a"), Expected::NoStream, new.clone()).await;
    assert_eq!(appended.expect("the SDK asks again").commit.events(), &new.events);
    let read = scene.faulty.read(ReadStream::new(stream("a"))).try_concat().await;
    assert_eq!(read.expect("it can be read")[0].events(), &new.events);
}
