//! Every fault does what it says, and says that it did.

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{
    Call, Crashed, Fault, Faults, FaultyEventStore, FaultyFeed, FaultySnapshotStore,
    FaultyViewStore, Injection, crash_at, crash_at_every_await,
};
use es_core::{
    Advance, Checkpoint, Codec, CommitId, ConsumerId, Error, EventStore, Expected, Feed, Head,
    PartitionId, Progress, ReadStream, Replaces, Revision, SnapshotStore, StoredSnapshot, Version,
    ViewChange, ViewName, ViewSchema, ViewStore,
};
use futures::StreamExt as _;

use crate::ledger::{entered, foreign, stream};

struct Scene {
    store: Arc<MemoryStore>,
    faults: Faults,
    log: FaultyEventStore,
}

fn scene() -> Scene {
    on(Faults::none())
}

fn on(faults: Faults) -> Scene {
    let store = Arc::new(MemoryStore::new());
    let log = FaultyEventStore::new(store.clone(), faults.clone());
    Scene { store, faults, log }
}

impl Scene {
    async fn append(&self, number: u64) -> es_core::Result<es_core::Appended> {
        self.log.append(&stream("a"), Expected::Any, foreign(number, 2)).await
    }

    async fn written(&self) -> Vec<u64> {
        entered(&*self.store, "a").await
    }
}

fn injection(error: &Error) -> Injection {
    match error {
        Error::Unavailable { source, .. } => *source.downcast_ref().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lost_request_writes_nothing() {
    let scene = scene();
    scene.faults.at(Call::Append, 2, Fault::LostRequest);
    scene.append(1).await.unwrap();
    let error = scene.append(2).await.unwrap_err();
    let expected = Injection { call: Call::Append, nth: 2, fault: Fault::LostRequest };
    assert_eq!(injection(&error), expected);
    assert_eq!(scene.faults.injections(), [expected]);
    assert_eq!(scene.written().await, [1]);
}

#[tokio::test]
async fn behind_a_lost_acknowledgement_is_a_write() {
    let scene = scene();
    scene.faults.at(Call::Append, 1, Fault::LostAcknowledgement);
    assert!(scene.append(1).await.unwrap_err().is_transient());
    assert_eq!(scene.written().await, [1]);
    assert_eq!(scene.faults.injected(Fault::LostAcknowledgement), 1);
}

#[tokio::test]
async fn a_refusal_has_no_acknowledgement_to_lose() {
    let scene = scene();
    scene.append(1).await.unwrap();
    scene.faults.at(Call::Append, 1, Fault::LostAcknowledgement);
    let refused = scene.log.append(&stream("a"), Expected::NoStream, foreign(2, 1)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))));
    assert_eq!(scene.faults.injections(), []);
}

