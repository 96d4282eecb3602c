//! Checkpoint stores that are broken in one way each.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::checkpoint_store::SUITE;
use es_core::{
    Adopted, Adoption, Advance, CheckpointStore, ConsumerId, DeadLetter, DeadLetterChange,
    DeadLetterCount, DeadLetterQuery, DeadLetterState, Failure, PartitionId, Position, Progress,
    Result, StreamId, StreamProgress, Version,
};

use crate::read_side::{
    Fault, Sound, all_letters, is_fenced, nobody, rebase, save_unfenced, store,
};
use crate::{Window, assert_breaks, assert_keeps};

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
            rebase(store, &mut progress).await?;
            progress.seen.clear();
            let outcome = CheckpointStore::save(store, progress.clone()).await;
            if !is_fenced(&outcome) {
                return outcome;
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

/// Is fenced in the partition of the step only.
#[derive(Debug, Default)]
struct BlindToOtherPositions;

#[async_trait]
impl Fault for BlindToOtherPositions {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        CheckpointStore::save(store, Progress { based_on: vec![], ..progress }).await
    }
}

#[tokio::test]
async fn a_save_that_does_not_look_at_other_positions_is_found() {
    let rule = "a_save_based_on_another_position_is_fenced";
    let broken = [(rule, "based on Revision(0) when it is Revision(1): not fenced")];
    assert_breaks(&SUITE, store::<BlindToOtherPositions>, &broken).await;
    let sound = ["a_save_on_a_stale_revision_is_fenced"];
    assert_keeps(&SUITE, store::<BlindToOtherPositions>, &sound).await;
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

#[async_trait]
impl Fault for VersionsGoBackwards {
    async fn stream_progress(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        let mut known = store.stream_progress(by, streams).await?;
        for stream in known.iter_mut().filter(|stream| stream.version.get() == 100) {
            stream.version = Version::new(7);
        }
        Ok(known)
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

fn folded(name: &ConsumerId) -> ConsumerId {
    ConsumerId::new(&name.as_str().to_lowercase()).unwrap_or_else(|_| name.clone())
}

#[async_trait]
impl Fault for FoldsCase {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        let consumer = folded(&progress.consumer);
        CheckpointStore::save(store, Progress { consumer, ..progress }).await
    }

    async fn dead_letters(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        store.dead_letters(&folded(by), query).await
    }
}

#[tokio::test]
async fn consumers_that_run_into_each_other_are_found() {
    let rules = [
        ("consumers_are_kept_apart", "a save was refused"),
        ("letters_of_consumers_are_kept_apart", "parked for"),
    ];
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
impl Fault for ForgetsOnReset {
    async fn load(&self, _: &MemoryStore, by: &ConsumerId, of: &PartitionId) -> Result<Position> {
        CheckpointStore::load(&self.current(), by, of).await
    }

    async fn stream_progress(
        &self,
        _: &MemoryStore,
        by: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        self.current().stream_progress(by, streams).await
    }

    async fn save(&self, _: &MemoryStore, progress: Progress) -> Result<()> {
        CheckpointStore::save(&self.current(), progress).await
    }

    async fn reset(&self, _: &MemoryStore, _: &ConsumerId) -> Result<()> {
        *self.0.lock().expect("a lock") = MemoryStore::new();
        Ok(())
    }
}

#[tokio::test]
async fn revisions_that_begin_again_are_found() {
    let rules = [
        ("a_reset_fences_those_at_work", "Revision(0) from before a reset: not fenced"),
        ("a_reset_fences_a_first_step_in_another_partition", "not fenced"),
        ("revisions_grow_over_many_resets", "a revision came again"),
        ("a_reset_leaves_other_consumers_alone", "the positions of c2"),
    ];
    assert_breaks(&SUITE, store::<ForgetsOnReset>, &rules).await;
}

/// Parks what failed whether the step is fenced or not.
#[derive(Debug, Default)]
struct ParksOutsideTheFence;

#[async_trait]
impl Fault for ParksOutsideTheFence {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        let outcome = CheckpointStore::save(store, progress.clone()).await;
        if is_fenced(&outcome) {
            save_unfenced(store, &progress.consumer, vec![], progress.dead_letters).await?;
        }
        outcome
    }
}

#[tokio::test]
async fn letters_outside_the_fence_are_found() {
    let rules = [
        ("a_fenced_save_changes_no_letter", "a letter parked, fenced: the streams of c"),
        ("a_save_that_saw_other_letters_is_fenced", "the streams of c"),
        ("a_step_beside_the_feed_is_fenced_by_what_it_saw", "the streams of c"),
        ("of_concurrent_steps_beside_the_feed_exactly_one_succeeds", "the letters of the winners"),
    ];
    assert_breaks(&SUITE, store::<ParksOutsideTheFence>, &rules).await;
    assert_keeps(&SUITE, store::<ParksOutsideTheFence>, &["a_fenced_save_writes_nothing"]).await;
}

/// Is fenced by the versions of streams, not by what is parked behind them.
#[derive(Debug, Default)]
struct BlindToLetters;

#[async_trait]
impl Fault for BlindToLetters {
    async fn save(&self, store: &MemoryStore, mut progress: Progress) -> Result<()> {
        for (stream, seen) in &mut progress.seen {
            let stream = std::slice::from_ref(stream);
            seen.parked = store.stream_progress(&progress.consumer, stream).await?[0].parked;
        }
        CheckpointStore::save(store, progress).await
    }
}

#[tokio::test]
async fn a_fence_that_does_not_look_at_letters_is_found() {
    let rules = [
        ("a_save_that_saw_other_letters_is_fenced", "parked through 5, seen at 0: not fenced"),
        ("a_step_beside_the_feed_is_fenced_by_what_it_saw", "not fenced, but Ok"),
        ("a_reset_fences_a_step_beside_the_feed", "not fenced, but Ok"),
        ("random_steps_are_as_in_a_model", "not fenced, but Ok"),
    ];
    assert_breaks(&SUITE, store::<BlindToLetters>, &rules).await;
    let rules = ["a_save_based_on_another_version_of_a_stream_is_fenced"];
    assert_keeps(&SUITE, store::<BlindToLetters>, &rules).await;
}

/// Lets steps beside the feed pass: there is no revision to look at.
#[derive(Debug, Default)]
struct BesideTheFence;

#[async_trait]
impl Fault for BesideTheFence {
    async fn save(&self, store: &MemoryStore, mut progress: Progress) -> Result<()> {
        if progress.advance.is_none() {
            progress.seen.clear();
        }
        CheckpointStore::save(store, progress).await
    }
}

#[tokio::test]
async fn steps_beside_the_feed_without_a_fence_are_found() {
    let rules = [
        ("a_step_beside_the_feed_is_fenced_by_what_it_saw", "not fenced, but Ok"),
        ("steps_of_the_feed_and_beside_it_fence_each_other", "a step of the feed was faster"),
        ("of_concurrent_steps_beside_the_feed_exactly_one_succeeds", "that saw the same 8 win"),
        ("a_reset_fences_a_step_beside_the_feed", "before a reset: not fenced"),
    ];
    assert_breaks(&SUITE, store::<BesideTheFence>, &rules).await;
}

/// Counts every step in the position of partition `p`, those beside the feed too.
#[derive(Debug, Default)]
struct CountsAllSteps;

#[async_trait]
impl Fault for CountsAllSteps {
    async fn save(&self, store: &MemoryStore, mut progress: Progress) -> Result<()> {
        if progress.advance.is_none() {
            let partition = PartitionId::new("p")?;
            let at = CheckpointStore::load(store, &progress.consumer, &partition).await?;
            let (based_on, checkpoint) = (at.revision, at.checkpoint);
            progress.advance = Some(Advance { partition, based_on, checkpoint });
        }
        CheckpointStore::save(store, progress).await
    }
}

#[tokio::test]
async fn a_step_beside_the_feed_that_fences_workers_is_found() {
    let rules = [("a_step_beside_the_feed_leaves_positions_alone", "a position moved")];
    assert_breaks(&SUITE, store::<CountsAllSteps>, &rules).await;
}

/// Changes the changes of letters before they are saved.
async fn save_with(
    store: &MemoryStore,
    mut progress: Progress,
    changed: impl FnOnce(Vec<DeadLetterChange>) -> Vec<DeadLetterChange>,
) -> Result<()> {
    progress.dead_letters = changed(progress.dead_letters);
    CheckpointStore::save(store, progress).await
}

/// Parks a commit once: what is learnt about it later is lost.
#[derive(Debug, Default)]
struct KeepsTheFirstLetter;

#[async_trait]
impl Fault for KeepsTheFirstLetter {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        let there = all_letters(store, &progress.consumer, DeadLetterState::Parked).await?;
        let place =
            |letter: &DeadLetter| (letter.commit.stream().clone(), letter.commit.first_version());
        let there: BTreeSet<_> = there.iter().map(place).collect();
        let is_new = |change: &DeadLetterChange| match change {
            DeadLetterChange::Park(letter) => !there.contains(&place(letter)),
            _ => true,
        };
        let only_new = |changes: Vec<_>| changes.into_iter().filter(is_new).collect();
        save_with(store, progress, only_new).await
    }
}

#[tokio::test]
async fn a_letter_that_is_not_replaced_is_found() {
    let rules = [("parking_again_replaces_a_letter", "another letter")];
    assert_breaks(&SUITE, store::<KeepsTheFirstLetter>, &rules).await;
    assert_keeps(&SUITE, store::<KeepsTheFirstLetter>, &["a_removed_letter_is_gone"]).await;
}

/// Forgets what is given up.
#[derive(Debug, Default)]
struct DropsWithoutARecord;

#[async_trait]
impl Fault for DropsWithoutARecord {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        let removed = |change| match change {
            DeadLetterChange::Drop { stream, version, .. } => {
                DeadLetterChange::Remove { stream, version }
            }
            change => change,
        };
        let removed = |changes: Vec<_>| changes.into_iter().map(removed).collect();
        save_with(store, progress, removed).await
    }
}

