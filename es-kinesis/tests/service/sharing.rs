//! Workers that share the shards.

use es_core::{LeaseStore as _, Workers};

use crate::scene::Scene;

#[tokio::test]
async fn workers_with_leases_do_the_work_together() {
    let scene = Scene::new(4).await;
    let publisher = scene.publisher();
    let shared = [scene.sharing_worker(), scene.sharing_worker()];
    let mut workers = Workers::new();
    shared.iter().for_each(|worker| workers.start(worker.clone()));
    for _ in 0..3 {
        scene.count(0..12).await;
        publisher.catch_up().await.expect("all is published");
        scene.wait_until_shown(&shared[0]).await;
    }
    let leases = scene.store().leases(shared[0].id()).await.expect("the leases");
    assert_eq!(leases.len(), 4, "one for each shard");
    workers.shutdown().await.expect("they run without an error");
    let leases = scene.store().leases(shared[0].id()).await.expect("the leases");
    assert!(leases.iter().all(|lease| lease.owner.is_none()), "{leases:?}");
}

#[tokio::test]
async fn another_worker_goes_on_where_one_has_stopped() {
    let scene = Scene::new(2).await;
    let publisher = scene.publisher();
    for _ in 0..2 {
        scene.count(0..6).await;
        publisher.catch_up().await.expect("all is published");
        let worker = scene.sharing_worker();
        let mut workers = Workers::new();
        workers.start(worker.clone());
        scene.wait_until_shown(&worker).await;
        workers.shutdown().await.expect("it runs without an error");
    }
}
