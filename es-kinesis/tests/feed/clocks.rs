//! Clocks that differ, and that jump.

use std::sync::Arc;
use std::time::Duration;

use es_core::testing::VirtualClock;
use es_core::{Clock as _, Feed};
use es_kinesis::{Begin, DataStream, KinesisFeed};

use crate::scene::{STREAM, Scene};

/// A program with a clock of its own.
struct Program<'a> {
    scene: &'a Scene,
    clock: Arc<VirtualClock>,
}

impl<'a> Program<'a> {
    fn new(scene: &'a Scene) -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing(&scene.clock.now().to_string()));
        Self { scene, clock }
    }

    fn feed(&self, begin: Begin) -> Arc<dyn Feed> {
        let stream = DataStream::builder(STREAM).clock(self.clock.clone());
        let stream = stream.with_client(self.scene.kinesis.client()).unwrap();
        Arc::new(KinesisFeed::of(&stream, self.scene.log.clone(), begin))
    }

    async fn catch_up(&self, feed: &Arc<dyn Feed>) {
        let statements = self.scene.statements_on(feed.clone()).with_clock(self.clock.clone());
        statements.catch_up().await.expect("nothing is lost");
    }

    /// Time goes by for everybody.
    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.scene.clock.advance(time);
    }

    /// The clock is so many minutes ahead of Kinesis'; negative, behind it.
    fn set_ahead(&self, minutes: i64) {
        let now = self.scene.clock.now().as_second() + minutes * 60;
        self.clock.set(es_core::Timestamp::from_second(now).expect("a time"));
    }
}

#[tokio::test]
async fn whatever_a_clock_says_nothing_is_skipped_after_the_history() {
    for minutes in [-14, -5, -1, 1, 5, 14] {
        let scene = Scene::new(2);
        scene.credit_all(5).await;
        scene.pass(Duration::from_secs(3_600));
        let program = Program::new(&scene);
        program.set_ahead(minutes);
        // It begins, and does not come to the stream before more is published.
        let begun = program.feed(scene.after_history());
        let statements = scene.statements_on(begun.clone()).with_batch_size(1);
        let writing = async {
            for _ in 0..5 {
                scene.credit_all(5).await;
            }
        };
        let (caught_up, ()) = tokio::join!(statements.catch_up(), writing);
        caught_up.unwrap();
        program.catch_up(&program.feed(scene.after_history())).await;
        scene.assert_all_shown().await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_makes_a_reader_neither_skip_nor_stand_still() {
    let scene = Scene::new(1);
    let program = Program::new(&scene);
    let feed = program.feed(Begin::Horizon);
    for (n, minutes) in [0, 14, -14, 5, -5, 0].into_iter().enumerate() {
        program.set_ahead(minutes);
        // So long that the place is settled by the clock as it is.
        program.pass(Duration::from_secs(2 * 3_600));
        program.catch_up(&feed).await;
        scene.credit("a", n as u64 + 1).await;
        program.catch_up(&program.feed(Begin::Horizon)).await;
        scene.assert_all_shown().await;
    }
}

#[tokio::test]
async fn what_was_lost_is_told_by_a_clock_that_is_behind_too() {
    for minutes in [-14, 14] {
        let scene = Scene::new(1);
        let program = Program::new(&scene);
        scene.credit("a", 1).await;
        program.catch_up(&program.feed(Begin::Horizon)).await;
        scene.credit("b", 2).await;
        program.pass(Duration::from_secs(24 * 3_600 + 60));
        program.set_ahead(minutes);
        scene.credit("c", 4).await;
        let feed = program.feed(Begin::Horizon);
        crate::scene::assert_trimmed(scene.statements_on(feed).catch_up().await);
    }
}