#[tokio::test]
async fn a_drop_without_a_record_is_found() {
    let rules = [
        ("a_dropped_letter_is_kept_as_a_record", "dropped: the places"),
        ("dropped_letters_are_listed_apart", "dropped: the places"),
    ];
    assert_breaks(&SUITE, store::<DropsWithoutARecord>, &rules).await;
}

/// Makes removals first, as a batch that sorts its writes.
#[derive(Debug, Default)]
struct RemovesFirst;

#[async_trait]
impl Fault for RemovesFirst {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        let sorted = |mut changes: Vec<DeadLetterChange>| {
            changes.sort_by_key(|change| !matches!(change, DeadLetterChange::Remove { .. }));
            changes
        };
        save_with(store, progress, sorted).await
    }
}

#[tokio::test]
async fn changes_in_another_order_are_found() {
    let rules = [("changes_of_letters_are_made_in_their_order", "parked: the places")];
    assert_breaks(&SUITE, store::<RemovesFirst>, &rules).await;
}

/// Has a column of 255 bytes for errors.
#[derive(Debug, Default)]
struct CutsErrors;

#[async_trait]
impl Fault for CutsErrors {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        let cut = |failure: &mut Failure| {
            failure.error.truncate(failure.error.floor_char_boundary(255));
        };
        let cut = |mut changes: Vec<DeadLetterChange>| {
            for change in &mut changes {
                if let DeadLetterChange::Park(letter) = change {
                    letter.failure.as_mut().map(cut);
                }
            }
            changes
        };
        save_with(store, progress, cut).await
    }
}

