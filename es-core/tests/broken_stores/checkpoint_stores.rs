//! Checkpoint stores that are broken in one way each.

use std::fmt::Debug;
use std::sync::Mutex;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::checkpoint_store::SUITE;
use es_core::{
    Adopted, Adoption, CheckpointStore, ConsumerId, DeadLetter, DeadLetterCount, DeadLetterQuery,
    Error, PartitionId, Position, Progress, Result, StreamId, StreamProgress, Version,
};

use crate::{assert_breaks, assert_keeps};

/// Progress with a fault; whatever the fault does not touch is the memory store's.
#[derive(Debug)]
struct Broken<F> {
    inner: MemoryStore,
    fault: F,
}

#[async_trait]
trait Fault: Debug + Send + Sync + 'static {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        CheckpointStore::save(store, progress).await
    }

    /// What stands for the consumer: two that are the same share their progress.
    fn consumer(&self, consumer: &ConsumerId) -> ConsumerId {
        consumer.clone()
    }

    fn version(&self, known: Version) -> Version {
        known
    }

    async fn reset(&self, store: &MemoryStore, consumer: &ConsumerId) -> Result<()> {
        store.reset(consumer).await
    }
}

#[async_trait]
impl<F: Fault> CheckpointStore for Broken<F> {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        CheckpointStore::load(&self.inner, &self.fault.consumer(consumer), partition).await
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        let consumer = self.fault.consumer(consumer);
        let known = self.inner.stream_progress(&consumer, streams).await?;
        let shown = |known: StreamProgress| StreamProgress {
            version: self.fault.version(known.version),
            ..known
        };
        Ok(known.into_iter().map(shown).collect())
    }

    async fn save(&self, mut progress: Progress) -> Result<()> {
        progress.consumer = self.fault.consumer(&progress.consumer);
        self.fault.save(&self.inner, progress).await
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        self.fault.reset(&self.inner, &self.fault.consumer(consumer)).await
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        self.inner.adopt(adoption).await
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        self.inner.dead_letters(&self.fault.consumer(consumer), query).await
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        self.inner.dead_letter_count(&self.fault.consumer(consumer)).await
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        self.inner.set_paused(&self.fault.consumer(consumer), paused).await
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        self.inner.is_paused(&self.fault.consumer(consumer)).await
    }
}

fn store<F: Fault + Default>() -> Broken<F> {
    Broken { inner: MemoryStore::new(), fault: F::default() }
}

#[derive(Debug, Default)]
struct Sound;

impl Fault for Sound {}

#[tokio::test]
async fn progress_without_a_fault_keeps_all_rules() {
    assert_eq!(SUITE.failures(|| async { store::<Sound>() }).await, []);
}

/// Saves whatever comes: the older checkpoint of a slow worker too.
#[derive(Debug, Default)]
struct Unfenced;

#[async_trait]
impl Fault for Unfenced {
    async fn save(&self, store: &MemoryStore, mut progress: Progress) -> Result<()> {
        loop {
            if let Some(advance) = &mut progress.advance {
                let position =
                    CheckpointStore::load(store, &progress.consumer, &advance.partition).await?;
                advance.based_on = position.revision;
            }
            match CheckpointStore::save(store, progress.clone()).await {
                Err(Error::Fenced { .. }) => {}
                outcome => return outcome,
            }
        }
    }
}

#[tokio::test]
async fn a_save_without_a_fence_is_found() {
    let rules = [
        ("a_save_on_a_stale_revision_is_fenced", "not fenced, but Ok"),
        ("a_save_on_a_revision_that_never_was_is_fenced", "not fenced, but Ok"),
        ("of_concurrent_saves_exactly_one_succeeds", "of 8 saves on one revision 8 win"),
        ("a_reset_fences_those_at_work", "from before a reset: not fenced"),
    ];
    assert_breaks(&SUITE, store::<Unfenced>, &rules).await;
    assert_keeps(&SUITE, store::<Unfenced>, &["saved_progress_comes_back"]).await;
}

/// Is fenced by the revision only.
#[derive(Debug, Default)]
struct BlindToStreams;

#[async_trait]
impl Fault for BlindToStreams {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        CheckpointStore::save(store, Progress { seen: vec![], ..progress }).await
    }
}

