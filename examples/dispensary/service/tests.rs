use es_core::memory::MemoryStore;
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path as Key;

use super::*;
use crate::dispensary::domain::{DispenseCommand, PrescriptionFile, Status};

async fn in_memory() -> (Dispensary, Arc<InMemory>) {
    let (store, objects) = (Arc::new(MemoryStore::new()), Arc::new(InMemory::new()));
    let backend = Backend {
        log: store.clone(),
        feed: store.clone(),
        snapshots: store.clone(),
        views: store.clone(),
        checkpoints: store,
        objects: objects.clone(),
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

#[tokio::test]
async fn a_file_that_is_gone_or_damaged_is_a_finding_and_holds_nobody_up() {
    let (dispensary, objects) = in_memory().await;
    let gone = upload(&dispensary, "gone", "Amoxicillin 500 mg capsules tid").await;
    objects.delete(&Key::from(gone.key.as_str())).await.unwrap();
    let damaged = upload(&dispensary, "damaged", "Ramipril 5 mg capsules od").await;
    objects.put(&Key::from(damaged.key.as_str()), "Ramipril 50 mg".into()).await.unwrap();
    upload(&dispensary, "fine", "Metformin 850 mg tablets, 1 tablet bd").await;

    let workers = dispensary.start_workers();
    for (id, unreadable, drugs) in [("gone", 1, 0), ("damaged", 1, 0), ("fine", 0, 1)] {
        dispensary.views_show(id, Version::new(3), Duration::from_secs(60)).await.unwrap();
        let detail = dispensary.details.view().get(id).await.unwrap().unwrap();
        let findings = detail.findings.unwrap();
        assert_eq!(detail.status, Status::Ready);
        assert_eq!((findings.unreadable.len(), findings.items.len()), (unreadable, drugs), "{id}");
    }
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_dispense_that_is_closed_meanwhile_needs_no_analysis() {
    let (dispensary, _) = in_memory().await;
    upload(&dispensary, "d", "Metformin 850 mg tablets, 1 tablet bd").await;
    let cancel = DispenseCommand::Cancel { reason: "moved".to_owned() };
    dispensary.dispenses.execute("d", cancel).await.unwrap();
    upload(&dispensary, "e", "Metformin 850 mg tablets, 1 tablet bd").await;

    let workers = dispensary.start_workers();
    dispensary.views_show("e", Version::new(3), Duration::from_secs(60)).await.unwrap();
    workers.shutdown().await.unwrap();
    assert_eq!(dispensary.dispenses.load("d").await.unwrap().version(), Version::new(3));
}