#[tokio::test]
async fn an_error_that_is_cut_is_found() {
    let rules = [
        ("errors_and_reasons_of_any_text_come_back", "another letter"),
        ("a_letter_of_64_kib_comes_back", "another letter"),
    ];
    assert_breaks(&SUITE, store::<CutsErrors>, &rules).await;
    let rules = ["letters_in_every_encoding_come_back"];
    assert_keeps(&SUITE, store::<CutsErrors>, &rules).await;
}

/// Shows where the last parked commit begins, not where it ends.
#[derive(Debug, Default)]
struct ParkedThroughTheFirstEvent;

#[async_trait]
impl Fault for ParkedThroughTheFirstEvent {
    async fn stream_progress(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        let mut known = store.stream_progress(by, streams).await?;
        for (stream, known) in streams.iter().zip(&mut known) {
            let query = DeadLetterQuery::default().stream(stream.clone());
            let last = store.dead_letters(by, &query).await?.pop();
            known.parked = last.map(|letter| letter.commit.first_version()).unwrap_or_default();
        }
        Ok(known)
    }
}

#[tokio::test]
async fn a_stream_parked_through_another_version_is_found() {
    let rules = [
        ("a_stream_is_parked_through_its_last_letter", "the last first"),
        ("a_letter_is_parked_with_the_progress_past_it", "left == right"),
    ];
    let first = &rules[..1];
    assert_breaks(&SUITE, store::<ParkedThroughTheFirstEvent>, first).await;
}

