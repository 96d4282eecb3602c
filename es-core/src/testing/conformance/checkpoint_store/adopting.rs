//! One consumer's progress for another.

use std::sync::Arc;

use super::{
    PARTITIONS, STREAMS, State, Store, adoption, assert_fenced, assert_fenced_beside,
    assert_letters, assert_state, beside_the_feed, by, change, checkpoint, commit_at, consumer,
    dropped, dropping, failed, in_partition, is_paused, load, park, parked, pause, progress_of,
    record, removing, reset, save, seen_parked, state, step, versions, waiting,
};
use crate::checkpoint_store::{Adopted, Adoption, Position, Progress, Revision, StreamProgress};
use crate::dead_letter::{DeadLetter, DeadLetterCount};
use crate::error::Error;
use crate::stream_id::StreamId;
use crate::testing::conformance::concurrently::concurrently;
use crate::testing::conformance::sample::stream;
use crate::version::Version;

async fn adopt(store: &Store, adoption: &Adoption) {
    match store.adopt(adoption).await {
        Ok(Adopted::Done) => {}
        outcome => panic!("an adoption was not done, but {outcome:?}"),
    }
}

async fn states(store: &Store) -> [State; 2] {
    [state(store, "again").await, state(store, "live").await]
}

async fn assert_states(store: &Store, [again, live]: &[State; 2], case: &str) {
    assert_state(store, "again", again, case).await;
    assert_state(store, "live", live, case).await;
}

/// Saves in partition `p` and `q` so often, from the start on.
async fn work(store: &Store, name: &str, saves: [u64; 2], streams: &[(&str, u64)]) {
    for (of, saves) in PARTITIONS.into_iter().zip(saves) {
        for n in 0..saves {
            let place = format!("{name} {of} {n}");
            let progress = step(Revision::from_stored(n), &place, streams);
            save(store, by(name, in_partition(of, progress))).await;
        }
    }
}

fn at(place: &str, revision: Revision) -> Position {
    Position { checkpoint: checkpoint(place), revision }
}

pub(super) async fn an_adoption_hands_over_everything(store: Store) {
    work(&store, "again", [3, 1], &[("s", 7), ("t", 2)]).await;
    let letters = [failed(commit_at("s", 8, 2)), waiting(commit_at("s", 10, 1))];
    park(&store, "again", &letters).await;
    work(&store, "live", [1, 1], &[("s", 7), ("t", 1)]).await;
    let cautious =
        Adoption { backwards: false, replaces_dead_letters: false, ..adoption(&[("p", 3)]) };
    adopt(&store, &cautious).await;
    let live = state(&store, "live").await;
    let [p, q, r] = &live.positions[..] else { panic!("{:?}", live.positions) };
    assert_eq!(*p, at("again p 2", p.revision));
    assert_eq!(*q, at("again q 0", q.revision));
    assert!(r.checkpoint.is_start());
    let expected = [seen_parked("s", 7, 10), seen_parked("t", 2, 0), seen_parked("u", 0, 0)];
    assert_eq!(live.streams, expected.map(|(_, at)| at));
    assert_letters(&live.parked, &letters, "handed over");
    assert_eq!(live.count, DeadLetterCount { streams: 1, letters: 2 });
    assert_nothing_left(&store).await;
}

/// Panics unless `again` begins at the start.
async fn assert_nothing_left(store: &Store) {
    let again = state(store, "again").await;
    for (position, of) in again.positions.iter().zip(PARTITIONS) {
        assert!(position.checkpoint.is_start(), "{of} was left behind");
    }
    assert_eq!(again.streams, [StreamProgress::default(); 3], "versions were left behind");
    assert_letters(&again.parked, &[], "letters were left behind");
    assert_letters(&again.dropped, &[], "records were left behind");
    assert_eq!(again.count, DeadLetterCount::default(), "letters were left behind");
}

