//! What happens to dead letters.

use super::{
    MAX_LETTERS, Store, assert_letters, beside_the_feed, by, change, commit_at, count, dropped,
    dropping, failed, hostile_names, load, park, parked, parking, progress_of, record, removing,
    save, step, waiting,
};
use crate::checkpoint_store::{Progress, Revision, StreamProgress};
use crate::dead_letter::{DeadLetter, DeadLetterChange, DeadLetterCount};
use crate::testing::conformance::sample::stream;
use crate::version::Version;

pub(super) async fn a_letter_is_parked_with_the_progress_past_it(store: Store) {
    assert_eq!(parked(&store, "c").await, []);
    assert_eq!(dropped(&store, "c").await, []);
    let letters = [failed(commit_at("s", 3, 2)), waiting(commit_at("s", 5, 1))];
    let dead_letters = letters.iter().map(parking).collect();
    let first = step(Revision::default(), "7", &[("s", 2), ("t", 4)]);
    let revision = save(&store, Progress { dead_letters, ..first }).await;
    assert_letters(&parked(&store, "c").await, &letters, "parked in a step");
    assert_eq!(dropped(&store, "c").await, []);
    let position = load(&store, "c", "p").await;
    assert_eq!((position.checkpoint.as_str(), position.revision), ("7", revision));
    let [s, t] = through(&store, "c", ["s", "t"]).await;
    assert_eq!((s, t), ((2, 5), (4, 0)));
}

/// The version and the last parked one of each stream.
async fn through<const N: usize>(store: &Store, by: &str, ids: [&str; N]) -> [(u64, u64); N] {
    let progress = progress_of(store, by, &ids.map(stream)).await;
    let mut through = progress.into_iter().map(|at| (at.version.get(), at.parked.get()));
    ids.map(|_| through.next().unwrap_or_default())
}

pub(super) async fn a_stream_is_parked_through_its_last_letter(store: Store) {
    // The last is not the largest as a text.
    let [first, second, third] = [
        failed(commit_at("s", 4, 3)),
        waiting(commit_at("s", 7, 3)),
        waiting(commit_at("s", 10, 2)),
    ];
    save(&store, step(Revision::default(), "1", &[("s", 3), ("t", 3)])).await;
    let asked = ["t", "s", "u", "s"];
    assert_eq!(through(&store, "c", asked).await, [(3, 0), (3, 0), (0, 0), (3, 0)]);
    for (case, change_of, parked_through) in [
        ("the last first", parking(&third), 11),
        ("the first behind it", parking(&first), 11),
        ("one in between", parking(&second), 11),
        ("without the first", removing(&first), 11),
        ("without the last", dropping(&third, "x"), 9),
        ("parked again", parking(&third), 11),
        ("removed again", removing(&third), 9),
        ("without any", removing(&second), 0),
    ] {
        change(&store, "c", vec![change_of]).await;
        let s = (3, parked_through);
        assert_eq!(through(&store, "c", asked).await, [(3, 0), s, (0, 0), s], "{case}");
    }
    park(&store, "c", &[first]).await;
    // Versions move on in front of what is parked.
    let streams = vec![(stream("s"), Version::new(5))];
    save(&store, Progress { streams, ..beside_the_feed(Vec::new()) }).await;
    assert_eq!(through(&store, "c", ["s"]).await, [(5, 6)]);
}

pub(super) async fn parking_again_replaces_a_letter(store: Store) {
    let neighbour = waiting(commit_at("s", 4, 1));
    let original = failed(commit_at("s", 1, 3));
    park(&store, "c", &[original.clone(), neighbour.clone()]).await;
    let mut tried_again = original.clone();
    if let Some(failure) = &mut tried_again.failure {
        failure.attempts += 1;
        failure.error = "another error".to_owned();
    }
    let only_waits = waiting(original.commit.clone());
    let of_another_commit = failed(commit_at("s", 1, 1));
    for letter in [tried_again, only_waits, of_another_commit, original] {
        park(&store, "c", std::slice::from_ref(&letter)).await;
        let expected = [letter, neighbour.clone()];
        assert_letters(&parked(&store, "c").await, &expected, "parked again");
        assert_eq!(count(&store, "c").await, DeadLetterCount { streams: 1, letters: 2 });
    }
}