/// Lists letters as they came.
#[derive(Debug, Default)]
struct ListsAsTheyCame(Mutex<Vec<(StreamId, Version)>>);

#[async_trait]
impl Fault for ListsAsTheyCame {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        for change in &progress.dead_letters {
            if let DeadLetterChange::Park(letter) = change {
                let place = (letter.commit.stream().clone(), letter.commit.first_version());
                self.0.lock().expect("a lock").push(place);
            }
        }
        CheckpointStore::save(store, progress).await
    }

    async fn dead_letters(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        let mut listed = store.dead_letters(by, query).await?;
        let came = self.0.lock().expect("a lock");
        listed.sort_by_key(|letter| {
            let place = (letter.commit.stream().clone(), letter.commit.first_version());
            came.iter().position(|one| *one == place)
        });
        Ok(listed)
    }
}

#[tokio::test]
async fn letters_in_another_order_are_found() {
    let rules = [("letters_are_listed_by_stream_and_version", "all: the places")];
    assert_breaks(&SUITE, store::<ListsAsTheyCame>, &rules).await;
    let rules = ["a_letter_is_parked_with_the_progress_past_it"];
    assert_keeps(&SUITE, store::<ListsAsTheyCame>, &rules).await;
}

/// Begins every page at the beginning.
#[derive(Debug, Default)]
struct IgnoresAfter;

#[async_trait]
impl Fault for IgnoresAfter {
    async fn dead_letters(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        store.dead_letters(by, &DeadLetterQuery { after: None, ..query.clone() }).await
    }
}

#[tokio::test]
async fn pages_of_letters_that_begin_again_are_found() {
    let rules = [
        ("paging_sees_every_letter_once", "a listing does not come to an end"),
        ("a_listing_of_letters_begins_behind_a_place", "behind"),
        ("the_first_letter_of_each_stream_is_listed", "a listing does not come to an end"),
    ];
    assert_breaks(&SUITE, store::<IgnoresAfter>, &rules).await;
}

/// Looks for a stream's letters in a page of all.
#[derive(Debug, Default)]
struct FiltersAPage;

#[async_trait]
impl Fault for FiltersAPage {
    async fn dead_letters(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        let all = DeadLetterQuery { stream: None, ..query.clone() };
        let mut page = store.dead_letters(by, &all).await?;
        page.retain(|letter| query.stream.as_ref().is_none_or(|of| of == letter.commit.stream()));
        Ok(page)
    }
}

#[tokio::test]
async fn a_limit_before_the_filter_is_found() {
    let rules = [("letters_of_one_stream_are_listed", "of stream")];
    assert_breaks(&SUITE, store::<FiltersAPage>, &rules).await;
    assert_keeps(&SUITE, store::<FiltersAPage>, &["paging_sees_every_letter_once"]).await;
}

/// Takes the first letter that it lists of a stream for the stream's first.
#[derive(Debug, Default)]
struct FirstOfThePage;

#[async_trait]
impl Fault for FirstOfThePage {
    async fn dead_letters(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        if query.state != DeadLetterState::First {
            return store.dead_letters(by, query).await;
        }
        let all = query.clone().state(DeadLetterState::Parked).limit(usize::MAX);
        let mut listed = store.dead_letters(by, &all).await?;
        listed.dedup_by_key(|letter| letter.commit.stream().clone());
        listed.truncate(query.limit);
        Ok(listed)
    }
}

#[tokio::test]
async fn a_first_letter_that_is_not_the_first_is_found() {
    let rules = [("the_first_letter_of_each_stream_is_listed", "by 1: the places")];
    assert_breaks(&SUITE, store::<FirstOfThePage>, &rules).await;
}

/// Counts what was dropped too.
#[derive(Debug, Default)]
struct CountsRecords;

#[async_trait]
impl Fault for CountsRecords {
    async fn dead_letter_count(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
    ) -> Result<DeadLetterCount> {
        let mut count = store.dead_letter_count(by).await?;
        count.letters += all_letters(store, by, DeadLetterState::Dropped).await?.len() as u64;
        Ok(count)
    }
}

#[tokio::test]
async fn a_count_with_records_is_found() {
    let rules = [
        ("letters_are_counted", "after [Drop"),
        ("a_reset_forgets_parked_letters_and_keeps_records", "after a reset"),
    ];
    assert_breaks(&SUITE, store::<CountsRecords>, &rules).await;
}

