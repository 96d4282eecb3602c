//! What steps cost, in requests and in DynamoDB's units.

use es_core::{CheckpointStore as _, Cost, Progress, Revision};

use crate::samples::{
    beside, consumer, dropping, letter, parking, partition, reached, seen, step, stream,
};
use crate::scene::{Scene, change};

/// Requests, read units and write units.
async fn cost<T>(work: impl Future<Output = es_core::Result<T>>) -> (u64, f64, f64) {
    let (outcome, cost) = Cost::of(work).await;
    outcome.unwrap_or_else(|error| panic!("{error}"));
    (cost.requests, cost.read_units, cost.write_units)
}

#[tokio::test]
async fn a_step_costs_two_requests() {
    let Scene { store, .. } = &Scene::new().await;
    let (c, p) = (consumer("c"), partition("p"));
    assert_eq!(cost(store.load(&c, &p)).await, (1, 2.0, 0.0), "the control item and the position");
    let streams = [stream("s"), stream("t")];
    assert_eq!(cost(store.stream_progress(&c, &streams)).await, (1, 3.0, 0.0));
    let nothing = step(Revision::default(), "1");
    assert_eq!(cost(store.save(nothing)).await, (2, 1.0, 2.0), "only the position");
    let saw = vec![seen("s", 0), seen("t", 0)];
    let of_two = Progress {
        seen: saw,
        streams: reached(&[("s", 1), ("t", 1)]),
        ..step(Revision::from_stored(1), "2")
    };
    assert_eq!(cost(store.save(of_two)).await, (2, 1.0, 6.0), "and two streams");
}

#[tokio::test]
async fn what_was_not_seen_is_read() {
    let Scene { store, .. } = &Scene::new().await;
    let unseen = Progress { streams: reached(&[("s", 5)]), ..beside() };
    assert_eq!(cost(store.save(unseen.clone())).await, (2, 2.0, 2.0));
    assert_eq!(cost(store.save(unseen)).await, (1, 2.0, 0.0), "it is there already");
}

#[tokio::test]
async fn a_letter_costs_up_to_three_items() {
    let Scene { store, .. } = &Scene::new().await;
    let [first, second] = [1, 2].map(|version| letter("s", version));
    // The letter, the stream, and the stream among those that wait.
    assert_eq!(cost(change(store, vec![parking(&first)])).await, (2, 2.0, 6.0));
    // The letters that are there are looked at.
    assert_eq!(cost(change(store, vec![parking(&second)])).await, (3, 3.0, 6.0));
    // The letter is read whole, and becomes a record.
    assert_eq!(cost(change(store, vec![dropping(&first, "x")])).await, (4, 4.0, 8.0));
}

#[tokio::test]
async fn counting_costs_by_stream_and_pausing_one_unit() {
    let Scene { store, .. } = &Scene::new().await;
    let c = consumer("c");
    let letters: Vec<_> = (1..=50).map(|version| parking(&letter("s", version))).collect();
    change(store, letters).await.unwrap();
    assert_eq!(cost(store.dead_letter_count(&c)).await, (2, 2.0, 0.0), "of one stream");
    assert_eq!(cost(store.set_paused(&c, true)).await, (1, 0.0, 1.0));
    assert_eq!(cost(store.is_paused(&c)).await, (1, 1.0, 0.0));
}
