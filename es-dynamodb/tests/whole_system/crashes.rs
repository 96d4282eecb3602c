//! A process stops anywhere, also between an effect and its checkpoint: started again, it comes to what the
//! log says.

use async_trait::async_trait;
use es_core::testing::faults::crash_at;
use es_core::{Policy, Reaction, ReactionError, Reactor, Recorded, Repository};

use crate::support::ledger::{Enter, Ledger, LedgerEvent};
use crate::world::World;

/// Crashes a scenario on fresh worlds at its first await, `every` awaits later, and so on, and lets `recover` start
/// again and judge. A request waits twice, on its way there and on its way back: with an odd `every` half of
/// the crashes come when it has had its effect. Returns how often it crashed.
async fn crash_at_many_awaits<T>(
    every: usize,
    fresh: impl AsyncFn() -> World,
    scenario: impl AsyncFn(&World) -> T,
    recover: impl AsyncFn(&World),
) -> usize {
    for crashes in 0.. {
        let world = fresh().await;
        let ended = crash_at(1 + crashes * every, scenario(&world)).await;
        recover(&world).await;
        if ended.is_ok() {
            return crashes;
        }
    }
    unreachable!("no scenario has that many awaits")
}

#[tokio::test]
async fn a_projection_that_crashes_anywhere_shows_the_log_when_it_is_started_again() {
    let crashes = crash_at_many_awaits(
        3,
        async || World::with_commits(1..4).await,
        async |world: &World| world.pages().catch_up().await.expect("nothing is in the way"),
        async |world| {
            world.pages().catch_up().await.expect("nothing is in the way");
            world.assert_shown().await;
        },
    );
    assert!(crashes.await > 4);
}

#[tokio::test]
async fn a_rebuild_that_crashes_anywhere_leaves_the_view_whole_and_is_not_in_the_way_of_the_next() {
    let crashes = crash_at_many_awaits(
        41,
        async || {
            let world = World::with_commits(1..4).await;
            world.watching().catch_up().await.expect("nothing is in the way");
            world
        },
        async |world: &World| world.pages().rebuild(|_| {}).await.expect("nobody else rebuilds"),
        async |world| {
            world.assert_shown().await;
            world.enter(4..6).await;
            world.pages().catch_up().await.expect("nothing is in the way");
            world.assert_shown().await;
            world.pages().rebuild(|_| {}).await.expect("nobody else rebuilds");
            world.assert_shown().await;
        },
    );
    assert!(crashes.await > 4);
}

/// Enters every line of ledger `a` into ledger `e`.
#[derive(Debug)]
struct Copying(Repository<Ledger>);

#[async_trait]
impl Policy for Copying {
    const NAME: &'static str = "copying";
    const CATEGORIES: &'static [&'static str] = &["ledger"];
    type Event = LedgerEvent;

    async fn react(
        &self,
        event: &Recorded<'_, LedgerEvent>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError> {
        let LedgerEvent::Entered { number, line, .. } = event.event;
        if event.aggregate_id() == "a" {
            // One line each.
            let copy = Enter { number: copied(number, line) };
            self.0.execute_with("e", copy, reaction.options(0)?).await?;
        }
        Ok(())
    }
}

fn copied(number: u64, line: u64) -> u64 {
    (number * 10 + line) * 3
}

fn reactor(world: &World) -> Reactor<Copying> {
    let store = world.store();
    let reactor = Reactor::new(Copying(world.ledgers()), store.clone(), store.clone(), store);
    reactor.expect("a valid name").with_clock(world.clock.clone()).with_entropy(world.entropy())
}

#[tokio::test]
async fn a_policy_that_crashes_anywhere_has_each_effect_once() {
    let crashes = crash_at_many_awaits(
        5,
        async || World::with_commits(1..4).await,
        async |world: &World| reactor(world).catch_up().await.expect("nothing is in the way"),
        async |world| {
            reactor(world).catch_up().await.expect("nothing is in the way");
            let logged = world.logged().await;
            let copies: Vec<u64> = logged["e"].iter().map(|(number, _)| *number).collect();
            let originals = logged["a"].iter().map(|&(number, line)| copied(number, line));
            assert_eq!(copies, originals.collect::<Vec<_>>());
        },
    );
    assert!(crashes.await > 4);
}