#[tokio::test]
async fn a_save_that_does_not_look_at_streams_is_found() {
    let rule = "a_save_based_on_another_version_of_a_stream_is_fenced";
    assert_breaks(&SUITE, store::<BlindToStreams>, &[(rule, "seen at 0, it is at 2")]).await;
    assert_keeps(&SUITE, store::<BlindToStreams>, &["a_save_on_a_stale_revision_is_fenced"]).await;
}

/// Writes the versions of streams before it looks at the revision.
#[derive(Debug, Default)]
struct WritesBeforeTheFence;

#[async_trait]
impl Fault for WritesBeforeTheFence {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        let outcome = CheckpointStore::save(store, progress.clone()).await;
        if outcome.is_err() {
            let part = Progress { advance: None, ..progress };
            let _ = CheckpointStore::save(store, part).await;
        }
        outcome
    }
}

#[tokio::test]
async fn a_save_that_is_not_atomic_is_found() {
    let rules = [
        ("a_fenced_save_writes_nothing", "the versions of the streams"),
        ("of_concurrent_saves_exactly_one_succeeds", "losers wrote"),
        ("a_step_of_many_streams_is_kept_whole", "a fenced save wrote a part"),
    ];
    assert_breaks(&SUITE, store::<WritesBeforeTheFence>, &rules).await;
}

/// Shows versions as far as a signed byte goes: they come back smaller.
#[derive(Debug, Default)]
struct VersionsGoBackwards;

impl Fault for VersionsGoBackwards {
    fn version(&self, known: Version) -> Version {
        if known.get() == 100 { Version::new(7) } else { known }
    }
}

#[tokio::test]
async fn a_version_that_goes_backwards_is_found() {
    let rules = [("the_version_of_a_stream_never_goes_backwards", "after 100")];
    assert_breaks(&SUITE, store::<VersionsGoBackwards>, &rules).await;
}

/// Takes consumers for the same that differ in case.
#[derive(Debug, Default)]
struct FoldsCase;

impl Fault for FoldsCase {
    fn consumer(&self, consumer: &ConsumerId) -> ConsumerId {
        ConsumerId::new(&consumer.as_str().to_lowercase()).unwrap_or_else(|_| consumer.clone())
    }
}

#[tokio::test]
async fn consumers_that_run_into_each_other_are_found() {
    let rules = [("consumers_are_kept_apart", "a save was refused")];
    assert_breaks(&SUITE, store::<FoldsCase>, &rules).await;
}

/// Does not reset at all, but says so.
#[derive(Debug, Default)]
struct NoReset;

#[async_trait]
impl Fault for NoReset {
    async fn reset(&self, _: &MemoryStore, _: &ConsumerId) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_reset_that_does_nothing_is_found() {
    let rules = [
        ("a_reset_consumer_begins_at_the_start", "p is not at the start"),
        ("revisions_grow_over_many_resets", "a revision came again"),
    ];
    let first = &rules[..1];
    assert_breaks(&SUITE, store::<NoReset>, first).await;
    assert_keeps(&SUITE, store::<NoReset>, &["saved_progress_comes_back"]).await;
}

/// Resets by forgetting: revisions begin at 0 again.
#[derive(Debug, Default)]
struct ForgetsOnReset(Mutex<MemoryStore>);

impl ForgetsOnReset {
    fn current(&self) -> MemoryStore {
        self.0.lock().expect("a lock").clone()
    }
}

#[async_trait]
impl CheckpointStore for ForgetsOnReset {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        CheckpointStore::load(&self.current(), consumer, partition).await
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        self.current().stream_progress(consumer, streams).await
    }

    async fn save(&self, progress: Progress) -> Result<()> {
        CheckpointStore::save(&self.current(), progress).await
    }

    async fn reset(&self, _: &ConsumerId) -> Result<()> {
        *self.0.lock().expect("a lock") = MemoryStore::new();
        Ok(())
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        self.current().adopt(adoption).await
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        self.current().dead_letters(consumer, query).await
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        self.current().dead_letter_count(consumer).await
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        self.current().set_paused(consumer, paused).await
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        self.current().is_paused(consumer).await
    }
}

#[tokio::test]
async fn revisions_that_begin_again_are_found() {
    let rules = [
        ("a_reset_fences_those_at_work", "Revision(0) from before a reset: not fenced"),
        ("a_reset_fences_a_first_step_in_another_partition", "not fenced"),
        ("revisions_grow_over_many_resets", "a revision came again"),
        ("a_reset_leaves_other_consumers_alone", "left == right"),
    ];
    assert_breaks(&SUITE, ForgetsOnReset::default, &rules).await;
}