pub(super) async fn a_removed_letter_is_gone(store: Store) {
    let letters = [1, 2, 3].map(|version| failed(commit_at("s", version, 1)));
    park(&store, "c", &letters).await;
    let [first, second, third] = &letters;
    change(&store, "c", vec![removing(second)]).await;
    let left = [first.clone(), third.clone()];
    assert_letters(&parked(&store, "c").await, &left, "one was removed");
    change(&store, "c", vec![removing(first), removing(third)]).await;
    assert_letters(&parked(&store, "c").await, &[], "all were removed");
    assert_letters(&dropped(&store, "c").await, &[], "none was dropped");
}

pub(super) async fn a_dropped_letter_is_kept_as_a_record(store: Store) {
    let letters = [failed(commit_at("s", 1, 2)), waiting(commit_at("s", 3, 1))];
    park(&store, "c", &letters).await;
    let mut records = Vec::new();
    for (n, letter) in letters.iter().enumerate() {
        let reason = format!("the patient has left, {n}");
        change(&store, "c", vec![dropping(letter, &reason)]).await;
        records.push(record(letter, &reason));
        assert_letters(&dropped(&store, "c").await, &records, "dropped");
        assert_letters(&parked(&store, "c").await, &letters[n + 1..], "still parked");
    }
    assert_eq!(through(&store, "c", ["s"]).await, [(0, 0)], "a record keeps nothing parked");
}

pub(super) async fn a_later_record_takes_the_place_of_an_earlier_one(store: Store) {
    let letter = failed(commit_at("s", 1, 2));
    for reason in ["first", "second", "third"] {
        // A rebuild or a rewind meets the commit again.
        park(&store, "c", std::slice::from_ref(&letter)).await;
        change(&store, "c", vec![dropping(&letter, reason)]).await;
        let expected = [record(&letter, reason)];
        assert_letters(&dropped(&store, "c").await, &expected, "dropped again");
        assert_letters(&parked(&store, "c").await, &[], "dropped again");
    }
}

pub(super) async fn a_letter_that_says_to_be_dropped_is_parked(store: Store) {
    let letter = failed(commit_at("s", 1, 2));
    park(&store, "c", &[record(&letter, "not yet")]).await;
    assert_letters(&parked(&store, "c").await, std::slice::from_ref(&letter), "parked");
    assert_letters(&dropped(&store, "c").await, &[], "it was not dropped");
    assert_eq!(count(&store, "c").await, DeadLetterCount { streams: 1, letters: 1 });
}

pub(super) async fn what_is_not_parked_is_not_removed_or_dropped(store: Store) {
    let [there, was_there, never] =
        [("s", 2), ("s", 4), ("s", 3)].map(|(id, version)| failed(commit_at(id, version, 1)));
    let elsewhere = failed(commit_at("t", 2, 1));
    park(&store, "c", &[there.clone(), was_there.clone()]).await;
    change(&store, "c", vec![dropping(&was_there, "given up")]).await;
    let records = [record(&was_there, "given up")];
    for absent in [&was_there, &never, &elsewhere] {
        for absent in [removing(absent), dropping(absent, "again")] {
            let case = format!("{absent:?}");
            change(&store, "c", vec![absent]).await;
            assert_letters(&parked(&store, "c").await, std::slice::from_ref(&there), &case);
            assert_letters(&dropped(&store, "c").await, &records, &case);
        }
    }
}

pub(super) async fn changes_of_letters_are_made_in_their_order(store: Store) {
    let [a, b, c, d] = [1, 2, 3, 4].map(|version| failed(commit_at("s", version, 1)));
    let again = waiting(b.commit.clone());
    let changes = vec![
        parking(&a),
        removing(&a),
        parking(&b),
        dropping(&b, "first"),
        parking(&again),
        removing(&c),
        parking(&c),
        parking(&d),
        dropping(&d, "first"),
        parking(&d),
        dropping(&d, "second"),
    ];
    change(&store, "c", changes).await;
    assert_letters(&parked(&store, "c").await, &[again.clone(), c.clone()], "parked");
    let records = [record(&b, "first"), record(&d, "second")];
    assert_letters(&dropped(&store, "c").await, &records, "dropped");
    change(&store, "c", vec![removing(&again), parking(&b), dropping(&c, "x"), parking(&a)]).await;
    assert_letters(&parked(&store, "c").await, &[a, b.clone()], "parked");
    let records = [record(&b, "first"), record(&c, "x"), record(&d, "second")];
    assert_letters(&dropped(&store, "c").await, &records, "dropped");
}