#[tokio::test]
async fn a_late_request_arrives_behind_later_ones() {
    let scene = scene();
    scene.faults.at(Call::Append, 1, Fault::LateRequest);
    assert!(scene.append(1).await.is_err());
    assert!(scene.written().await.is_empty());
    for number in 2..=6 {
        scene.append(number).await.unwrap();
    }
    let mut written = scene.written().await;
    let place = written.iter().position(|number| *number == 1).expect("it arrives");
    written.remove(place);
    assert_eq!(written, [2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn throttling_is_for_a_number_of_requests_of_any_kind() {
    let scene = on(Faults::none().with_throttling(2));
    scene.faults.at(Call::Append, 1, Fault::Throttling);
    assert_eq!(injection(&scene.append(1).await.unwrap_err()).fault, Fault::Throttling);
    let error = scene.log.head(&stream("a")).await.unwrap_err();
    assert_eq!(injection(&error).fault, Fault::Throttling);
    assert_eq!(scene.log.head(&stream("a")).await.unwrap(), None);
}

#[tokio::test]
async fn a_delay_passes_on_the_clock() {
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let delay = Duration::from_secs(7);
    let scene = on(Faults::none().with_clock(clock.clone()).with_delay(delay));
    scene.faults.at(Call::Append, 1, Fault::Delay);
    let mut append = std::pin::pin!(scene.append(1));
    assert!(futures::poll!(append.as_mut()).is_pending());
    assert!(scene.written().await.is_empty());
    clock.advance(delay);
    append.await.unwrap();
    assert_eq!(clock.slept(), [delay]);
}

#[tokio::test]
async fn a_rival_gets_in_first_and_its_commit_stays() {
    let Scene { store, faults, log } = scene();
    let log = log.with_rival(|_| Some(foreign(9, 3)));
    faults.at(Call::Append, 1, Fault::Overtaken);
    let refused = log.append(&stream("a"), Expected::NoStream, foreign(1, 1)).await;
    assert!(matches!(refused, Err(Error::Conflict(conflict)) if conflict.winner.is_some()));
    assert_eq!(entered(&*store, "a").await, [9]);
    assert_eq!(faults.injected(Fault::Overtaken), 1);
}

#[tokio::test]
async fn without_a_rival_nobody_is_overtaken() {
    let scene = scene();
    scene.faults.at(Call::Append, 1, Fault::Overtaken);
    scene.append(1).await.unwrap();
    assert_eq!(scene.faults.injections(), []);
}

/// The sizes of the pages, and whether it ended with an error.
async fn pages(scene: &Scene) -> (Vec<usize>, Option<Fault>) {
    let mut pages = scene.log.read(ReadStream::new(stream("a")).page_size(3));
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => sizes.push(page.len()),
            Err(error) => {
                assert!(pages.next().await.is_none(), "after an error it ends");
                return (sizes, Some(injection(&error).fault));
            }
        }
    }
    (sizes, None)
}

#[tokio::test]
async fn a_read_breaks_off_in_the_middle_of_its_pages() {
    let scene = scene();
    for number in 1..=8 {
        scene.append(number).await.unwrap();
    }
    assert_eq!(pages(&scene).await, (vec![3, 3, 2], None));
    scene.faults.at(Call::ReadStream, 1, Fault::TornPage);
    assert_eq!(pages(&scene).await, (vec![2], Some(Fault::TornPage)));
    scene.faults.at(Call::ReadFurther, 2, Fault::TornPage);
    assert_eq!(pages(&scene).await, (vec![3, 3, 1], Some(Fault::TornPage)));
    scene.faults.at(Call::ReadFurther, 1, Fault::LostRequest);
    assert_eq!(pages(&scene).await, (vec![3], Some(Fault::LostRequest)));
    assert_eq!(pages(&scene).await, (vec![3, 3, 2], None));
}

#[tokio::test]
async fn damaged_bytes_are_an_error_that_names_the_commit_or_other_bytes() {
    let scene = scene();
    let appended = scene.append(1).await.unwrap().commit;
    scene.faults.at(Call::ReadStream, 1, Fault::CorruptBytes);
    let read = || async { scene.log.read(ReadStream::new(stream("a"))).next().await.unwrap() };
    match read().await.unwrap_err() {
        Error::CorruptCommit { stream: at, version, .. } => {
            assert_eq!((at, version), (stream("a"), Version::FIRST));
        }
        other => panic!("{other:?}"),
    }
    for nth in 1..=20 {
        scene.faults.at(Call::ReadStream, 1, Fault::DamagedBytes);
        let commit = match read().await {
            Ok(page) => page[0].clone(),
            Err(error) => {
                assert!(matches!(error, Error::CorruptCommit { .. }), "{error:?}");
                continue;
            }
        };
        assert_eq!(commit.head(), appended.head());
        let changed = std::iter::zip(commit.events().payloads(), appended.events().payloads())
            .map(|(damaged, sound)| (damaged ^ sound).count_ones())
            .sum::<u32>();
        assert_eq!(changed, 1, "one bit, at time {nth}");
    }
    let found = scene.log.find(&stream("a"), appended.id()).await.unwrap();
    assert_eq!(found, Some(appended), "what is stored is as it was");
}

/// All commits that come out of a feed of twenty, in pages of up to six.
async fn delivered(fault: Fault) -> (Vec<u64>, Faults) {
    let scene = scene();
    for number in 1..=20 {
        scene.append(number).await.unwrap();
    }
    let faults = Faults::seeded(3).with_rate(fault, 0.5);
    let feed = FaultyFeed::new(scene.store.clone(), faults.clone());
    let partition = PartitionId::new("log").unwrap();
    let mut place = Checkpoint::start();
    let mut delivered = Vec::new();
    loop {
        let page = Feed::read(&feed, &partition, &place, 6).await.unwrap();
        assert!(page.commits.len() <= 6);
        if page.commits.is_empty() {
            return (delivered, faults);
        }
        let number = |id: CommitId| u128::from_be_bytes(*id.as_bytes()) as u64;
        delivered.extend(page.commits.iter().map(|commit| number(commit.id())));
        place = page.checkpoint;
    }
}

#[tokio::test]
async fn a_feed_repeats_reorders_and_delays_and_leaves_nothing_out() {
    let all: Vec<u64> = (1..=20).collect();
    for fault in [Fault::Duplicates, Fault::Reordering, Fault::LateDelivery, Fault::TornPage] {
        let (mut delivered, faults) = delivered(fault).await;
        assert!(faults.injected(fault) > 0, "{fault:?}");
        match fault {
            Fault::Duplicates => assert!(delivered.len() > 20),
            Fault::TornPage => assert_eq!(delivered, all),
            _ => assert!(!delivered.is_sorted(), "{fault:?}"),
        }
        delivered.sort_unstable();
        delivered.dedup();
        assert_eq!(delivered, all, "{fault:?}");
    }
}

#[tokio::test]
async fn snapshots_come_back_damaged_or_were_never_saved() {
    let faults = Faults::none();
    let store = Arc::new(MemoryStore::new());
    let snapshots = FaultySnapshotStore::new(store, faults.clone());
    let snapshot = StoredSnapshot {
        stream: stream("a"),
        head: Head::from_stored(CommitId::from_bytes([1; 16]), Version::FIRST, Version::FIRST),
        schema_version: 1,
        codec: Codec::Json,
        state: "[1,2,3]".into(),
    };
    faults.at(Call::SaveSnapshot, 1, Fault::LostRequest);
    assert!(snapshots.save(snapshot.clone()).await.is_err());
    assert_eq!(snapshots.load(&stream("a")).await.unwrap(), None);
    faults.at(Call::SaveSnapshot, 1, Fault::LostAcknowledgement);
    assert!(snapshots.save(snapshot.clone()).await.is_err());
    assert_eq!(snapshots.load(&stream("a")).await.unwrap(), Some(snapshot.clone()));
    faults.at(Call::LoadSnapshot, 1, Fault::CorruptBytes);
    assert!(matches!(snapshots.load(&stream("a")).await, Err(Error::Corrupt { .. })));
    faults.at(Call::LoadSnapshot, 1, Fault::DamagedBytes);
    let damaged = snapshots.load(&stream("a")).await.unwrap().unwrap();
    assert_ne!(damaged.state, snapshot.state);
    assert_eq!(StoredSnapshot { state: snapshot.state.clone(), ..damaged }, snapshot);
}

#[tokio::test]
async fn documents_come_back_damaged_or_late() {
    let faults = Faults::none();
    let store = Arc::new(MemoryStore::new());
    let views = FaultyViewStore::new(store.clone(), faults.clone());
    let view = ViewName::new("v").unwrap();
    views
        .prepare(&ViewSchema { name: view.clone(), indexed_fields: &[], expires_by: None })
        .await
        .unwrap();
    let step = |document: &str, based_on| {
        let change = ViewChange {
            view: view.clone(),
            key: "k".to_owned(),
            replaces: Replaces::Anything,
            document: Some(document.to_owned()),
        };
        let advance = Advance {
            partition: PartitionId::new("p").unwrap(),
            based_on: Revision::from_stored(based_on),
            checkpoint: Checkpoint::start(),
        };
        let progress = Progress::new(ConsumerId::new("c").unwrap(), Some(advance));
        views.write(vec![change], progress)
    };
    let get = || async { Ok::<_, Error>(views.get(&view, &["k"]).await?.remove(0)) };
    faults.at(Call::WriteDocuments, 1, Fault::LateRequest);
    assert!(step("1", 0).await.is_err());
    let mut asked = 0;
    while get().await.unwrap().is_none() {
        asked += 1;
        assert!(asked < 5, "it arrives");
    }
    faults.at(Call::WriteDocuments, 1, Fault::LateRequest);
    assert!(step("2", 0).await.is_err(), "it will be fenced");
    step("3", 1).await.unwrap();
    for _ in 0..5 {
        assert_eq!(get().await.unwrap().as_deref(), Some("3"));
    }
    faults.at(Call::GetDocuments, 1, Fault::CorruptBytes);
    assert!(matches!(get().await, Err(Error::Corrupt { .. })));
    faults.at(Call::GetDocuments, 1, Fault::DamagedBytes);
    assert_ne!(get().await.unwrap().as_deref(), Some("3"));
}

#[tokio::test]
async fn the_same_seed_injects_the_same_faults() {
    let injections = async |seed| {
        let scene = on(Faults::seeded(seed).with_rates(Fault::TRANSIENT, 0.3));
        for number in 1..=30 {
            let _ = scene.append(number).await;
        }
        scene.faults.injections()
    };
    assert_eq!(injections(5).await, injections(5).await);
    assert_ne!(injections(5).await, injections(6).await);
}

#[tokio::test]
async fn when_the_faults_stop_they_stop() {
    let scene = on(Faults::seeded(1).with_rates(Fault::TRANSIENT, 1.0));
    scene.faults.at(Call::Append, 5, Fault::LostRequest);
    assert!(scene.append(1).await.is_err());
    scene.faults.stop();
    for number in 2..=9 {
        scene.append(number).await.unwrap();
    }
}

#[test]
#[should_panic(expected = "ReadHead cannot meet Duplicates")]
fn a_fault_that_cannot_be_is_not_scripted() {
    Faults::none().at(Call::ReadHead, 1, Fault::Duplicates);
}

#[tokio::test]
async fn a_crash_comes_at_every_await_in_turn_and_drops_what_was_under_way() {
    let scenes = std::cell::RefCell::new(Vec::new());
    let fresh = async || on(Faults::none().suspending());
    let scenario = async |scene: &Scene| {
        scene.append(1).await.unwrap();
        scene.append(2).await.unwrap();
    };
    let crashes = crash_at_every_await(fresh, scenario, async |scene| {
        let written = scene.written().await;
        scenes.borrow_mut().push(written);
    });
    assert_eq!(crashes.await, 4, "two requests, each there and back");
    let expected: [&[u64]; 5] = [&[], &[1], &[1], &[1, 2], &[1, 2]];
    assert_eq!(*scenes.borrow(), expected);

    let endless = std::future::pending::<()>();
    assert_eq!(crash_at(1, endless).await, Err(Crashed { suspension: 1 }));
}
