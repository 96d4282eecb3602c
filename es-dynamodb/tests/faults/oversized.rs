//! What is too large is refused with its size before anything is sent.

use es_core::{Error, EventStore as _, Expected, Limits};

use crate::scene::{Id, Scene, commit};
use crate::support::faults::Faults;
use crate::support::ledger::stream;

#[tokio::test]
async fn a_commit_over_the_limit_is_refused_before_anything_is_sent() {
    let limits = [
        (Limits { max_events: 2, max_bytes: 4_000_000 }, 3, 2),
        (Limits { max_events: 10, max_bytes: 100 }, 0, 100),
    ];
    for (limits, events, limit) in limits {
        for id in [Id::Generated, Id::Derived] {
            let scene = Scene::with_options(Faults::none(), |it| it.limits(limits)).await;
            let large = commit(2, 0, id);
            let size = if events > 0 { events } else { large.stored_len() as u64 };
            let refused = scene.faulty.append(&stream("a"), Expected::Any, large).await;
            let Err(Error::LimitExceeded { actual, limit: told, .. }) = refused else {
                panic!("{refused:?}")
            };
            assert_eq!((actual, told), (size, limit));
            assert_eq!(scene.faults.all_requests(), 0);
        }
    }
}