/// Forgets records with the rest, on a reset and on an adoption.
#[derive(Debug, Default)]
struct ForgetsRecords(Mutex<BTreeSet<ConsumerId>>);

#[async_trait]
impl Fault for ForgetsRecords {
    async fn reset(&self, store: &MemoryStore, by: &ConsumerId) -> Result<()> {
        self.0.lock().expect("a lock").insert(by.clone());
        store.reset(by).await
    }

    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        self.0.lock().expect("a lock").insert(adoption.to.clone());
        store.adopt(adoption).await
    }

    async fn dead_letters(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        let forgotten = self.0.lock().expect("a lock").contains(by);
        if forgotten && query.state == DeadLetterState::Dropped {
            return Ok(Vec::new());
        }
        store.dead_letters(by, query).await
    }
}

#[tokio::test]
async fn records_that_are_forgotten_are_found() {
    let rules = [
        ("a_reset_forgets_parked_letters_and_keeps_records", "dropped before a reset"),
        ("an_adoption_keeps_records_of_dropped_letters", "records of both"),
    ];
    assert_breaks(&SUITE, store::<ForgetsRecords>, &rules).await;
    let rules = ["a_dropped_letter_is_kept_as_a_record"];
    assert_keeps(&SUITE, store::<ForgetsRecords>, &rules).await;
}

/// Resets everything, also that the consumer rests.
#[derive(Debug, Default)]
struct ResetResumes;

#[async_trait]
impl Fault for ResetResumes {
    async fn reset(&self, store: &MemoryStore, by: &ConsumerId) -> Result<()> {
        store.set_paused(by, false).await?;
        store.reset(by).await
    }
}

#[tokio::test]
async fn a_reset_that_resumes_is_found() {
    let rules = [("a_reset_leaves_a_consumer_paused", "after a reset")];
    assert_breaks(&SUITE, store::<ResetResumes>, &rules).await;
}

/// Has one switch for all.
#[derive(Debug, Default)]
struct PausesEverybody;

#[async_trait]
impl Fault for PausesEverybody {
    async fn set_paused(&self, store: &MemoryStore, _: &ConsumerId, paused: bool) -> Result<()> {
        store.set_paused(&nobody("in particular"), paused).await
    }

    async fn is_paused(&self, store: &MemoryStore, _: &ConsumerId) -> Result<bool> {
        store.is_paused(&nobody("in particular")).await
    }
}

#[tokio::test]
async fn one_pause_for_all_is_found() {
    let rules = [("consumers_are_paused_apart", "of consumer")];
    assert_breaks(&SUITE, store::<PausesEverybody>, &rules).await;
    let rules = ["a_consumer_is_paused_when_somebody_says_so"];
    assert_keeps(&SUITE, store::<PausesEverybody>, &rules).await;
}

/// Adopts on top of what is there: the versions of both.
#[derive(Debug, Default)]
struct KeepsOldVersions(Streams);

/// The streams that were ever moved on.
#[derive(Debug, Default)]
struct Streams(Mutex<BTreeSet<StreamId>>);

impl Streams {
    fn note(&self, progress: &Progress) {
        let streams = progress.streams.iter().map(|(stream, _)| stream.clone());
        self.0.lock().expect("a lock").extend(streams);
    }

    async fn versions(
        &self,
        store: &MemoryStore,
        by: &ConsumerId,
    ) -> Result<Vec<(StreamId, Version)>> {
        let streams: Vec<StreamId> = self.0.lock().expect("a lock").iter().cloned().collect();
        let known = store.stream_progress(by, &streams).await?;
        Ok(streams.into_iter().zip(known.into_iter().map(|known| known.version)).collect())
    }
}

#[async_trait]
impl Fault for KeepsOldVersions {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        self.0.note(&progress);
        CheckpointStore::save(store, progress).await
    }

    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        let old = self.0.versions(store, &adoption.to).await?;
        let adopted = store.adopt(adoption).await?;
        if adopted == Adopted::Done {
            save_unfenced(store, &adoption.to, old, vec![]).await?;
        }
        Ok(adopted)
    }
}

