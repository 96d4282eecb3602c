use super::{Store, append, assert_same, assert_stream, build, read_all};
use crate::codec::Encoding;
use crate::commit::{Commit, NewCommit};
use crate::error::Error;
use crate::event_store::Expected;
use crate::metadata::Metadata;
use crate::stream_id::StreamId;
use crate::testing::conformance::sample::{
    Fact, commit, commit_of, encode, new_id, noon, stored, stream, stream_in,
};
use crate::version::{Head, Version};

/// Appends a commit again; the answer must be the original and say that it was there.
async fn repeat(
    store: &Store,
    stream: &StreamId,
    expected: Expected,
    commit: &NewCommit,
    original: &Commit,
) {
    match store.append(stream, expected, commit.clone()).await {
        Ok(answer) => {
            assert!(answer.duplicate, "a repeated append, {expected:?}, was taken for a new one");
            assert_eq!(&answer.commit, original, "a repeated append, {expected:?}");
        }
        Err(error) => panic!("a repeated append, {expected:?}, was refused: {error}"),
    }
}

pub(super) async fn a_lost_acknowledgement_is_not_a_conflict(store: Store) {
    let stream = stream("s");
    let first = commit(2);
    let first_placed = append(&store, &stream, Expected::NoStream, &first).await;
    repeat(&store, &stream, Expected::NoStream, &first, &first_placed).await;
    let second = commit(1);
    let expected = Expected::Head(first_placed.head());
    let second_placed = append(&store, &stream, expected, &second).await;
    repeat(&store, &stream, expected, &second, &second_placed).await;
    repeat(&store, &stream, expected, &second, &second_placed).await;
    let third = commit(1);
    let third_placed = append(&store, &stream, Expected::Any, &third).await;
    repeat(&store, &stream, Expected::Any, &third, &third_placed).await;
    assert_stream(&store, &stream, &[first_placed, second_placed, third_placed]).await;
}

pub(super) async fn a_repeated_append_is_recognised_after_others_appended(store: Store) {
    let stream = stream("s");
    let begin = build(&store, &stream, &[1]).await;
    let ours = commit(2);
    let expected = Expected::Head(begin[0].head());
    let placed = append(&store, &stream, expected, &ours).await;
    let mut commits = [begin, vec![placed.clone()]].concat();
    for length in [1, 3, 2] {
        commits.push(append(&store, &stream, Expected::Any, &commit(length)).await);
        repeat(&store, &stream, expected, &ours, &placed).await;
    }
    assert_stream(&store, &stream, &commits).await;
}

pub(super) async fn a_repeated_append_is_recognised_whatever_it_expects(store: Store) {
    let stream = stream("s");
    let first = commit(1);
    let last = commit(1);
    let mut commits = vec![append(&store, &stream, Expected::NoStream, &first).await];
    commits.push(append(&store, &stream, Expected::Any, &commit(3)).await);
    commits.push(append(&store, &stream, Expected::Any, &last).await);
    let past = Head::from_stored(new_id(), Version::new(9), Version::new(9));
    let mut expectations = vec![Expected::NoStream, Expected::Any, Expected::Head(past)];
    expectations.extend(commits.iter().map(|commit| Expected::Head(commit.head())));
    for expected in expectations {
        repeat(&store, &stream, expected, &first, &commits[0]).await;
        repeat(&store, &stream, expected, &last, &commits[2]).await;
    }
    assert_stream(&store, &stream, &commits).await;
}

pub(super) async fn a_repeated_append_returns_the_original(store: Store) {
    let stream = stream("s");
    let first = commit(2);
    let original = append(&store, &stream, Expected::NoStream, &first).await;
    let mut metadata = Metadata::new();
    metadata.actor = Some("somebody else".to_owned());
    let metadata = metadata.encode().expect("short metadata");
    let later = crate::Timestamp::from_microsecond(noon().as_microsecond() + 60_000_000);
    let later = later.expect("a time in range");
    let again = NewCommit::new(first.id, later, metadata, first.events.clone());
    repeat(&store, &stream, Expected::NoStream, &again, &original).await;
    append(&store, &stream, Expected::Any, &commit(1)).await;
    repeat(&store, &stream, Expected::Any, &again, &original).await;
    assert_eq!(read_all(&store, &stream).await[0], original, "the original was changed");
}

pub(super) async fn a_repeated_append_writes_nothing(store: Store) {
    let stream = stream("s");
    let news: Vec<NewCommit> = [1, 3, 1].map(commit).into();
    let mut commits = Vec::new();
    for new in &news {
        commits.push(append(&store, &stream, Expected::Any, new).await);
    }
    for _ in 0..3 {
        for (new, placed) in news.iter().zip(&commits) {
            repeat(&store, &stream, Expected::Any, new, placed).await;
            assert_stream(&store, &stream, &commits).await;
        }
    }
    append(&store, &stream, Expected::Head(commits[2].head()), &commit(1)).await;
}

pub(super) async fn a_commit_id_with_other_events_is_refused(store: Store) {
    let stream = stream("s");
    let first = commit_of(encode(&[Fact::noted("a"), Fact::noted("b")]));
    let original = append(&store, &stream, Expected::NoStream, &first).await;
    let next = append(&store, &stream, Expected::Any, &commit(1)).await;
    let renamed = first.events.manifest().replace("Noted", "Rated");
    let others = [
        ("another payload", encode(&[Fact::noted("a"), Fact::noted("c")])),
        ("fewer events", encode(&[Fact::noted("a")])),
        ("more events", encode(&[Fact::noted("a"), Fact::noted("b"), Fact::Nothing])),
        ("the events in another order", encode(&[Fact::noted("b"), Fact::noted("a")])),
        ("other names", stored(Encoding::default(), &renamed, first.events.payloads())),
    ];
    for (case, events) in others {
        for expected in [
            Expected::NoStream,
            Expected::Any,
            Expected::Head(original.head()),
            Expected::Head(next.head()),
        ] {
            let other = NewCommit { events: events.clone(), ..first.clone() };
            match store.append(&stream, expected, other).await {
                Err(Error::CommitIdReused(reused)) => {
                    assert_eq!(reused.commit_id, first.id);
                    assert_eq!(reused.original, original, "{case}, {expected:?}");
                }
                outcome => panic!("a used commit id with {case}, {expected:?}: {outcome:?}"),
            }
        }
    }
    assert_stream(&store, &stream, &[original, next]).await;
}

pub(super) async fn a_commit_id_belongs_to_its_stream(store: Store) {
    let new = commit(2);
    let streams = [stream("s"), stream("t"), stream_in("other", "s")];
    for stream in &streams {
        append(&store, stream, Expected::NoStream, &new).await;
    }
    let other = NewCommit { events: encode(&[Fact::Nothing]), ..new.clone() };
    append(&store, &stream("u"), Expected::Any, &other).await;
    for stream in &streams {
        let placed = new.clone().place(stream.clone(), Version::FIRST);
        assert_stream(&store, stream, &[placed]).await;
    }
}

pub(super) async fn an_old_commit_is_recognised_in_a_long_stream(store: Store) {
    let stream = stream("s");
    let first = commit(1);
    let mut commits = vec![append(&store, &stream, Expected::NoStream, &first).await];
    for _ in 0..300 {
        let head = Expected::end(commits.last().map(Commit::head));
        commits.push(append(&store, &stream, head, &commit(1)).await);
    }
    repeat(&store, &stream, Expected::NoStream, &first, &commits[0]).await;
    repeat(&store, &stream, Expected::Any, &first, &commits[0]).await;
    assert_same(&read_all(&store, &stream).await, &commits, "the stream");
}