pub(super) async fn an_adoption_forgets_what_was_there(store: Store) {
    work(&store, "live", [2, 2], &[("s", 9), ("t", 5)]).await;
    let theirs = [failed(commit_at("t", 6, 1)), failed(commit_at("u", 1, 3))];
    park(&store, "live", &theirs).await;
    work(&store, "again", [1, 0], &[("s", 3)]).await;
    let ours = failed(commit_at("t", 1, 1));
    park(&store, "again", std::slice::from_ref(&ours)).await;
    adopt(&store, &adoption(&[("p", 1)])).await;
    let live = state(&store, "live").await;
    assert_eq!(live.positions[0].checkpoint, checkpoint("again p 0"));
    assert!(live.positions[1].checkpoint.is_start(), "a position survived");
    let expected = [seen_parked("s", 3, 0), seen_parked("t", 0, 1), seen_parked("u", 0, 0)];
    assert_eq!(live.streams, expected.map(|(_, at)| at), "the progress of a stream survived");
    assert_letters(&live.parked, &[ours], "after an adoption");
    assert_eq!(live.count, DeadLetterCount { streams: 1, letters: 1 });
}

pub(super) async fn an_adoption_fences_workers_of_both(store: Store) {
    for saves in [[3, 1], [1, 3]] {
        let [again, live] = saves;
        let mut held = Vec::new();
        for (name, saves) in [("again", [again, 1]), ("live", [live, 1])] {
            for (of, saves) in PARTITIONS.into_iter().zip(saves.into_iter().chain([0])) {
                for n in 0..saves {
                    let revision = load(&store, name, of).await.revision;
                    held.push((name, of, revision));
                    let progress = step(revision, &n.to_string(), &[("s", 1)]);
                    save(&store, by(name, in_partition(of, progress))).await;
                }
                // Also where it was about to save for the first time.
                held.push((name, of, load(&store, name, of).await.revision));
            }
        }
        adopt(&store, &adoption(&[])).await;
        let after = states(&store).await;
        for (name, of, revision) in held {
            let case = format!("{revision:?} of {name} in {of} from before an adoption");
            let late = by(name, in_partition(of, step(revision, "late", &[("s", 9)])));
            assert_fenced(&store.save(late).await, name, of, &case);
            assert_states(&store, &after, &case).await;
        }
    }
}

pub(super) async fn after_an_adoption_both_go_on(store: Store) {
    for round in 1..=4 {
        for (name, of) in [("again", "p"), ("again", "q"), ("live", "p"), ("live", "r")] {
            let place = format!("{name} {round}");
            let before = load(&store, name, of).await;
            let progress = step(before.revision, &place, &[("s", round), ("u", round)]);
            let revision = save(&store, by(name, in_partition(of, progress))).await;
            assert_eq!(load(&store, name, of).await, at(&place, revision));
        }
        let letter = failed(commit_at("t", round, 1));
        park(&store, "again", std::slice::from_ref(&letter)).await;
        let revision = load(&store, "again", "q").await.revision.get();
        let cautious = Adoption { backwards: false, ..adoption(&[("q", revision)]) };
        adopt(&store, &cautious).await;
        let expected = [seen_parked("s", round, 0), seen_parked("t", 0, round)];
        let live = progress_of(&store, "live", &["s", "t"].map(stream)).await;
        assert_eq!(live, expected.map(|(_, at)| at));
        assert_letters(&parked(&store, "live").await, &[letter], "adopted again");
        assert_nothing_left(&store).await;
    }
}

pub(super) async fn a_consumer_that_never_saved_adopts(store: Store) {
    work(&store, "again", [2, 0], &[("s", 4)]).await;
    let letter = failed(commit_at("s", 5, 1));
    park(&store, "again", std::slice::from_ref(&letter)).await;
    let cautious = Adoption { backwards: false, replaces_dead_letters: false, ..adoption(&[]) };
    adopt(&store, &cautious).await;
    assert_eq!(load(&store, "live", "p").await.checkpoint, checkpoint("again p 1"));
    assert_eq!(versions(&store, "live", &[stream("s")]).await, [4]);
    assert_letters(&parked(&store, "live").await, &[letter], "adopted");
    assert_nothing_left(&store).await;
    let first = by("live", in_partition("q", step(Revision::default(), "late", &[])));
    assert_fenced(&store.save(first).await, "live", "q", "a first step from before an adoption");
}