#[tokio::test]
async fn an_adoption_on_top_of_old_versions_is_found() {
    let rules = [
        ("an_adoption_forgets_what_was_there", "the progress of a stream survived"),
        ("an_adoption_does_not_go_backwards_unasked", "asked to"),
    ];
    assert_breaks(&SUITE, store::<KeepsOldVersions>, &rules).await;
    let rules = ["an_adoption_hands_over_everything", "after_an_adoption_both_go_on"];
    assert_keeps(&SUITE, store::<KeepsOldVersions>, &rules).await;
}

/// Copies what it should hand over.
#[derive(Debug, Default)]
struct CopiesOnAdoption(Streams);

#[async_trait]
impl Fault for CopiesOnAdoption {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        self.0.note(&progress);
        CheckpointStore::save(store, progress).await
    }

    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        let given = self.0.versions(store, &adoption.from).await?;
        let letters = all_letters(store, &adoption.from, DeadLetterState::Parked).await?;
        let adopted = store.adopt(adoption).await?;
        if adopted == Adopted::Done {
            let park = |letter| DeadLetterChange::Park(Box::new(letter));
            let letters = letters.into_iter().map(park).collect();
            save_unfenced(store, &adoption.from, given, letters).await?;
        }
        Ok(adopted)
    }
}

#[tokio::test]
async fn an_adoption_that_leaves_something_behind_is_found() {
    let rules = [
        ("an_adoption_hands_over_everything", "versions were left behind"),
        ("an_adoption_of_many_streams_is_kept_whole", "versions were left behind"),
        ("after_an_adoption_both_go_on", "versions were left behind"),
    ];
    assert_breaks(&SUITE, store::<CopiesOnAdoption>, &rules).await;
}

/// Forgets the letters of both sides.
#[derive(Debug, Default)]
struct LosesLettersOnAdoption;

#[async_trait]
impl Fault for LosesLettersOnAdoption {
    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        let adopted = store.adopt(adoption).await?;
        if adopted == Adopted::Done {
            let letters = all_letters(store, &adoption.to, DeadLetterState::Parked).await?;
            let remove = |letter: DeadLetter| DeadLetterChange::Remove {
                stream: letter.commit.stream().clone(),
                version: letter.commit.first_version(),
            };
            let letters = letters.into_iter().map(remove).collect();
            save_unfenced(store, &adoption.to, vec![], letters).await?;
        }
        Ok(adopted)
    }
}

#[tokio::test]
async fn an_adoption_that_loses_letters_is_found() {
    let rules = [
        ("a_consumer_that_never_saved_adopts", "adopted: the places"),
        ("an_adoption_does_not_lose_letters_unasked", "handed over: the places"),
    ];
    assert_breaks(&SUITE, store::<LosesLettersOnAdoption>, &rules).await;
}

/// Moves the revisions of the consumer that gives, and forgets about workers of the other.
#[derive(Debug, Default)]
struct DoesNotFenceTheTaker(Mutex<BTreeSet<ConsumerId>>);

#[async_trait]
impl Fault for DoesNotFenceTheTaker {
    async fn save(&self, store: &MemoryStore, mut progress: Progress) -> Result<()> {
        if self.0.lock().expect("a lock").contains(&progress.consumer) {
            rebase(store, &mut progress).await?;
        }
        CheckpointStore::save(store, progress).await
    }

    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        self.0.lock().expect("a lock").insert(adoption.to.clone());
        store.adopt(adoption).await
    }
}

#[tokio::test]
async fn an_adoption_that_does_not_fence_the_taker_is_found() {
    let rules = [
        ("an_adoption_fences_workers_of_both", "Revision(0) of live in p from before an adoption"),
        ("a_consumer_that_never_saved_adopts", "a first step from before an adoption"),
    ];
    assert_breaks(&SUITE, store::<DoesNotFenceTheTaker>, &rules).await;
    let rules = ["after_an_adoption_both_go_on"];
    assert_keeps(&SUITE, store::<DoesNotFenceTheTaker>, &rules).await;
}

/// Adopts wherever the other is.
#[derive(Debug, Default)]
struct AdoptsUnfenced;

#[async_trait]
impl Fault for AdoptsUnfenced {
    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        store.adopt(&Adoption { based_on: vec![], ..adoption.clone() }).await
    }
}

