//! Deadline stores that are broken in one way each.

use std::fmt::Debug;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::deadline_store::SUITE;
use es_core::{ConsumerId, Deadline, DeadlineStore, DuePage, DueQuery, Result, Timestamp};

use crate::{assert_breaks, assert_keeps};

/// Deadlines with a fault; whatever the fault does not touch is the memory store's.
#[derive(Debug, Default)]
struct Broken<F> {
    inner: MemoryStore,
    fault: F,
}

#[async_trait]
trait Fault: Debug + Default + Send + Sync + 'static {
    async fn set(&self, by: &MemoryStore, deadlines: &[Deadline]) -> Result<()> {
        by.set(deadlines).await
    }

    async fn remove(&self, by: &MemoryStore, deadlines: &[Deadline]) -> Result<()> {
        by.remove(deadlines).await
    }

    async fn due(&self, by: &MemoryStore, query: &DueQuery) -> Result<DuePage> {
        by.due(query).await
    }

    async fn next(&self, by: &MemoryStore, process: &ConsumerId) -> Result<Option<Timestamp>> {
        by.next(process).await
    }
}

#[async_trait]
impl<F: Fault> DeadlineStore for Broken<F> {
    async fn set(&self, deadlines: &[Deadline]) -> Result<()> {
        self.fault.set(&self.inner, deadlines).await
    }

    async fn remove(&self, deadlines: &[Deadline]) -> Result<()> {
        self.fault.remove(&self.inner, deadlines).await
    }

    async fn due(&self, query: &DueQuery) -> Result<DuePage> {
        self.fault.due(&self.inner, query).await
    }

    async fn next(&self, process: &ConsumerId) -> Result<Option<Timestamp>> {
        self.fault.next(&self.inner, process).await
    }
}

async fn all(by: &MemoryStore, process: &ConsumerId) -> Vec<Deadline> {
    let query = DueQuery::new(process.clone(), Timestamp::MAX).limit(usize::MAX);
    by.due(&query).await.expect("memory does not fail").deadlines
}

/// Keeps one time per instance and id, the last one that was set.
#[derive(Debug, Default)]
struct Moving;

