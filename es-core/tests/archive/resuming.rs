use std::sync::Arc;

use es_core::archive::{ArchiveError, Import};
use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault, Faults, FaultyEventStore};
use es_core::testing::{SeededEntropy, VirtualClock};

use crate::logs::{export, filled, import, in_order, streams};

/// Imports into a store whose appends meet faults.
async fn import_with(
    faults: &Faults,
    file: &[u8],
    store: &MemoryStore,
    concurrency: usize,
) -> Result<es_core::archive::Report, ArchiveError> {
    let faulty = FaultyEventStore::new(Arc::new(store.clone()), faults.clone());
    Import::new(Arc::new(faulty))
        .with_concurrency(concurrency)
        .with_max_attempts(1)
        .read_from(file)
        .await
}

#[tokio::test]
async fn an_import_goes_on_wherever_it_was_cut_off() {
    let old = filled(30).await;
    let (file, exported) = export(&old).await;
    for fault in [Fault::LostRequest, Fault::LostAcknowledgement, Fault::LateRequest] {
        for nth in 1..=30 {
            for concurrency in [1, 4] {
                let (faults, new) = (Faults::none(), MemoryStore::new());
                faults.at(Call::Append, nth, fault);
                let cut_off = import_with(&faults, &file, &new, concurrency).await.unwrap_err();
                assert!(cut_off.is_transient(), "{cut_off}");
                let there = in_order(&new).await.len() as u64;
                let done = import(&file, &new).await.unwrap();
                assert_eq!((done.commits, done.skipped), (30, there), "{fault:?} at {nth}");
                assert_eq!(done.digest, exported.digest);
                assert_eq!(streams(&new).await, streams(&old).await, "{fault:?} at {nth}");
            }
        }
    }
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let old = filled(50).await;
    let (file, exported) = export(&old).await;
    for seed in 0..50 {
        let faults = Faults::seeded(seed).with_rates(Fault::TRANSIENT, 0.1).suspending();
        let new = MemoryStore::new();
        let faulty = FaultyEventStore::new(Arc::new(new.clone()), faults.clone());
        let import = patient(Import::new(Arc::new(faulty)), seed);
        let report = import.read_from(&file[..]).await.unwrap();
        assert_eq!((report.commits, report.digest), (50, exported.digest));
        assert_eq!(report.skipped, 0, "an acknowledgement that was lost is not an earlier import");
        assert_eq!(streams(&new).await, streams(&old).await);
        assert!(!faults.injections().is_empty());
    }
}

fn patient(import: Import, seed: u64) -> Import {
    import
        .with_clock(Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z")))
        .with_entropy(Arc::new(SeededEntropy::new(seed)))
        .with_max_attempts(30)
}

#[tokio::test]
async fn what_does_not_pass_is_given_up() {
    let (file, _) = export(&filled(10).await).await;
    let faults = Faults::seeded(0).with_rate(Fault::LostRequest, 1.0);
    let faulty = FaultyEventStore::new(Arc::new(MemoryStore::new()), faults.clone());
    let import = patient(Import::new(Arc::new(faulty)), 0).with_concurrency(1).with_max_attempts(3);
    assert!(import.read_from(&file[..]).await.unwrap_err().is_transient());
    assert_eq!(faults.calls(Call::Append), 3);
}

#[tokio::test]
async fn an_error_names_the_line_of_its_commit() {
    let (file, _) = export(&filled(10).await).await;
    let (faults, new) = (Faults::none(), MemoryStore::new());
    faults.at(Call::Append, 7, Fault::LostRequest);
    let refused = import_with(&faults, &file, &new, 1).await.unwrap_err();
    assert!(matches!(refused, ArchiveError::Append { line: 8, .. }), "{refused}");
}
