//! What is the memory store's own; the contracts are in `tests/conformance.rs`.

use crate::checkpoint_store::{Advance, ConsumerId, Progress, Revision};
use crate::error::Error;
use crate::feed::{Checkpoint, Feed as _, PartitionId};
use crate::memory::MemoryStore;
use crate::view_store::{Replaces, ViewChange, ViewName, ViewQuery, ViewSchema, ViewStore as _};

fn progress(based_on: u64) -> Progress {
    let advance = Advance {
        partition: PartitionId::new("p").unwrap(),
        based_on: Revision::from_stored(based_on),
        checkpoint: Checkpoint::start(),
    };
    Progress::new(ConsumerId::new("c").unwrap(), Some(advance))
}

fn put(view: &ViewName, key: &str, document: &str) -> Vec<ViewChange> {
    let (key, document) = (key.to_owned(), Some(document.to_owned()));
    vec![ViewChange { view: view.clone(), key, replaces: Replaces::Anything, document }]
}

#[tokio::test]
async fn a_checkpoint_behind_the_log_is_of_another_log() {
    let store = MemoryStore::new();
    let log = store.partitions().await.unwrap().remove(0).id;
    for place in ["1", "18446744073709551615"] {
        let page = store.read(&log, &Checkpoint::from_stored(place), 1).await;
        assert!(matches!(page, Err(Error::Corrupt { .. })), "{page:?}");
    }
}

#[tokio::test]
async fn a_document_that_is_not_json_cannot_be_encoded() {
    let store = MemoryStore::new();
    let view = ViewName::new("v").unwrap();
    store
        .prepare(&ViewSchema { name: view.clone(), indexed_fields: &[], expires_by: None })
        .await
        .unwrap();
    let outcome = store.write(put(&view, "a", "{"), progress(0)).await;
    assert!(matches!(outcome, Err(Error::Encode { .. })), "{outcome:?}");
    let outcome = store.write(put(&view, "", "{}"), progress(0)).await;
    assert!(matches!(outcome, Err(Error::InvalidId { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_field_that_is_indexed_later_finds_earlier_documents() {
    let store = MemoryStore::new();
    let view = ViewName::new("v").unwrap();
    store
        .prepare(&ViewSchema { name: view.clone(), indexed_fields: &["a"], expires_by: None })
        .await
        .unwrap();
    store.write(put(&view, "k", r#"{"a":"1","b":"2"}"#), progress(0)).await.unwrap();
    store
        .prepare(&ViewSchema { name: view.clone(), indexed_fields: &["b"], expires_by: None })
        .await
        .unwrap();
    for (field, value) in [("a", "1"), ("b", "2")] {
        let query = ViewQuery::default().equals(field, value);
        assert_eq!(store.list(&view, &query).await.unwrap().len(), 1, "by {field}");
    }
}

#[test]
fn debug_output_has_no_payloads() {
    let output = format!("{:?}", MemoryStore::new());
    assert!(output.starts_with("MemoryStore { commits: 0, limits: Limits {"), "{output}");
}
