//! When all faults stop, every projection and every policy catches up in a bounded number of steps.

use es_core::testing::faults::{Call, Fault, Faults};
use es_core::{ExecuteError, Version};

use crate::ledger::{enter, ledgers, stream};
use crate::read_side::Scene;

/// Everything at once.
fn storm(seed: u64) -> Faults {
    Faults::seeded(seed).with_rates(Fault::TRANSIENT, 0.15).suspending()
}

const COMMITS: u64 = 40;

/// More pages than a feed of [`COMMITS`] has in pages of four, with those that come late and those
/// that are torn.
const ENOUGH_PAGES: u64 = 2 * COMMITS;

#[tokio::test]
async fn a_projection_catches_up_in_one_go_when_the_faults_stop() {
    for seed in 0..120 {
        let scene = Scene::new(storm(seed), COMMITS).await;
        let projection = scene.projection();
        for _ in 0..5 {
            if let Err(error) = projection.catch_up().await {
                assert!(error.is_transient(), "{error:?}");
            }
        }
        scene.faults.stop();
        let before = scene.faults.calls(Call::ReadFeed);
        let done = projection.catch_up().await.unwrap();
        assert!(scene.faults.calls(Call::ReadFeed) - before <= ENOUGH_PAGES);
        assert!(done.applied <= COMMITS);
        scene.assert_shown().await;
        assert_eq!(projection.catch_up().await.unwrap().applied, 0, "nothing is done twice");
    }
}

#[tokio::test]
async fn a_policy_catches_up_in_one_go_when_the_faults_stop() {
    for seed in 0..60 {
        let scene = Scene::new(storm(seed), 15).await;
        let reactor = scene.reactor();
        for _ in 0..4 {
            if let Err(error) = reactor.catch_up().await {
                assert!(error.is_transient(), "{error:?}");
            }
        }
        scene.faults.stop();
        reactor.catch_up().await.unwrap();
        scene.assert_copied().await;
    }
}

#[tokio::test]
async fn workers_and_writers_in_a_storm_come_to_what_the_log_says_when_it_is_over() {
    for seed in 0..60 {
        let scene = Scene::new(storm(seed), 4).await;
        let (projection, reactor) = (scene.projection(), scene.reactor());
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let until_stopped = || {
            let mut stopped = stopped.clone();
            async move { drop(stopped.wait_for(|stop| *stop).await) }
        };
        let writer = async {
            let ledgers = ledgers(scene.log.clone(), seed);
            let mut newest = Version::ZERO;
            for number in 100..120 {
                match ledgers.execute("a", enter(number)).await {
                    Ok(receipt) => newest = receipt.version(),
                    Err(ExecuteError::Failed(error)) => assert!(error.is_transient(), "{error:?}"),
                    Err(rejected) => panic!("{rejected:?}"),
                }
            }
            scene.faults.stop();
            scene.until_seen(projection.id(), &stream("a"), newest).await;
            scene.until_seen(reactor.id(), &stream("a"), newest).await;
            stop.send_replace(true);
        };
        let (projected, reacted, ()) =
            futures::join!(projection.run(until_stopped()), reactor.run(until_stopped()), writer);
        projected.unwrap();
        reacted.unwrap();

        scene.reactor().catch_up().await.unwrap();
        scene.projection().catch_up().await.unwrap();
        scene.assert_shown().await;
        scene.assert_copied().await;
        assert!(scene.faults.injections().len() > 20);
    }
}