pub(super) async fn a_consumer_that_never_saved_is_adopted(store: Store) {
    let held = load(&store, "again", "p").await.revision;
    work(&store, "live", [2, 1], &[("s", 4)]).await;
    park(&store, "live", &[failed(commit_at("s", 5, 1))]).await;
    adopt(&store, &adoption(&[("p", 0), ("q", 0)])).await;
    let live = state(&store, "live").await;
    assert!(live.positions.iter().all(|position| position.checkpoint.is_start()));
    assert_eq!(live.streams, [StreamProgress::default(); 3]);
    assert_letters(&live.parked, &[], "adopted nothing");
    for (name, revision) in [("again", held), ("live", Revision::from_stored(2))] {
        let late = by(name, step(revision, "late", &[]));
        assert_fenced(&store.save(late).await, name, "p", "from before an adoption of nothing");
    }
}

pub(super) async fn an_adoption_of_many_streams_is_kept_whole(store: Store) {
    // More than one transaction of most databases takes.
    let names: Vec<String> = (0..250).map(|n| format!("{n:03}")).collect();
    let streams: Vec<StreamId> = names.iter().map(|name| stream(name)).collect();
    let mut letters = Vec::new();
    for (n, some) in streams.chunks(50).enumerate() {
        let reached = some.iter().cloned().zip((1..).map(Version::new)).collect();
        let progress = step(Revision::from_stored(n as u64), "x", &[]);
        save(&store, by("again", Progress { streams: reached, ..progress })).await;
        let waiting = some.iter().map(|stream| waiting(commit_at(stream.id(), 51, 1)));
        let waiting: Vec<DeadLetter> = waiting.collect();
        park(&store, "again", &waiting).await;
        letters.extend(waiting);
        let behind = some.iter().cloned().map(|stream| (stream, Version::FIRST)).collect();
        save(&store, by("live", Progress { streams: behind, ..beside_the_feed(Vec::new()) })).await;
    }
    adopt(&store, &Adoption { backwards: false, ..adoption(&[("p", 5)]) }).await;
    let expected: Vec<u64> = (0..250).map(|n| 1 + n % 50).collect();
    assert_eq!(versions(&store, "live", &streams).await, expected);
    assert_letters(&parked(&store, "live").await, &letters, "of 250 streams");
    assert_eq!(versions(&store, "again", &streams).await, [0; 250], "versions were left behind");
    assert_nothing_left(&store).await;
}

pub(super) async fn an_adoption_does_not_go_backwards_unasked(store: Store) {
    reach(&store, "live", &[("s", 5), ("t", 2)]).await;
    let asked = |backwards| Adoption { backwards, ..adoption(&[]) };
    for (reached, behind) in [
        (&[][..], &["s", "t"][..]),
        (&[("s", 4), ("t", 2)], &["s"]),
        (&[("s", 4), ("u", 9)], &["s", "t"]),
        (&[("s", 5)], &["t"]),
        (&[("s", 100), ("t", 1)], &["t"]),
    ] {
        reset(&store, "again").await;
        reach(&store, "again", reached).await;
        // A letter is no effect: the stream is behind, though all of it was taken care of.
        let letters = [failed(commit_at("s", 5, 1)), failed(commit_at("t", 2, 1))];
        park(&store, "again", &letters).await;
        let before = states(&store).await;
        match store.adopt(&asked(false)).await {
            Ok(Adopted::Behind(found)) if behind.contains(&found.id()) => {}
            outcome => panic!("not behind in one of {behind:?}, but {outcome:?}"),
        }
        assert_states(&store, &before, &format!("behind with {reached:?}")).await;
    }
    reset(&store, "again").await;
    reach(&store, "again", &[("s", 5), ("t", 3), ("u", 1)]).await;
    adopt(&store, &asked(false)).await;
    assert_eq!(versions(&store, "live", &STREAMS.map(stream)).await, [5, 3, 1]);
    reach(&store, "again", &[("s", 4)]).await;
    adopt(&store, &asked(true)).await;
    assert_eq!(versions(&store, "live", &STREAMS.map(stream)).await, [4, 0, 0], "asked to");
}

/// Moves streams on beside the feed.
async fn reach(store: &Store, name: &str, streams: &[(&str, u64)]) {
    let reached = streams.iter().map(|&(id, version)| (stream(id), Version::new(version)));
    let progress = Progress { streams: reached.collect(), ..beside_the_feed(Vec::new()) };
    save(store, by(name, progress)).await;
}

