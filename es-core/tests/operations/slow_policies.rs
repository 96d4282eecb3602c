//! Policies that take their time, or never come to an end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{
    Backoff, Error, Policy, Reaction, ReactionError, Reactor, Recorded, Repository, Workers,
};

use crate::support::{Account, AccountCommand, AccountEvent};

const SECOND: Duration = Duration::from_secs(1);

/// Notes whose events it has reacted to; hangs so often on those of an account.
#[derive(Debug, Default)]
struct Notes {
    hangs: Mutex<BTreeMap<String, u32>>,
    begun: Mutex<Vec<String>>,
    done: Mutex<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Noting(Arc<Notes>);

#[async_trait]
impl Policy for Noting {
    const NAME: &'static str = "noting";
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;

    async fn react(
        &self,
        event: &Recorded<'_, AccountEvent>,
        _: &Reaction,
    ) -> Result<(), ReactionError> {
        let note = format!("{} {}", event.aggregate_id(), event.version());
        self.0.begun.lock().unwrap().push(note.clone());
        let hangs = match self.0.hangs.lock().unwrap().get_mut(event.aggregate_id()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        self.0.done.lock().unwrap().push(note);
        Ok(())
    }
}

struct Scene {
    notes: Arc<Notes>,
    clock: Arc<VirtualClock>,
    reactor: Reactor<Noting>,
}

impl Scene {
    /// Two events of an account on which the policy hangs so often, and one of another.
    async fn new(hangs: u32) -> Self {
        let store = Arc::new(MemoryStore::new());
        let accounts = Repository::<Account>::new(store.clone());
        for id in ["slow", "sound", "slow"] {
            accounts.execute(id, AccountCommand::Credit(1)).await.unwrap();
        }
        let notes = Arc::new(Notes::default());
        notes.hangs.lock().unwrap().insert("slow".to_owned(), hangs);
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let at_once = Backoff { base: Duration::ZERO, max: Duration::ZERO };
        let reactor = Reactor::on(Noting(notes.clone()), store)
            .unwrap()
            .with_clock(clock.clone())
            .with_backoff(at_once)
            .with_time_limit(5 * SECOND);
        Self { notes, clock, reactor }
    }

    fn done(&self) -> Vec<String> {
        self.notes.done.lock().unwrap().clone()
    }

    async fn passes(clock: &VirtualClock, seconds: u64) {
        for _ in 0..seconds {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            clock.advance(SECOND);
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_reaction_that_takes_too_long_is_tried_again_and_nothing_is_left_out() {
    let Scene { notes, clock, reactor } = Scene::new(2).await;
    let (mut workers, reactor) = (Workers::new(), Arc::new(reactor));
    workers.start(reactor.clone());
    Scene::passes(&clock, 4).await;
    assert_eq!(*notes.begun.lock().unwrap(), ["slow 1", "sound 1"]);
    Scene::passes(&clock, 7).await;
    assert_eq!(*notes.done.lock().unwrap(), ["sound 1", "slow 1", "slow 2"]);
    let error = reactor.health().await.unwrap().last_error.unwrap().error;
    assert!(error.contains("the end of the reaction did not happen within 5s"), "{error}");
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn catching_up_ends_with_the_reaction_that_takes_too_long() {
    let scene = Scene::new(1).await;
    let (failed, ()) = futures::join!(scene.reactor.catch_up(), Scene::passes(&scene.clock, 5));
    let Err(error @ Error::Handler { .. }) = failed else { panic!("{failed:?}") };
    assert!(error.is_transient(), "{error}");
    assert_eq!(scene.done(), ["sound 1"], "the others had their turn");
    scene.reactor.catch_up().await.unwrap();
    assert_eq!(scene.done(), ["sound 1", "slow 1", "slow 2"]);
}

#[tokio::test]
async fn a_reaction_that_takes_too_long_each_time_is_parked_when_attempts_are_limited() {
    let Scene { notes, clock, reactor } = Scene::new(u32::MAX).await;
    let reactor = Arc::new(reactor.with_max_attempts(2));
    let mut workers = Workers::new();
    workers.start(reactor.clone());
    Scene::passes(&clock, 11).await;
    assert_eq!(*notes.done.lock().unwrap(), ["sound 1"]);
    assert_eq!(reactor.health().await.unwrap().dead_letters, 2, "with the later one behind it");
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn without_a_limit_a_reaction_may_take_any_time() {
    let Scene { notes, clock, reactor } = Scene::new(1).await;
    let mut workers = Workers::new();
    workers.start(Arc::new(reactor.with_time_limit(Duration::MAX)));
    Scene::passes(&clock, 100).await;
    assert_eq!(*notes.begun.lock().unwrap(), ["slow 1", "sound 1"]);
    drop(workers);
}
