//! A writer, a publisher, workers that share the shards, and somebody who splits and merges these, in a
//! storm: when it is over, the view shows the log.

use std::cell::Cell;
use std::time::Duration;

use es_core::{Backoff, Clock as _, WorkerId};
use es_kinesis::{Begin, KinesisFeed, PublisherOptions};

use crate::scene::{STREAM, Scene};
use crate::simulation::{Fate, Simulation};
use crate::support::faults::Fault;

/// What a storm is like.
#[derive(Debug, Clone, Copy)]
struct Weather {
    seed: u64,
    workers: usize,
    /// How probable each fault is at each request that can meet it.
    faults: f64,
    fate: Fate,
    fanned_out: bool,
}

/// Says which storm it was when a test fails in it.
struct Named(Weather);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the failure is that of {:?}", self.0);
        }
    }
}

const COMMITS: u64 = 60;
const LEASE: Duration = Duration::from_secs(9);

/// In which all must be written, however bad it is.
const LONGEST_STORM: Duration = Duration::from_secs(600);

/// Leases of the dead expire, subscriptions too, and parents are read before their children.
const ENOUGH_TO_CATCH_UP: Duration = Duration::from_secs(300);

struct Storm {
    scene: Scene,
    weather: Weather,
    written: Cell<u64>,
    /// How many programs have been started: each has random bits of its own.
    started: Cell<u64>,
}

impl Storm {
    fn new(weather: Weather) -> Self {
        let scene = Scene::in_storm(1 + weather.seed % 3, weather.seed);
        scene.kinesis.set_options(|options| {
            options.empty_answers = weather.seed % 2;
            options.end_comes_alone = weather.seed.is_multiple_of(3);
            options.records_per_answer = 5;
            options.shards_per_page = 4;
            options.read_limits = true;
        });
        scene.kinesis.faults().set_rates(Fault::PASSING, weather.faults);
        Self { scene, weather, written: Cell::default(), started: Cell::default() }
    }

    fn next_seed(&self) -> u64 {
        self.started.set(self.started.get() + 1);
        self.weather.seed * 1_000_000 + self.started.get()
    }

    async fn write(&self) {
        while self.written.get() < COMMITS {
            let n = self.written.get();
            self.scene.credit_unseen(&format!("a-{}", n * 7 % 11), n + 1).await;
            self.written.set(n + 1);
            let pause = Duration::from_millis(1 + n * 37 % 900);
            self.scene.clock.sleep(pause).await;
        }
    }

    async fn publish(&self) {
        let seed = self.next_seed();
        let form = |options: PublisherOptions| match seed % 2 {
            0 => options.named("publisher").aggregated(2_000),
            _ => options.named("publisher"),
        };
        let stopped = self.scene.publisher(seed, form).run(std::future::pending()).await;
        panic!("the publisher has stopped: {stopped:?}");
    }

    async fn work(&self) {
        let seed = self.next_seed();
        let entropy = es_core::testing::SeededEntropy::new(seed);
        let worker = WorkerId::generate("worker", &entropy).expect("a valid name");
        let statements = self
            .scene
            .statements(self.feed(seed))
            .with_entropy(std::sync::Arc::new(entropy))
            .with_backoff(Backoff { max: Duration::from_secs(1), ..Backoff::default() })
            .with_batch_size(1 + (seed % 4) as usize)
            .with_leases(self.scene.views.clone(), worker, LEASE);
        let stopped = statements.run(std::future::pending()).await;
        panic!("a worker has stopped: {stopped:?}");
    }

    fn feed(&self, seed: u64) -> KinesisFeed {
        let feed = self.scene.seeded_feed(seed, Begin::Horizon);
        if self.weather.fanned_out { feed.fan_out("statements") } else { feed }
    }

    async fn reshard(&self) {
        let mut random = fastrand::Rng::with_seed(self.next_seed());
        loop {
            self.scene.clock.sleep(Duration::from_secs(random.u64(2..12))).await;
            let kinesis = &self.scene.kinesis;
            let open = kinesis.open_shards(STREAM);
            let at = random.usize(..open.len());
            if open.len() < 5 && random.bool() {
                kinesis.split(STREAM, &open[at]);
            } else if at > 0 {
                kinesis.merge(STREAM, &open[at - 1], &open[at]);
            }
        }
    }
}

async fn rage(weather: Weather) {
    let _named = Named(weather);
    let storm = Storm::new(weather);
    let Weather { seed, fate, workers, faults, .. } = weather;
    let mut simulation = Simulation::new(storm.scene.clock.clone(), seed);
    simulation.add(fate, || storm.write());
    simulation.add(fate, || storm.publish());
    for _ in 0..workers {
        simulation.add(fate, || storm.work());
    }
    simulation.add(Fate::default(), || storm.reshard());
    let is_written = async || storm.written.get() == COMMITS;
    assert!(simulation.run(LONGEST_STORM, is_written).await, "the writer comes to no end");
    let injected = storm.scene.kinesis.faults().injections().len();
    assert!(faults == 0.0 || injected > 10, "{injected} faults are no storm");
    assert!(simulation.crashes > 2 || fate.crashes.is_none());
    assert!(simulation.freezes > 0 || fate.freezes.is_none());

    storm.scene.kinesis.faults().stop();
    storm.scene.kinesis.let_late_requests_arrive();
    simulation.be_calm();
    let is_shown = async || storm.scene.shown().await == storm.scene.folded().await;
    let caught_up = simulation.run(ENOUGH_TO_CATCH_UP, is_shown).await;
    storm.scene.assert_all_shown().await;
    assert!(caught_up);
    drop(simulation);
    // A program that comes later finds nothing left to do. The others have used up what can be read.
    storm.scene.kinesis.set_options(|options| options.read_limits = false);
    let later = storm.scene.statements(storm.scene.feed(Begin::Horizon));
    let again = storm.scene.in_time(later.catch_up()).await.expect("nothing is in the way");
    assert_eq!((again.applied, again.parked), (0, 0), "nothing is done twice");
    storm.scene.assert_all_shown().await;
}

/// A storm for each of the seeds, by polling and by fan-out in turn, with one to four workers.
async fn rage_for(seeds: std::ops::RangeInclusive<u64>, faults: f64, fate: Fate) {
    for seed in seeds {
        let (workers, fanned_out) = (1 + (seed / 2 % 4) as usize, seed.is_multiple_of(2));
        rage(Weather { seed, workers, faults, fate, fanned_out }).await;
    }
}

#[tokio::test]
async fn whatever_the_network_does_the_view_shows_the_log() {
    rage_for(1..=6, 0.05, Fate::default()).await;
}

#[tokio::test]
async fn whoever_crashes_or_stands_still_the_view_shows_the_log() {
    rage_for(11..=16, 0.0, Fate { crashes: Some(150), freezes: Some(200) }).await;
}

#[tokio::test]
async fn when_all_of_it_comes_at_once_the_view_shows_the_log() {
    rage_for(21..=28, 0.03, Fate { crashes: Some(200), freezes: Some(300) }).await;
}
