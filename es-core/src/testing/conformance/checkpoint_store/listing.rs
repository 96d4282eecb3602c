//! Which letters are listed, and in which order.

use super::{
    MAX_LETTERS, Store, assert_letters, change, commit_at, dropped, dropping, failed, list, park,
    parked, record, waiting,
};
use crate::dead_letter::{DeadLetter, DeadLetterQuery, DeadLetterState};
use crate::testing::conformance::sample::{Seed, commit, hostile_ids, stream, stream_in};
use crate::version::Version;

/// In an order that is not the one of their texts.
const VERSIONS: [u64; 6] = [1, 2, 9, 10, 100, 5_000_000_000];

/// Parks letters of many streams in any order, and returns them in the order of listings.
async fn fill(store: &Store) -> Vec<DeadLetter> {
    let mut letters = Vec::new();
    for (at, id) in hostile_ids().iter().enumerate() {
        let versions = &VERSIONS[at % 4..];
        letters.push(failed(commit_at(id, versions[0], 1)));
        letters.extend(versions[1..].iter().map(|&version| waiting(commit_at(id, version, 1))));
    }
    letters.push(failed(commit(1).place(stream_in("a", "b:c"), Version::new(3))));
    Seed::new(1).rng().shuffle(&mut letters);
    park(store, "c", &letters).await;
    letters.sort_by_key(super::place);
    letters
}

pub(super) async fn letters_are_listed_by_stream_and_version(store: Store) {
    let letters = fill(&store).await;
    assert_letters(&parked(&store, "c").await, &letters, "all");
    // Parking one again does not move it.
    let again: Vec<DeadLetter> = letters.iter().step_by(17).cloned().collect();
    park(&store, "c", &again).await;
    assert_letters(&parked(&store, "c").await, &letters, "some were parked again");
}

pub(super) async fn a_listing_of_letters_has_no_more_than_its_limit(store: Store) {
    let letters = fill(&store).await;
    assert!(letters.len() > 200);
    assert_letters(&list(&store, "c", &DeadLetterQuery::default()).await, &letters[..100], "first");
    for limit in [0, 1, 2, 99, letters.len(), letters.len() + 1, usize::MAX] {
        let listed = list(&store, "c", &DeadLetterQuery::default().limit(limit)).await;
        let expected = &letters[..limit.min(letters.len())];
        assert_letters(&listed, expected, &format!("limited to {limit}"));
    }
}

pub(super) async fn a_listing_of_letters_begins_behind_a_place(store: Store) {
    let letters = fill(&store).await;
    let any = |stream, version| (stream, Version::new(version));
    let mut places: Vec<_> = letters.iter().step_by(13).map(super::place).collect();
    // Whether there is such a letter or not.
    places.extend([
        any(stream("a"), 0),
        any(stream("a"), 4),
        any(stream("a"), 99),
        any(stream("a"), u64::from(u32::MAX)),
        any(stream("b"), 6_000_000_000),
        any(stream("never"), 1),
        any(stream_in("a", "z"), 1),
        any(stream_in("z", "a"), 1),
    ]);
    for place in places {
        let query = DeadLetterQuery { after: Some(place.clone()), ..DeadLetterQuery::default() };
        let listed = list(&store, "c", &query.limit(10_000)).await;
        let behind = letters.iter().filter(|letter| super::place(letter) > place);
        let behind: Vec<DeadLetter> = behind.cloned().collect();
        assert_letters(&listed, &behind, &format!("behind {place:?}"));
    }
}

/// Everything that matches, page by page.
async fn paged(store: &Store, mut query: DeadLetterQuery) -> Vec<DeadLetter> {
    let mut all = Vec::new();
    loop {
        let page = list(store, "c", &query).await;
        let Some(last) = page.last() else { return all };
        query = query.after(last);
        all.extend(page);
        assert!(all.len() < 10_000, "a listing does not come to an end");
    }
}

pub(super) async fn paging_sees_every_letter_once(store: Store) {
    let letters = fill(&store).await;
    for limit in [1, 7, letters.len(), 1_000] {
        let all = DeadLetterQuery::default().limit(limit);
        assert_letters(&paged(&store, all).await, &letters, &format!("by {limit}"));
    }
    // What is removed meanwhile leaves no hole, though it was the end of a page.
    let query = DeadLetterQuery::default().limit(50);
    let page = list(&store, "c", &query).await;
    let last = &letters[49];
    change(&store, "c", vec![super::removing(last)]).await;
    let rest = paged(&store, query.after(last)).await;
    assert_letters(&[page, rest].concat(), &letters, "one was removed meanwhile");
}

