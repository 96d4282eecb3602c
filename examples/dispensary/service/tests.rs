use es_core::DeadLetterFilter;
use es_core::memory::MemoryStore;
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path as Key;

use super::*;
use crate::dispensary::domain::{DispenseCommand, PrescriptionFile};

async fn in_memory() -> (Dispensary, Arc<InMemory>) {
    let (store, objects) = (Arc::new(MemoryStore::new()), Arc::new(InMemory::new()));
    let backend = Backend {
        log: store.clone(),
        feed: store.clone(),
        snapshots: store.clone(),
        views: store.clone(),
        checkpoints: store,
        objects: objects.clone(),
        pipeline: None,
    };
    (Dispensary::new(backend).await.unwrap(), objects)
}

async fn upload(dispensary: &Dispensary, id: &str, text: &str) -> PrescriptionFile {
    let file = PrescriptionFiles::check("text/plain", text.as_bytes()).unwrap();
    dispensary.files.store(&file, text.to_owned().into()).await.unwrap();
    dispensary.dispenses.execute(id, DispenseCommand::Start).await.unwrap();
    let command = DispenseCommand::UploadPrescription(file.clone());
    dispensary.dispenses.execute(id, command).await.unwrap();
    file
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_file_that_is_gone_or_damaged_holds_nobody_else_up_and_is_analyzed_when_it_is_back() {
    let (dispensary, objects) = in_memory().await;
    let text = |id: &str| format!("{id}in 500 mg capsules, 1 capsule tid");
    let gone = upload(&dispensary, "gone", &text("gone")).await;
    objects.delete(&Key::from(gone.key.as_str())).await.unwrap();
    let damaged = upload(&dispensary, "damaged", &text("damaged")).await;
    objects.put(&Key::from(damaged.key.as_str()), "Ramipril 50 mg".into()).await.unwrap();
    upload(&dispensary, "fine", &text("fine")).await;

    let workers = dispensary.start_workers();
    dispensary.views_show("fine", Version::new(3), LONG).await.unwrap();
    for (id, file) in [("gone", gone), ("damaged", damaged)] {
        let parked = dispensary.views_show(id, Version::new(3), LONG).await;
        assert!(matches!(parked, Err(Error::Parked { .. })), "{id}: {parked:?}");
        // What is in the log is shown; nobody has to wait for an operator to see it.
        dispensary.views_show(id, Version::new(2), LONG).await.unwrap();

        dispensary.files.store(&file, text(id).into()).await.unwrap();
        let stream = DeadLetterFilter::stream(StreamId::new("dispense", id).unwrap());
        let retried = dispensary.analysis.retry_dead_letters(&stream).await.unwrap();
        assert_eq!((retried.handled, retried.freed.len(), retried.failed.len()), (1, 1, 0));
        dispensary.views_show(id, Version::new(3), LONG).await.unwrap();
        let detail = dispensary.details.view().get(id).await.unwrap().unwrap();
        let findings = detail.findings.unwrap();
        assert_eq!((findings.unreadable.len(), findings.items.len()), (0, 1), "{id}");
    }
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_waits_for_a_paused_consumer_is_told_that_it_is_paused() {
    let (dispensary, _) = in_memory().await;
    upload(&dispensary, "d", "Metformin 850 mg tablets, 1 tablet bd").await;
    dispensary.analysis.pause().await.unwrap();
    let paused = dispensary.views_show("d", Version::new(3), Duration::ZERO).await;
    assert!(
        matches!(&paused, Err(Error::Paused { consumer }) if consumer == "prescription_analysis"),
        "{paused:?}"
    );
    dispensary.analysis.resume().await.unwrap();
    let late = dispensary.views_show("d", Version::new(3), Duration::ZERO).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded { .. })), "{late:?}");
}

#[tokio::test]
async fn a_dispense_that_is_closed_meanwhile_needs_no_analysis() {
    let (dispensary, _) = in_memory().await;
    upload(&dispensary, "d", "Metformin 850 mg tablets, 1 tablet bd").await;
    let cancel = DispenseCommand::Cancel { reason: "moved".to_owned() };
    dispensary.dispenses.execute("d", cancel).await.unwrap();
    upload(&dispensary, "e", "Metformin 850 mg tablets, 1 tablet bd").await;

    let workers = dispensary.start_workers();
    dispensary.views_show("e", Version::new(3), LONG).await.unwrap();
    workers.shutdown().await.unwrap();
    assert_eq!(dispensary.dispenses.load("d").await.unwrap().version(), Version::new(3));
}
