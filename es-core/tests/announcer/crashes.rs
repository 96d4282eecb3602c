//! The process stops anywhere.

use es_core::testing::faults::{Faults, crash_at, crash_at_every_await};

use crate::post::Weather;
use crate::scene::Scene;

async fn scene(topic: &str, weather: Weather) -> Scene {
    let scene = Scene::new(topic, 5, weather, Faults::none().suspending());
    scene.append_commits(12, 4).await;
    scene
}

#[tokio::test]
async fn an_announcer_that_crashes_anywhere_loses_nothing_and_keeps_the_order() {
    for topic in ["patients", "patients.fifo"] {
        for weather in [Weather::default(), Weather { refused_entries: 0.2, ..Weather::default() }]
        {
            let crashes = crash_at_every_await(
                async || scene(topic, weather).await,
                async |scene: &Scene| scene.announcer().catch_up().await.map(drop),
                async |scene| {
                    scene.post.set_weather(Weather::default());
                    scene.announcer().catch_up().await.unwrap();
                    scene.assert_announced(24);
                },
            );
            assert!(crashes.await > 10);
        }
    }
}

#[tokio::test]
async fn an_announcer_that_crashes_again_while_it_recovers_announces_everything_in_the_end() {
    let scene = scene("patients.fifo", Weather::default()).await;
    let mut suspension = 1;
    while crash_at(suspension, async { scene.announcer().catch_up().await }).await.is_err() {
        suspension += 1;
    }
    assert!(suspension > 10);
    scene.assert_announced(24);
}

#[tokio::test]
async fn what_was_saved_is_not_announced_again() {
    let scene = scene("patients", Weather::default()).await;
    scene.announcer().catch_up().await.unwrap();
    let before = scene.post.requests().len();
    scene.announcer().catch_up().await.unwrap();
    assert_eq!(scene.post.requests().len(), before);
    scene.append("p-0", 1).await;
    scene.announcer().catch_up().await.unwrap();
    assert_eq!(scene.post.requests().len(), before + 1);
    scene.assert_announced(25);
}