pub(super) async fn letters_of_one_stream_are_listed(store: Store) {
    let letters = fill(&store).await;
    for id in hostile_ids() {
        let of_it = |letter: &&DeadLetter| *letter.commit.stream() == stream(&id);
        let expected: Vec<DeadLetter> = letters.iter().filter(of_it).cloned().collect();
        let query = DeadLetterQuery::default().stream(stream(&id));
        let case = format!("of stream {id:?}");
        assert_letters(&list(&store, "c", &query).await, &expected, &case);
        // A limit counts what matches, not what was looked at.
        let second = query.clone().after(&expected[0]).limit(1);
        assert_letters(&list(&store, "c", &second).await, &expected[1..2], &case);
        assert_letters(&paged(&store, query.limit(2)).await, &expected, &case);
    }
    for absent in [stream("never"), stream_in("other", "a")] {
        let query = DeadLetterQuery::default().stream(absent);
        assert_letters(&list(&store, "c", &query).await, &[], "of a stream without letters");
    }
}

pub(super) async fn the_first_letter_of_each_stream_is_listed(store: Store) {
    let letters = fill(&store).await;
    let mut firsts = letters.clone();
    firsts.dedup_by_key(|letter| letter.commit.stream().clone());
    let query = DeadLetterQuery::default().state(DeadLetterState::First);
    let all = query.clone().limit(1_000);
    assert_letters(&list(&store, "c", &all).await, &firsts, "the first of all streams");
    for limit in [1, 3, 20] {
        let by = query.clone().limit(limit);
        assert_letters(&list(&store, "c", &by).await, &firsts[..limit], "the first firsts");
        assert_letters(&paged(&store, by).await, &firsts, &format!("by {limit}"));
    }
    let one = &firsts[5];
    let of_one = query.stream(one.commit.stream().clone());
    assert_letters(&list(&store, "c", &of_one).await, &firsts[5..6], "of one stream");
    // The letters behind the first are not first because the page begins there.
    let none = of_one.clone().after(one);
    assert_letters(&list(&store, "c", &none).await, &[], "behind the first of one stream");
    // But they are when it is gone.
    let behind = letters.iter().position(|letter| letter == one).map_or(0, |at| at + 1);
    for gone in [dropping(one, "x"), super::removing(&letters[behind])] {
        change(&store, "c", vec![gone]).await;
    }
    let next = &letters[behind + 1..behind + 2];
    assert_letters(&list(&store, "c", &of_one).await, next, "the first two are gone");
}

pub(super) async fn dropped_letters_are_listed_apart(store: Store) {
    let letters = fill(&store).await;
    let (dropped_ones, left): (Vec<_>, Vec<_>) =
        letters.into_iter().enumerate().partition(|(at, _)| at % 3 == 0);
    let records: Vec<DeadLetter> =
        dropped_ones.iter().map(|(at, letter)| record(letter, &at.to_string())).collect();
    let changes: Vec<_> =
        dropped_ones.iter().map(|(at, letter)| dropping(letter, &at.to_string())).collect();
    for some in changes.rchunks(MAX_LETTERS) {
        change(&store, "c", some.to_vec()).await;
    }
    let left: Vec<DeadLetter> = left.into_iter().map(|(_, letter)| letter).collect();
    assert_letters(&parked(&store, "c").await, &left, "parked");
    assert_letters(&dropped(&store, "c").await, &records, "dropped");
    let query = DeadLetterQuery::default().state(DeadLetterState::Dropped);
    for limit in [1, 10] {
        let by = query.clone().limit(limit);
        assert_letters(&paged(&store, by).await, &records, &format!("by {limit}"));
    }
    let of_one = records[4].commit.stream().clone();
    let expected = records.iter().filter(|letter| *letter.commit.stream() == of_one);
    let expected: Vec<DeadLetter> = expected.cloned().collect();
    assert_letters(&list(&store, "c", &query.stream(of_one)).await, &expected, "of one stream");
}
