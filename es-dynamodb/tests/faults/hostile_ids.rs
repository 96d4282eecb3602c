//! Ids that look like something else are streams of their own, or refused before anything is sent.

use es_core::{EventStore as _, Expected, StreamId};

use crate::scene::{Id, Scene, commit};
use crate::support::faults::Faults;

#[tokio::test]
async fn streams_with_hostile_ids_have_nothing_in_common() {
    let scene = Scene::with(Faults::none()).await;
    let longest = "é".repeat(StreamId::MAX_ID_LEN / 2);
    let derived = commit(1, 0, Id::Derived).id.to_string();
    let ids = [
        "a",
        "A",
        "a:b",
        ":",
        "a#b",
        "ledger:a",
        "a/b",
        "a b",
        "%00",
        "a\\u0001",
        "-1",
        "1",
        "e\u{301}",
        "é",
        "\u{202e}a",
        "😀",
        "pk",
        "'",
        "\"",
        "{\"S\":\"a\"}",
        &longest,
        &derived,
    ];
    for category in ["ledger", "ledger-a", "l"] {
        for (number, id) in (1..).zip(ids) {
            let stream = StreamId::new(category, id).expect("a valid id");
            // Both kinds, as markers are kept beside the commits.
            let first = commit(number, 0, Id::Derived);
            let second = commit(number + 300, first.events.len() as u64, Id::Generated);
            scene.plain.append(&stream, Expected::NoStream, first).await.expect("it is new");
            scene.plain.append(&stream, Expected::Any, second).await.expect("it goes on");
        }
    }
    for category in ["ledger", "ledger-a", "l"] {
        for (number, id) in (1..).zip(ids) {
            let stream = StreamId::new(category, id).expect("a valid id");
            let head = scene.plain.head(&stream).await.expect("the log answers").expect("a stream");
            assert_eq!(head.commit_id(), commit(number + 300, 0, Id::Generated).id, "{stream}");
            let marked = commit(number, 0, Id::Derived).id;
            let found = scene.plain.find(&stream, marked).await.expect("the log answers");
            assert_eq!(found.expect("its own").stream(), &stream);
            let other = commit(number + 1, 0, Id::Derived).id;
            assert_eq!(scene.plain.find(&stream, other).await.expect("the log answers"), None);
        }
    }
}

#[test]
fn ids_that_could_be_mistaken_are_refused_before_anything_is_sent() {
    let too_long = "a".repeat(StreamId::MAX_ID_LEN + 1);
    for id in ["", " a", "a\n", "a\u{1}b", "\0", "\u{fffe}", &too_long] {
        StreamId::new("ledger", id).expect_err(id);
    }
    for category in ["", "a:b", "a\u{1}", "ä"] {
        StreamId::new(category, "a").expect_err(category);
    }
}