#[tokio::test]
async fn an_adoption_without_a_fence_is_found() {
    let rules = [
        ("an_adoption_based_on_another_revision_is_fenced", "not fenced, but Ok"),
        ("of_concurrent_adoptions_exactly_one_succeeds", "of 6 adoptions of one revision 6 are"),
    ];
    assert_breaks(&SUITE, store::<AdoptsUnfenced>, &rules).await;
    let rules = ["an_adoption_fences_workers_of_both"];
    assert_keeps(&SUITE, store::<AdoptsUnfenced>, &rules).await;
}

/// Looks at the fence, and adopts then.
#[derive(Debug, Default)]
struct FenceAndThenAdoption(Window);

#[async_trait]
impl Fault for FenceAndThenAdoption {
    async fn save(&self, store: &MemoryStore, progress: Progress) -> Result<()> {
        let outcome = CheckpointStore::save(store, progress).await;
        self.0.pass();
        outcome
    }

    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        for (of, revision) in &adoption.based_on {
            if CheckpointStore::load(store, &adoption.from, of).await?.revision != *revision {
                return Err(adoption.fenced());
            }
        }
        self.0.stay().await;
        store.adopt(&Adoption { based_on: vec![], ..adoption.clone() }).await
    }
}

#[tokio::test]
async fn an_adoption_in_two_steps_is_found() {
    let rules = [
        ("of_concurrent_adoptions_exactly_one_succeeds", "of 6 adoptions of one revision"),
        ("of_an_adoption_and_a_save_exactly_one_succeeds", "saved: Ok(()), adopted: Ok(())"),
    ];
    assert_breaks(&SUITE, store::<FenceAndThenAdoption>, &rules).await;
    let rules = ["an_adoption_based_on_another_revision_is_fenced"];
    assert_keeps(&SUITE, store::<FenceAndThenAdoption>, &rules).await;
}

/// Looks for what speaks against an adoption before it looks whether it is out of date.
#[derive(Debug, Default)]
struct FenceLast;

#[async_trait]
impl Fault for FenceLast {
    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        let parked = store.dead_letter_count(&adoption.to).await?;
        if !adoption.replaces_dead_letters && parked.letters > 0 {
            return Ok(Adopted::Parked(parked));
        }
        store.adopt(adoption).await
    }
}

#[tokio::test]
async fn an_outcome_of_what_is_out_of_date_is_found() {
    let rules = [("an_adoption_based_on_another_revision_is_fenced", "behind and parked")];
    assert_breaks(&SUITE, store::<FenceLast>, &rules).await;
}

/// Adopts without asking.
#[derive(Debug, Default)]
struct AdoptsUnasked;

#[async_trait]
impl Fault for AdoptsUnasked {
    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        let (backwards, replaces_dead_letters) = (true, true);
        store.adopt(&Adoption { backwards, replaces_dead_letters, ..adoption.clone() }).await
    }
}

#[tokio::test]
async fn an_adoption_that_nobody_asked_for_is_found() {
    let rules = [
        ("an_adoption_does_not_go_backwards_unasked", "not behind in one of [\"s\", \"t\"]"),
        ("an_adoption_does_not_lose_letters_unasked", "3 letters are not in the way"),
    ];
    assert_breaks(&SUITE, store::<AdoptsUnasked>, &rules).await;
}

/// Hands over whether to rest, too.
#[derive(Debug, Default)]
struct HandsOverThePause;

#[async_trait]
impl Fault for HandsOverThePause {
    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        let adopted = store.adopt(adoption).await?;
        let paused = store.is_paused(&adoption.from).await?;
        store.set_paused(&adoption.to, paused).await?;
        Ok(adopted)
    }
}

#[tokio::test]
async fn an_adoption_that_pauses_is_found() {
    let rules = [("an_adoption_leaves_both_paused_or_not", "after an adoption")];
    assert_breaks(&SUITE, store::<HandsOverThePause>, &rules).await;
}

/// Forgets a consumer that takes its own place.
#[derive(Debug, Default)]
struct AdoptsItself;

#[async_trait]
impl Fault for AdoptsItself {
    async fn adopt(&self, store: &MemoryStore, adoption: &Adoption) -> Result<Adopted> {
        if adoption.from == adoption.to {
            store.reset(&adoption.to).await?;
            return Ok(Adopted::Done);
        }
        store.adopt(adoption).await
    }
}

#[tokio::test]
async fn a_consumer_that_adopts_itself_is_found() {
    let rules = [("a_consumer_does_not_adopt_itself", "no misuse, but Ok")];
    assert_breaks(&SUITE, store::<AdoptsItself>, &rules).await;
}
