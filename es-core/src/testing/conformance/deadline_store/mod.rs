//! The rules of [`DeadlineStore`].

use std::sync::Arc;
use std::time::Duration;

use super::Fixture;
use super::checkpoint_store::consumer;
use crate::checkpoint_store::ConsumerId;
use crate::clock::Timestamp;
use crate::deadline_store::{Deadline, DeadlineId, DeadlineStore, DuePage, DueQuery};

mod asking;
mod model;
mod paging;
mod removing;
mod setting;

/// What the rules are about.
pub type Store = Arc<dyn DeadlineStore>;

impl<S: DeadlineStore> From<S> for Fixture<Store> {
    fn from(store: S) -> Self {
        Self::new(Arc::new(store))
    }
}

suite! { ($)
    deadline_store for Store, tested by deadline_store_conformance;
    setting: [
        a_deadline_comes_back_as_it_was_set,
        setting_again_changes_nothing,
        another_time_is_another_deadline,
        many_are_set_at_once,
        deadlines_of_processes_are_kept_apart,
        deadlines_of_instances_are_kept_apart,
        any_owner_and_name_comes_back_as_it_was_or_is_refused,
        deadlines_that_are_set_at_the_same_time_are_all_there,
    ],
    removing: [
        a_removed_deadline_is_gone,
        removing_what_is_not_there_changes_nothing,
        many_are_removed_at_once,
        a_removed_deadline_can_be_set_again,
    ],
    asking: [
        a_deadline_is_due_from_its_time_on,
        times_from_the_far_past_to_the_far_future_work,
        a_deadline_that_never_comes_is_kept_and_hides_no_other_one,
        times_are_kept_to_the_microsecond,
        the_next_is_the_earliest,
    ],
    paging: [
        the_earliest_come_first,
        pages_follow_each_other,
        a_page_goes_on_behind_a_deadline_that_is_gone,
        what_is_set_throughout_is_in_one_of_the_pages,
    ],
    model: [
        random_steps_are_as_in_a_model,
    ],
}

const MICROSECOND: Duration = Duration::from_micros(1);

fn time(text: &str) -> Timestamp {
    text.parse().expect("the rules use valid times")
}

fn noon() -> Timestamp {
    time("2026-03-01T12:00:00Z")
}

/// So many microseconds after noon.
fn after_noon(micros: i64) -> Timestamp {
    let later = noon().as_microsecond() + micros;
    Timestamp::from_microsecond(later).expect("the rules stay in the range of times")
}

fn id(n: u128) -> DeadlineId {
    DeadlineId::from_bytes(n.to_be_bytes())
}

/// A deadline of process `p`.
fn deadline(instance: &str, n: u128, due: Timestamp) -> Deadline {
    of("p", instance, n, due)
}

fn of(process: &str, instance: &str, n: u128, due: Timestamp) -> Deadline {
    let made = Deadline::new(consumer(process), instance, id(n), due);
    made.expect("the rules use valid deadlines")
}

fn process() -> ConsumerId {
    consumer("p")
}

/// What the rules do where it must succeed.
async fn set(store: &Store, deadlines: &[Deadline]) {
    let set = store.set(deadlines).await;
    set.unwrap_or_else(|error| panic!("{} deadlines cannot be set: {error}", deadlines.len()));
}

async fn remove(store: &Store, deadlines: &[Deadline]) {
    let removed = store.remove(deadlines).await;
    removed.unwrap_or_else(|error| {
        panic!("{} deadlines cannot be removed: {error}", deadlines.len());
    });
}

async fn page(store: &Store, query: &DueQuery) -> DuePage {
    let page = store.due(query).await;
    page.unwrap_or_else(|error| panic!("what is due cannot be listed: {error}"))
}

async fn next(store: &Store, process: &ConsumerId) -> Option<Timestamp> {
    let next = store.next(process).await;
    next.unwrap_or_else(|error| panic!("the next deadline cannot be told: {error}"))
}

/// All that the process has until then.
async fn due(store: &Store, process: &ConsumerId, until: Timestamp) -> Vec<Deadline> {
    let query = DueQuery::new(process.clone(), until).limit(100_000);
    let DuePage { deadlines, more } = page(store, &query).await;
    assert!(!more, "there is more than {} deadlines", deadlines.len());
    deadlines
}

/// All that process `p` has.
async fn all(store: &Store) -> Vec<Deadline> {
    due(store, &process(), Timestamp::MAX).await
}

fn sorted(deadlines: impl IntoIterator<Item = Deadline>) -> Vec<Deadline> {
    let mut sorted: Vec<Deadline> = deadlines.into_iter().collect();
    sorted.sort();
    sorted
}
