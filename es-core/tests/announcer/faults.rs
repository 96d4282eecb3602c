//! Requests that are lost, refused in part or not answered for.

use std::sync::Arc;
use std::time::Duration;

use es_core::testing::faults::{Call, Fault, Faults, FaultyTopic};
use es_core::{Error, RewindTo};

use crate::post::Weather;
use crate::scene::{Scene, ids, letters};

const TOPICS: [&str; 2] = ["patients", "patients.fifo"];

/// Until it comes through: what is held is given up after some tries, and comes again.
async fn caught_up(scene: &Scene) {
    for _ in 0..200 {
        match scene.announcer().catch_up().await {
            Ok(_) => return,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
    panic!("it does not come through");
}

#[tokio::test]
async fn everything_arrives_whatever_a_request_meets() {
    let alone = [
        Weather { lost_requests: 0.4, ..Weather::default() },
        Weather { lost_answers: 0.4, ..Weather::default() },
        Weather { refused_entries: 0.4, ..Weather::default() },
        Weather { short_answers: 0.9, ..Weather::default() },
        Weather::STORM,
    ];
    for topic in TOPICS {
        for (weather, seed) in alone.into_iter().zip(0..) {
            let scene = Scene::new(topic, seed, weather, Faults::none());
            scene.append_commits(60, 7).await;
            caught_up(&scene).await;
            scene.assert_announced(120);
            assert!(letters(&scene.announcer()).await.is_empty(), "nothing was parked");
        }
    }
}

#[tokio::test]
async fn a_feed_that_delivers_twice_and_out_of_order_is_repaired() {
    for topic in TOPICS {
        for seed in 0..6 {
            let faults = Faults::seeded(seed).with_rates(
                &[Fault::Duplicates, Fault::Reordering, Fault::LateDelivery, Fault::TornPage],
                0.4,
            );
            let scene = Scene::new(topic, seed, Weather::STORM, faults);
            scene.append_commits(60, 7).await;
            caught_up(&scene).await;
            scene.assert_announced(120);
        }
    }
}

/// Requests that arrive after they were given up, too.
#[tokio::test]
async fn everything_arrives_through_topics_that_meet_every_fault() {
    for topic in TOPICS {
        for seed in 0..10 {
            let scene = Scene::new(topic, seed, Weather::default(), Faults::none());
            scene.append_commits(60, 7).await;
            let faults = Faults::seeded(seed)
                .with_rates(Call::Publish.faults(), 0.15)
                .with_clock(scene.clock.clone());
            let topics = Arc::new(FaultyTopic::new(scene.post.clone(), faults.clone()));
            let announcer = scene.announcer_through(topics, |options| options);
            while let Err(error) = announcer.catch_up().await {
                assert!(error.is_transient(), "{error}");
            }
            scene.assert_announced(120);
            assert!(!faults.injections().is_empty());
        }
    }
}

#[tokio::test]
async fn of_a_request_that_was_taken_in_part_the_rest_goes_again_after_a_wait() {
    let scene = Scene::standard();
    scene.append("p-1", 10).await;
    scene.post.refuse_for_now(Some(r#""streamversion":4"#));
    let weather_clears = async {
        while scene.clock.slept().is_empty() {
            tokio::task::yield_now().await;
        }
        scene.post.refuse_for_now(None);
    };
    let (announced, ()) =
        tokio::join!(async { scene.announcer().catch_up().await }, weather_clears);
    announced.unwrap();
    let requests = scene.post.requests();
    assert_eq!(requests[0].len(), 10);
    assert!(requests.len() > 1 && requests[1..].iter().all(|request| request.len() == 1));
    assert_eq!(scene.post.taken().len(), 10, "nothing twice");
    let slept = scene.clock.slept();
    assert!(slept[0] <= Duration::from_millis(50), "{slept:?}");
}

#[tokio::test]
async fn in_a_group_the_later_ones_wait_for_the_one_that_was_refused() {
    let scene = Scene::fifo();
    scene.append("p-1", 3).await;
    scene.append("p-2", 3).await;
    scene.post.refuse_for_now(Some("patient:p-1"));
    let refused = scene.announcer().catch_up().await;
    assert!(refused.as_ref().is_err_and(Error::is_transient), "{refused:?}");
    let p_1 = |body: &str| body.contains("patient:p-1");
    let sent: Vec<_> = scene.post.requests().concat();
    assert!(sent.iter().filter(|it| p_1(&it.body)).all(|it| it.body.contains(r#"version":1,"#)));
    assert_eq!(scene.post.taken().len(), 3, "the other stream flows");

    scene.post.refuse_for_now(None);
    scene.announcer().catch_up().await.unwrap();
    assert_eq!(scene.post.taken().len(), 6, "and what was taken is not sent again");
    scene.assert_announced(6);
}

#[tokio::test]
async fn a_missing_topic_stops_it_and_nothing_is_parked() {
    let scene = Scene::standard();
    scene.append_commits(3, 3).await;
    scene.post.set_missing(true);
    let announcer = scene.announcer();
    let stopped = announcer.run(std::future::pending()).await;
    assert!(matches!(stopped, Err(Error::NoSuchTopic { .. })), "{stopped:?}");
    assert!(letters(&announcer).await.is_empty());

    scene.post.set_missing(false);
    announcer.catch_up().await.unwrap();
    scene.assert_announced(6);
}

#[tokio::test]
async fn rewound_it_announces_the_same_again() {
    let scene = Scene::standard();
    scene.append_commits(10, 3).await;
    let announcer = scene.announcer();
    announcer.catch_up().await.unwrap();
    let before = scene.post.events();
    announcer.rewind(RewindTo::Start, |_| {}).await.unwrap();
    announcer.catch_up().await.unwrap();
    let both = scene.post.events();
    assert_eq!(both.len(), 40);
    let (mut first, mut second) = (ids(&before), ids(&both[20..]));
    first.sort_unstable();
    second.sort_unstable();
    assert_eq!(first, second);
    scene.assert_announced(20);

    announcer.rewind(RewindTo::End, |_| {}).await.unwrap();
    scene.append("p-0", 1).await;
    announcer.catch_up().await.unwrap();
    assert_eq!(scene.post.events().len(), 41, "from the end on it is what is new");
}

#[tokio::test]
async fn it_outlasts_everything_at_once() {
    for seed in 0..8 {
        let faults = Faults::seeded(seed)
            .with_rates(&[Fault::Duplicates, Fault::Reordering, Fault::LateDelivery], 0.3)
            .with_rates(Fault::TRANSIENT, 0.05);
        let scene = Scene::new(TOPICS[1], seed, Weather::STORM, faults);
        scene.append_commits(40, 5).await;
        caught_up(&scene).await;
        scene.post.set_weather(Weather::default());
        scene.faults.stop();
        caught_up(&scene).await;
        scene.assert_announced(80);
    }
}