pub(super) async fn a_step_of_many_letters_is_kept_whole(store: Store) {
    let letters: Vec<DeadLetter> =
        (0..MAX_LETTERS as u64).map(|n| failed(commit_at(&format!("{n:02}"), 1 + n, 1))).collect();
    let dead_letters: Vec<DeadLetterChange> = letters.iter().map(parking).collect();
    let first = step(Revision::default(), "1", &[]);
    let first = save(&store, Progress { dead_letters, ..first }).await;
    assert_letters(&parked(&store, "c").await, &letters, "parked in one step");
    // As many at once are tried again or given up.
    let (good, bad) = letters.split_at(MAX_LETTERS / 2);
    let mut dead_letters: Vec<DeadLetterChange> = good.iter().map(removing).collect();
    dead_letters.extend(bad.iter().map(|letter| dropping(letter, "x")));
    save(&store, Progress { dead_letters, ..step(first, "2", &[]) }).await;
    assert_letters(&parked(&store, "c").await, &[], "removed and dropped in one step");
    let records: Vec<DeadLetter> = bad.iter().map(|letter| record(letter, "x")).collect();
    assert_letters(&dropped(&store, "c").await, &records, "dropped in one step");
}

pub(super) async fn letters_are_counted(store: Store) {
    let [s1, s2, t1] = [("s", 1), ("s", 2), ("t", 1)].map(|(id, at)| failed(commit_at(id, at, 1)));
    let many: Vec<DeadLetter> = (1..=30).map(|n| waiting(commit_at("u", n, 1))).collect();
    for (changes, streams, letters) in [
        (vec![], 0, 0),
        (vec![parking(&s1)], 1, 1),
        (vec![parking(&s2), parking(&t1)], 2, 3),
        (vec![parking(&s1)], 2, 3),
        (many.iter().map(parking).collect(), 3, 33),
        (vec![removing(&t1)], 2, 32),
        (vec![removing(&t1)], 2, 32),
        (vec![dropping(&s1, "x")], 2, 31),
        (vec![dropping(&s2, "x")], 1, 30),
        (many.iter().map(removing).collect(), 0, 0),
    ] {
        let case = format!("after {changes:?}");
        change(&store, "c", changes).await;
        assert_eq!(count(&store, "c").await, DeadLetterCount { streams, letters }, "{case}");
    }
}

pub(super) async fn letters_of_consumers_are_kept_apart(store: Store) {
    let names = hostile_names();
    let kept = waiting(commit_at("s", 1, 1));
    let mut letters = Vec::new();
    for name in &names {
        let letter = failed(commit_at("s", 2, 1));
        park(&store, name, &[kept.clone(), letter.clone()]).await;
        letters.push(letter);
    }
    let at_two = StreamProgress { version: Version::ZERO, parked: Version::new(2) };
    for (name, letter) in names.iter().zip(&letters) {
        let expected = [kept.clone(), letter.clone()];
        assert_letters(&parked(&store, name).await, &expected, &format!("parked for {name:?}"));
        assert_eq!(progress_of(&store, name, &[stream("s")]).await, [at_two], "{name:?}");
    }
    for (name, letter) in names.iter().zip(&letters) {
        let dead_letters = vec![dropping(letter, name), removing(&kept)];
        save(&store, by(name, beside_the_feed(dead_letters))).await;
    }
    for (name, letter) in names.iter().zip(&letters) {
        let expected = [record(letter, name)];
        assert_letters(&dropped(&store, name).await, &expected, &format!("dropped by {name:?}"));
        assert_eq!(count(&store, name).await, DeadLetterCount::default(), "{name:?}");
    }
}
