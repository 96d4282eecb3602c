//! Writers, workers, operators and readers in a storm: when it is over, everything is as the log says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use es_core::{Clock as _, Error};

use crate::life_of_a_stream::{Moods, live};
use crate::pages::folded;
use crate::simulation::{Fate, Simulation};
use crate::support::faults::{Fault, Faults};
use crate::world::{LEDGERS, World};
use crate::writing::Client;

/// All but one: records of several shards are repeated by the stream itself.
fn passing() -> Vec<Fault> {
    let passing = Fault::PASSING.iter().copied();
    passing.filter(|fault| *fault != Fault::RepeatedRecords).collect()
}

/// What a storm is like.
#[derive(Debug, Clone, Copy)]
struct Weather {
    seed: u64,
    /// How probable each fault is at each request that can meet it.
    faults: f64,
    fate: Fate,
    days: u32,
    rebuilds: u32,
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

const CLIENTS: u64 = 3;
const COMMANDS: u64 = 14;
const WORKERS: u64 = 3;

/// In which all commands must be done, however bad it is.
const LONGEST_STORM: Duration = Duration::from_secs(900);

/// Leases of the dead expire, partitions that were set back are found again, and rebuilds are waited for.
const ENOUGH_TO_CATCH_UP: Duration = Duration::from_secs(240);

/// A worker, for as long as it lives. One that is told that even its rebuild comes too late is started
/// again.
async fn follow(world: &World) {
    loop {
        match world.sharing_pages().run(std::future::pending()).await {
            Err(Error::FeedTrimmed { .. }) => {}
            stopped => panic!("a worker has stopped: {stopped:?}"),
        }
    }
}

/// An operator who builds the view again, some times.
async fn rebuild(world: &World, left: &Cell<u32>, pause: Duration) {
    while left.get() > 0 {
        world.clock.sleep(pause).await;
        left.set(left.get() - 1);
        match world.pages().rebuild(|_| {}).await {
            Ok(_) | Err(Error::Fenced { .. } | Error::FeedTrimmed { .. }) => {}
            Err(error) => assert!(error.is_transient(), "{}", error.with_causes()),
        }
    }
}

/// A reader, for whom no document ever goes back.
async fn read(world: &World, longest: &RefCell<BTreeMap<&str, Vec<(u64, u64)>>>) {
    let view = world.watching().view();
    for id in LEDGERS.into_iter().cycle() {
        let shown = view.get(id).await.expect("the view can be read").unwrap_or_default().lines;
        let before = longest.borrow_mut().insert(id, shown.clone()).unwrap_or_default();
        assert!(shown.starts_with(&before), "{id} went from {before:?} back to {shown:?}");
        world.clock.sleep(Duration::from_millis(300)).await;
    }
}

async fn storm(weather: Weather) {
    let _named = Named(weather);
    let Weather { seed, fate, .. } = weather;
    let faults = Faults::seeded(seed).with_rates(&passing(), weather.faults);
    let world = World::with(faults, seed).await;
    let clients: Vec<_> =
        (0..CLIENTS).map(|n| Client::of(n * COMMANDS..(n + 1) * COMMANDS)).collect();
    let moods = Moods { days: Cell::new(weather.days), ..Moods::default() };
    let rebuilds = [weather.rebuilds / 2, weather.rebuilds.div_ceil(2)].map(Cell::new);
    let longest = RefCell::default();

    let mut simulation = Simulation::new(world.clock.clone(), seed);
    for client in &clients {
        simulation.add(fate, || client.work(&world));
    }
    for _ in 0..WORKERS {
        simulation.add(fate, || follow(&world));
    }
    for left in &rebuilds {
        simulation.add(fate, || rebuild(&world, left, Duration::from_secs(7)));
    }
    simulation.add(Fate::default(), || read(&world, &longest));
    simulation.add(Fate::default(), || live(&world, &moods, seed));

    let is_over = async || {
        let rebuilt = rebuilds.iter().all(|left| left.get() == 0);
        clients.iter().all(Client::is_done) && rebuilt && moods.days.get() == 0
    };
    let over = simulation.run(LONGEST_STORM, is_over).await;
    assert!(over, "the commands do not come to an end");
    let injected = world.faults.injections().len();
    assert!(injected > 20 || weather.faults < 0.01, "{injected} faults are no storm");
    assert!(simulation.crashes > 3 || fate.crashes.is_none());
    assert!(simulation.freezes > 1 || fate.freezes.is_none());
    assert_eq!(moods.days.get(), 0, "the days have gone by");
    world.faults.stop();
    simulation.be_calm();
    moods.calm.set(true);
    let caught_up = simulation
        .run(ENOUGH_TO_CATCH_UP, async || {
            world.has_seen_all().await && world.shown().await == folded(&world.logged().await)
        })
        .await;
    world.assert_shown().await;
    assert!(caught_up, "the workers have not seen all");
    for client in &clients {
        client.judge(&world.logged().await);
    }
    // What was trimmed before it was read may be found out only now.
    let again = world
        .watching()
        .with_rebuild_when_trimmed()
        .catch_up()
        .await
        .expect("nothing is in the way");
    assert_eq!((again.applied, again.parked), (0, 0), "nothing is done twice");
    world.assert_shown().await;
}

#[tokio::test]
async fn whatever_the_network_does_the_view_shows_the_log() {
    for seed in 1..=3 {
        let fate = Fate::default();
        storm(Weather { seed, faults: 0.05, fate, days: 0, rebuilds: 0 }).await;
    }
}

#[tokio::test]
async fn whoever_crashes_or_stands_still_the_view_shows_the_log() {
    for seed in 11..=13 {
        let fate = Fate { crashes: Some(100), freezes: Some(200) };
        storm(Weather { seed, faults: 0.0, fate, days: 0, rebuilds: 0 }).await;
    }
}

#[tokio::test]
async fn whoever_rebuilds_meanwhile_the_view_shows_the_log_and_never_goes_back() {
    for seed in 21..=23 {
        let fate = Fate { crashes: Some(200), freezes: Some(400) };
        storm(Weather { seed, faults: 0.005, fate, days: 0, rebuilds: 6 }).await;
    }
}

#[tokio::test]
async fn whatever_the_stream_forgets_the_view_shows_the_log() {
    for seed in 31..=32 {
        let fate = Fate { crashes: Some(400), freezes: None };
        storm(Weather { seed, faults: 0.01, fate, days: 2, rebuilds: 0 }).await;
    }
}

#[tokio::test]
async fn when_all_of_it_comes_at_once_the_view_shows_the_log() {
    for seed in 41..=43 {
        let fate = Fate { crashes: Some(150), freezes: Some(400) };
        storm(Weather { seed, faults: 0.03, fate, days: 2, rebuilds: 3 }).await;
    }
}