#[async_trait]
impl Fault for Moving {
    async fn set(&self, by: &MemoryStore, deadlines: &[Deadline]) -> Result<()> {
        for new in deadlines {
            let mut same = all(by, new.process()).await;
            same.retain(|old| (old.instance(), old.id()) == (new.instance(), new.id()));
            by.remove(&same).await?;
            by.set(std::slice::from_ref(new)).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_deadline_that_is_moved_is_found() {
    let rules = [
        ("another_time_is_another_deadline", "left == right"),
        ("times_from_the_far_past_to_the_far_future_work", "left == right"),
        ("random_steps_are_as_in_a_model", "left == right"),
    ];
    assert_breaks(&SUITE, Broken::<Moving>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<Moving>::default, &["setting_again_changes_nothing"]).await;
}

/// Tells instances apart by their id alone.
#[derive(Debug, Default)]
struct OneInstance;

#[async_trait]
impl Fault for OneInstance {
    async fn set(&self, by: &MemoryStore, deadlines: &[Deadline]) -> Result<()> {
        for new in deadlines {
            let stored = all(by, new.process()).await;
            if !stored.iter().any(|old| (old.due(), old.id()) == (new.due(), new.id())) {
                by.set(std::slice::from_ref(new)).await?;
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn instances_that_are_one_are_found() {
    let rules = [("deadlines_of_instances_are_kept_apart", "left == right")];
    assert_breaks(&SUITE, Broken::<OneInstance>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<OneInstance>::default, &["the_next_is_the_earliest"]).await;
}

/// Does what fits into one request of a service.
#[derive(Debug, Default)]
struct OneBatch;

#[async_trait]
impl Fault for OneBatch {
    async fn set(&self, by: &MemoryStore, deadlines: &[Deadline]) -> Result<()> {
        by.set(&deadlines[..deadlines.len().min(25)]).await
    }

    async fn remove(&self, by: &MemoryStore, deadlines: &[Deadline]) -> Result<()> {
        by.remove(&deadlines[..deadlines.len().min(25)]).await
    }
}

#[tokio::test]
async fn a_batch_that_is_cut_is_found() {
    let rules = [
        ("many_are_set_at_once", "left == right"),
        ("pages_follow_each_other", "page 0"),
        ("the_earliest_come_first", "left == right"),
    ];
    assert_breaks(&SUITE, Broken::<OneBatch>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<OneBatch>::default, &["a_removed_deadline_is_gone"]).await;
}

/// Removes every time of a deadline.
#[derive(Debug, Default)]
struct RemovingTooMuch;

#[async_trait]
impl Fault for RemovingTooMuch {
    async fn remove(&self, by: &MemoryStore, deadlines: &[Deadline]) -> Result<()> {
        for removed in deadlines {
            let mut same = all(by, removed.process()).await;
            same.retain(|old| (old.instance(), old.id()) == (removed.instance(), removed.id()));
            by.remove(&same).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn removing_too_much_is_found() {
    let rules = [
        ("removing_what_is_not_there_changes_nothing", "after the removal"),
        ("times_from_the_far_past_to_the_far_future_work", "left == right"),
    ];
    assert_breaks(&SUITE, Broken::<RemovingTooMuch>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<RemovingTooMuch>::default, &["many_are_removed_at_once"]).await;
}

/// Leaves out what is due at this moment.
#[derive(Debug, Default)]
struct NotYet;

#[async_trait]
impl Fault for NotYet {
    async fn due(&self, by: &MemoryStore, query: &DueQuery) -> Result<DuePage> {
        let mut page = by.due(query).await?;
        page.deadlines.retain(|deadline| deadline.due() < query.until);
        Ok(page)
    }
}

#[tokio::test]
async fn a_deadline_that_comes_late_is_found() {
    let rules = [("a_deadline_is_due_from_its_time_on", "at 2026-03-01T12:00:00Z")];
    assert_breaks(&SUITE, Broken::<NotYet>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<NotYet>::default, &["a_removed_deadline_is_gone"]).await;
}

/// Goes on by time alone.
#[derive(Debug, Default)]
struct CursorOfTime;

#[async_trait]
impl Fault for CursorOfTime {
    async fn due(&self, by: &MemoryStore, query: &DueQuery) -> Result<DuePage> {
        let everything = DueQuery::new(query.process.clone(), query.until).limit(usize::MAX);
        let mut deadlines = by.due(&everything).await?.deadlines;
        let after = query.after.as_ref().map(Deadline::due);
        deadlines.retain(|deadline| after.is_none_or(|after| deadline.due() > after));
        let more = deadlines.len() > query.limit;
        deadlines.truncate(query.limit);
        Ok(DuePage::new(deadlines, more))
    }
}

#[tokio::test]
async fn pages_that_leave_something_out_are_found() {
    let rules = [
        ("pages_follow_each_other", "page 1"),
        ("a_page_goes_on_behind_a_deadline_that_is_gone", "left"),
        ("what_is_set_throughout_is_in_one_of_the_pages", "how often"),
    ];
    assert_breaks(&SUITE, Broken::<CursorOfTime>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<CursorOfTime>::default, &["the_earliest_come_first"]).await;
}

/// Counts pages instead of keeping a place.
#[derive(Debug, Default)]
struct CursorThatMustBeThere;

#[async_trait]
impl Fault for CursorThatMustBeThere {
    async fn due(&self, by: &MemoryStore, query: &DueQuery) -> Result<DuePage> {
        let known = all(by, &query.process).await;
        let is_gone = |after: &Deadline| !known.contains(after);
        let mut query = query.clone();
        query.after = query.after.filter(|after| !is_gone(after));
        by.due(&query).await
    }
}

#[tokio::test]
async fn a_cursor_that_must_be_there_is_found() {
    let rules = [("a_page_goes_on_behind_a_deadline_that_is_gone", "left == right")];
    assert_breaks(&SUITE, Broken::<CursorThatMustBeThere>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<CursorThatMustBeThere>::default, &["pages_follow_each_other"])
        .await;
}

/// Says that there is more as soon as a page is full.
#[derive(Debug, Default)]
struct FullPagesGoOn;

#[async_trait]
impl Fault for FullPagesGoOn {
    async fn due(&self, by: &MemoryStore, query: &DueQuery) -> Result<DuePage> {
        let mut page = by.due(query).await?;
        page.more = page.deadlines.len() == query.limit;
        Ok(page)
    }
}

#[tokio::test]
async fn a_page_that_promises_too_much_is_found() {
    let rules = [("pages_follow_each_other", "whether there are more")];
    assert_breaks(&SUITE, Broken::<FullPagesGoOn>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<FullPagesGoOn>::default, &["the_earliest_come_first"]).await;
}

/// Sorts times as texts of their seconds.
#[derive(Debug, Default)]
struct TextualOrder;

#[async_trait]
impl Fault for TextualOrder {
    async fn due(&self, by: &MemoryStore, query: &DueQuery) -> Result<DuePage> {
        let mut page = by.due(query).await?;
        page.deadlines.sort_by_key(|deadline| deadline.due().as_microsecond().to_string());
        Ok(page)
    }
}

#[tokio::test]
async fn times_that_are_sorted_as_text_are_found() {
    let rules = [("times_from_the_far_past_to_the_far_future_work", "left == right")];
    assert_breaks(&SUITE, Broken::<TextualOrder>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<TextualOrder>::default, &["a_removed_deadline_is_gone"]).await;
}

/// Knows the next of what was set last.
#[derive(Debug, Default)]
struct AnyNext;

#[async_trait]
impl Fault for AnyNext {
    async fn next(&self, by: &MemoryStore, process: &ConsumerId) -> Result<Option<Timestamp>> {
        Ok(all(by, process).await.last().map(Deadline::due))
    }
}

#[tokio::test]
async fn a_next_that_is_not_the_earliest_is_found() {
    let rules = [
        ("the_next_is_the_earliest", "left == right"),
        ("random_steps_are_as_in_a_model", "left == right"),
    ];
    assert_breaks(&SUITE, Broken::<AnyNext>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<AnyNext>::default, &["pages_follow_each_other"]).await;
}
