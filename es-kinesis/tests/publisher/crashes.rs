//! A process stops anywhere: started again, the publisher goes on from what was saved.

use std::sync::Arc;

use es_core::testing::faults::{
    Faults as StoreFaults, FaultyCheckpointStore, crash_at_every_await,
};
use es_core::{Checkpoint, Feed, PartitionId};
use es_kinesis::Publisher;

use crate::scene::Scene;
use crate::support::fake_kinesis::Options;
use crate::support::faults::Fault;

const COMMITS: usize = 14;

async fn scene() -> Scene {
    let scene = Scene::with(5, 1, Options::default());
    scene.append_at_random(COMMITS, 4).await;
    // The second one is refused in part, and goes again.
    scene.kinesis.faults().at("PutRecords", 2, Fault::PartialFailure);
    scene
}

/// Saving its progress waits, too, as over a network.
fn publisher(scene: &Scene) -> Publisher {
    let checkpoints =
        FaultyCheckpointStore::new(scene.log.clone(), StoreFaults::none().suspending());
    let options = scene.publishing().records_per_request(2);
    let publisher = options.from(scene.log.clone(), scene.log.clone(), Arc::new(checkpoints));
    publisher.expect("valid").with_batch_size(6)
}

#[tokio::test]
async fn a_publisher_that_crashes_anywhere_loses_nothing_and_keeps_the_order() {
    let crashes = crash_at_every_await(
        scene,
        async |scene: &Scene| publisher(scene).catch_up().await.expect("nothing is in the way"),
        async |scene| {
            publisher(scene).catch_up().await.expect("nothing is in the way");
            scene.assert_published().await;
            let twice = scene.count_of_arrivals() - COMMITS;
            assert!(twice <= 6, "{twice} commits are there twice, more than one step has");
        },
    );
    let crashes = crashes.await;
    assert!(crashes > 20, "{crashes}");
}

#[tokio::test]
async fn what_was_saved_is_not_published_again() {
    let scene = scene().await;
    publisher(&scene).catch_up().await.expect("nothing is in the way");
    let published = scene.count_of_arrivals();
    scene.append("s-1", 2).await;
    publisher(&scene).catch_up().await.expect("nothing is in the way");
    assert_eq!((published, scene.count_of_arrivals()), (COMMITS, COMMITS + 1));
}

#[tokio::test]
async fn a_shutdown_finishes_what_it_has_begun() {
    let scene = Scene::new(2);
    scene.append_at_random(60, 10).await;
    let publisher = scene.publisher_with(|options| options.records_per_request(5));
    let publisher = publisher.with_batch_size(30);
    let begun = async {
        while scene.kinesis.count("PutRecords") == 0 {
            tokio::task::yield_now().await;
        }
    };
    publisher.run(begun).await.expect("nothing is in the way");
    assert_eq!(scene.count_of_arrivals(), 30, "the step at hand");
    scene.publisher().catch_up().await.expect("nothing is in the way");
    assert_eq!(scene.count_of_arrivals(), 60, "and it was saved");
    scene.assert_published().await;
}

/// A checkpoint that is saved late does not lead back.
#[tokio::test]
async fn a_late_checkpoint_does_not_lead_back() {
    use es_core::CheckpointStore as _;
    use es_core::testing::faults::{Call, Fault as StoreFault};
    let scene = scene().await;
    let faults = StoreFaults::none();
    faults.at(Call::SaveProgress, 1, StoreFault::LateRequest);
    let checkpoints = Arc::new(FaultyCheckpointStore::new(scene.log.clone(), faults));
    let started = || {
        let publishing = scene.publishing();
        let publisher = publishing.from(scene.log.clone(), scene.log.clone(), checkpoints.clone());
        publisher.expect("valid").with_batch_size(6)
    };
    let error = started().catch_up().await.expect_err("the first checkpoint is on its way");
    assert!(error.is_transient(), "{error:?}");
    started().catch_up().await.expect("nothing is in the way");
    let partition: PartitionId = scene.log.partitions().await.expect("there")[0].id.clone();
    let publisher = started();
    let position = scene.log.load(publisher.id(), &partition).await.expect("it is there");
    let rest =
        Feed::read(&*scene.log, &partition, &position.checkpoint, 10).await.expect("it is there");
    assert!(rest.commits.is_empty() && position.checkpoint != Checkpoint::start());
    scene.assert_published().await;
}