pub(super) async fn an_adoption_does_not_lose_letters_unasked(store: Store) {
    work(&store, "again", [1, 0], &[("s", 9), ("t", 9)]).await;
    let letters = [("s", 1), ("s", 2), ("t", 4)].map(|(id, at)| failed(commit_at(id, at, 1)));
    park(&store, "live", &letters).await;
    let asked = |replaces_dead_letters| Adoption { replaces_dead_letters, ..adoption(&[]) };
    let gone = [removing(&letters[0]), dropping(&letters[1], "x"), removing(&letters[2])];
    let left = [(2, 3), (2, 2), (1, 1)];
    for (gone, (streams, letters)) in gone.into_iter().zip(left) {
        let before = states(&store).await;
        match store.adopt(&asked(false)).await {
            Ok(Adopted::Parked(count)) => assert_eq!(count, DeadLetterCount { streams, letters }),
            outcome => panic!("{letters} letters are not in the way, but {outcome:?}"),
        }
        assert_states(&store, &before, "it would lose letters").await;
        change(&store, "live", vec![gone]).await;
    }
    // Records are not in the way, and the letters of the other are not lost.
    park(&store, "again", &letters).await;
    adopt(&store, &asked(false)).await;
    assert_letters(&parked(&store, "live").await, &letters, "handed over");
    adopt(&store, &asked(true)).await;
    assert_letters(&parked(&store, "live").await, &[], "asked to");
}

pub(super) async fn an_adoption_based_on_another_revision_is_fenced(store: Store) {
    work(&store, "again", [3, 1], &[("s", 4)]).await;
    work(&store, "live", [1, 1], &[("s", 2)]).await;
    park(&store, "again", &[failed(commit_at("t", 1, 1))]).await;
    let stale = [
        &[("p", 2)][..],
        &[("p", 0)],
        &[("p", 4)],
        &[("q", 0)],
        &[("r", 1)],
        &[("p", 3), ("q", 2)],
        &[("p", 2), ("q", 1)],
        &[("p", 3), ("q", 1), ("r", 7)],
    ];
    for based_on in stale {
        let case = format!("based on {based_on:?}");
        let before = states(&store).await;
        assert_fenced_beside(&store.adopt(&adoption(based_on)).await, "again", &case);
        assert_states(&store, &before, &case).await;
    }
    // Whatever else speaks against it.
    park(&store, "live", &[failed(commit_at("t", 1, 1))]).await;
    reach(&store, "live", &[("s", 9)]).await;
    let before = states(&store).await;
    let (backwards, replaces_dead_letters) = (false, false);
    let hopeless = Adoption { backwards, replaces_dead_letters, ..adoption(&[("p", 2)]) };
    assert_fenced_beside(&store.adopt(&hopeless).await, "again", "behind and parked");
    assert_states(&store, &before, "behind and parked").await;
    adopt(&store, &adoption(&[("p", 3), ("q", 1), ("r", 0)])).await;
}

pub(super) async fn an_adoption_keeps_records_of_dropped_letters(store: Store) {
    let [both, theirs, ours] = [1, 2, 3].map(|version| failed(commit_at("s", version, 1)));
    park(&store, "live", &[both.clone(), theirs.clone()]).await;
    change(&store, "live", vec![dropping(&both, "live"), dropping(&theirs, "live")]).await;
    park(&store, "again", &[both.clone(), ours.clone()]).await;
    change(&store, "again", vec![dropping(&both, "again"), dropping(&ours, "again")]).await;
    adopt(&store, &adoption(&[])).await;
    let expected = [record(&both, "again"), record(&theirs, "live"), record(&ours, "again")];
    assert_letters(&dropped(&store, "live").await, &expected, "records of both");
    assert_nothing_left(&store).await;
    adopt(&store, &adoption(&[])).await;
    assert_letters(&dropped(&store, "live").await, &expected, "records of one");
    // What is parked of the same commit is not the record.
    park(&store, "again", std::slice::from_ref(&both)).await;
    adopt(&store, &adoption(&[])).await;
    assert_letters(&dropped(&store, "live").await, &expected, "beside a letter");
    assert_letters(&parked(&store, "live").await, &[both], "beside a record");
}

