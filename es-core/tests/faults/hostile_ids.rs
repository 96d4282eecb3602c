//! Ids with separators, of other alphabets, or too long: none ever meets the data of another one, and
//! what cannot be stored is refused before anything is asked of the store.

use std::collections::BTreeSet;
use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Faults};
use es_core::{CommitId, Error, EventStore as _, ExecuteError, ExecuteOptions, Expected, StreamId};
use futures::StreamExt as _;

use crate::ledger::{enter, entered, foreign, on_faults};

/// Ids that a careless key would confuse with each other, or with a category and an id.
const IDS: [&str; 22] = [
    "a",
    "A",
    "a:",
    ":a",
    "a:b",
    "b",
    "a/b",
    "a#b",
    "a|b",
    "a\u{a0}b",
    "a b",
    "a  b",
    "%61",
    "ä",
    "a\u{308}",
    "ａ",
    "а",
    "\u{200d}a",
    "a\u{202e}b",
    "🦀",
    "..",
    "ledger:a",
];

const CATEGORIES: [&str; 4] = ["ledger", "a", "ledger-a", "Ledger"];

#[tokio::test]
async fn no_two_ids_share_a_stream_in_one_category_or_in_two() {
    let store = MemoryStore::new();
    let names = || CATEGORIES.iter().flat_map(|c| IDS.iter().map(move |id| (*c, *id)));
    for (number, (category, id)) in (1..).zip(names()) {
        let stream = StreamId::new(category, id).unwrap();
        let appended = store.append(&stream, Expected::NoStream, foreign(number, 1)).await;
        assert_eq!(appended.unwrap().commit.stream(), &stream, "{category} {id:?} is new");
    }
    for (number, (category, id)) in (1..).zip(names()) {
        let stream = StreamId::new(category, id).unwrap();
        let page = store.read(es_core::ReadStream::new(stream)).next().await.unwrap().unwrap();
        let ids: Vec<_> = page.iter().map(es_core::Commit::id).collect();
        assert_eq!(ids, [foreign(number, 1).id]);
    }
}

#[tokio::test]
async fn commands_for_hostile_ids_have_their_effect_on_that_aggregate_alone() {
    let (store, ledgers) = on_faults(&Faults::none());
    for (number, id) in (1..).zip(IDS) {
        ledgers.execute(id, enter(number)).await.unwrap();
    }
    for (number, id) in (1..).zip(IDS) {
        assert_eq!(entered(&*store, id).await, [number], "{id:?}");
    }
}

#[tokio::test]
async fn one_idempotency_key_on_many_aggregates_is_many_requests() {
    let (store, ledgers) = on_faults(&Faults::none());
    let mut commits = BTreeSet::new();
    for id in IDS {
        // Where id and key run into each other, `a` with `bk` must not be `ab` with `k`.
        for key in ["k", "b", ":b", "bk"] {
            let options = ExecuteOptions::new().idempotency_key(key);
            let receipt = ledgers.execute_with(id, enter(1), options).await.unwrap();
            assert!(!receipt.is_replay(), "{key:?} on {id:?}");
            commits.insert(receipt.commit_id().unwrap());
        }
        assert_eq!(entered(&*store, id).await.len(), 4);
    }
    assert_eq!(commits.len(), IDS.len() * 4);
}

#[test]
fn the_ids_of_commits_differ_wherever_stream_or_key_differ() {
    let mut ids = BTreeSet::new();
    for category in CATEGORIES {
        for id in IDS {
            for key in ["k", "k ", "K", "\u{1}k", "k\u{0}", "a:k"] {
                let stream = StreamId::new(category, id).unwrap();
                assert!(ids.insert(CommitId::derive(&stream, key)), "{stream} {key:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_before_the_store_is_asked() {
    let faults = Faults::none();
    let (store, ledgers) = on_faults(&faults);
    let long = "x".repeat(StreamId::MAX_ID_LEN + 1);
    let wide = "ü".repeat(StreamId::MAX_ID_LEN / 2 + 1);
    for id in ["", " ", "a ", "\ta", "a\0", "a\r\nb", "\u{85}a", "a\u{ffff}", &long, &wide] {
        let executed = ledgers.execute(id, enter(1)).await.unwrap_err();
        assert!(matches!(executed, ExecuteError::Failed(Error::InvalidId { .. })), "{id:?}");
        assert!(matches!(ledgers.load(id).await, Err(Error::InvalidId { .. })), "{id:?}");
    }
    for call in [Call::Append, Call::ReadStream, Call::FindCommit, Call::ReadHead] {
        assert_eq!(faults.calls(call), 0);
    }
    assert_eq!(format!("{store:?}"), format!("{:?}", Arc::new(MemoryStore::new())));
}
