use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault, Faults, FaultyFeed};
use object_store::memory::InMemory;

use super::{health_table, of};
use crate::dispensary::backend::Backend;
use crate::dispensary::domain::DispenseCommand;
use crate::dispensary::service::Dispensary;

#[tokio::test]
async fn a_feed_that_cannot_be_read_is_told_with_the_reason() {
    let (store, faults) = (Arc::new(MemoryStore::new()), Faults::none());
    let backend = Backend {
        log: store.clone(),
        feed: Arc::new(FaultyFeed::new(store.clone(), faults.clone())),
        snapshots: store.clone(),
        views: store.clone(),
        checkpoints: store,
        objects: Arc::new(InMemory::new()),
        pipeline: None,
    };
    let dispensary = Dispensary::new(backend).await.unwrap();
    dispensary.dispenses.execute("d", DispenseCommand::Start).await.unwrap();
    assert_eq!(of(&dispensary.consumers).await.unwrap().complaint(), None);

    faults.at(Call::ReadFeed, 1, Fault::CorruptBytes);
    let report = of(&dispensary.consumers).await.unwrap();
    let analysis = &report.consumers[0];
    let error = analysis.positions[0].error.as_ref().unwrap();
    assert!(!error.is_empty());
    let complaint = format!("prescription_analysis cannot read log of its feed: {error}");
    assert_eq!(report.complaint(), Some(complaint));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["consumers"][0]["positions"][0]["error"], **error);
    // Long cells of the table are wrapped.
    let words = |text: &str| text.replace(['│', '┆', '\n'], " ");
    let table = health_table(&report);
    let first = error.split_whitespace().next().unwrap();
    assert!(words(&table).contains(first) && table.contains("not known"), "{table}");
}