pub(super) async fn an_adoption_leaves_both_paused_or_not(store: Store) {
    for (again, live) in [(false, true), (true, false), (true, true), (false, false)] {
        pause(&store, "again", again).await;
        pause(&store, "live", live).await;
        adopt(&store, &adoption(&[])).await;
        let paused = [is_paused(&store, "again").await, is_paused(&store, "live").await];
        assert_eq!(paused, [again, live], "after an adoption");
    }
}

pub(super) async fn an_adoption_leaves_others_alone(store: Store) {
    let others = ["Live", "live2", "live:", "again2", "Again", "%", "_live"];
    for name in others.into_iter().chain(["live", "again"]) {
        work(&store, name, [1, 2], &[("s", 3)]).await;
        let letters = [1, 2].map(|version| failed(commit_at("t", version, 1)));
        park(&store, name, &letters).await;
        change(&store, name, vec![dropping(&letters[0], name)]).await;
    }
    let mut before = Vec::new();
    for name in others {
        before.push(state(&store, name).await);
    }
    adopt(&store, &adoption(&[("p", 1)])).await;
    for (name, before) in others.into_iter().zip(&before) {
        assert_state(&store, name, before, "after an adoption among others").await;
    }
}

pub(super) async fn a_consumer_does_not_adopt_itself(store: Store) {
    work(&store, "again", [2, 1], &[("s", 3)]).await;
    park(&store, "again", &[failed(commit_at("t", 1, 1))]).await;
    let before = state(&store, "again").await;
    for based_on in [&[][..], &[("p", 2)], &[("p", 1)]] {
        let outcome = store.adopt(&Adoption { to: consumer("again"), ..adoption(based_on) }).await;
        assert!(matches!(outcome, Err(Error::Misuse(_))), "no misuse, but {outcome:?}");
        assert_state(&store, "again", &before, "it adopted itself").await;
    }
}

pub(super) async fn of_concurrent_adoptions_exactly_one_succeeds(store: Store) {
    const RIVALS: usize = 6;
    for round in 1..=15 {
        let revision = load(&store, "again", "p").await.revision;
        let place = round.to_string();
        let revision = save(&store, by("again", step(revision, &place, &[("s", round)]))).await;
        let letter = failed(commit_at("t", round, 1));
        park(&store, "again", std::slice::from_ref(&letter)).await;
        let outcomes = concurrently((0..RIVALS).map(|_| {
            let (store, adoption) = (Arc::clone(&store), adoption(&[("p", revision.get())]));
            async move { store.adopt(&adoption).await }
        }))
        .await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Adopted::Done))).count();
        assert_eq!(done, 1, "of {RIVALS} adoptions of one revision {done} are done");
        for outcome in outcomes.iter().filter(|outcome| !matches!(outcome, Ok(Adopted::Done))) {
            assert_fenced_beside(outcome, "again", "the loser of a race");
        }
        assert_eq!(load(&store, "live", "p").await.checkpoint, checkpoint(&place));
        assert_eq!(versions(&store, "live", &[stream("s")]).await, [round]);
        assert_letters(&parked(&store, "live").await, &[letter], "after a race");
    }
}

pub(super) async fn of_an_adoption_and_a_save_exactly_one_succeeds(store: Store) {
    for round in 1..=25 {
        let revision = load(&store, "again", "p").await.revision;
        let late = by("again", step(revision, "late", &[("s", round)]));
        let adoption = adoption(&[("p", revision.get())]);
        let outcomes = concurrently([None, Some(adoption)].map(|adoption| {
            let (store, late) = (Arc::clone(&store), late.clone());
            async move {
                match adoption {
                    Some(adoption) => store.adopt(&adoption).await.map(|adopted| {
                        assert_eq!(adopted, Adopted::Done);
                    }),
                    None => store.save(late).await,
                }
            }
        }))
        .await;
        let [saved, adopted] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert!(saved.is_ok() != adopted.is_ok(), "saved: {saved:?}, adopted: {adopted:?}");
        let reached = if saved.is_ok() { [round] } else { [0] };
        assert_eq!(versions(&store, "again", &[stream("s")]).await, reached);
        reset(&store, "again").await;
    }
}
