//! Processes that take turns, crash at any await, and stand still for a while, on a clock that goes on with
//! every turn.
//!
//! A process is polled once in a turn, in an order that follows from the seed, so a request takes a few
//! turns. A crash drops it wherever it waits; then it is started again, with nothing in its memory.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use es_core::testing::VirtualClock;
use futures::future::LocalBoxFuture;

/// How much time passes in a turn.
const TURN: Duration = Duration::from_millis(50);

/// What may happen to a process in a turn: one in so many.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fate {
    pub(crate) crashes: Option<u32>,
    pub(crate) freezes: Option<u32>,
}

struct Process<'a> {
    start: Box<dyn Fn() -> LocalBoxFuture<'a, ()> + 'a>,
    fate: Fate,
    life: Option<LocalBoxFuture<'a, ()>>,
    done: bool,
    /// It is not polled before this time.
    frozen_until: Duration,
}

pub(crate) struct Simulation<'a> {
    clock: Arc<VirtualClock>,
    random: fastrand::Rng,
    processes: Vec<Process<'a>>,
    turns: u32,
    pub(crate) crashes: u32,
    pub(crate) freezes: u32,
}

impl<'a> Simulation<'a> {
    pub(crate) fn new(clock: Arc<VirtualClock>, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { clock, random, processes: Vec::new(), turns: 0, crashes: 0, freezes: 0 }
    }

    /// Adds a process that is started by `start`, and again after each crash.
    pub(crate) fn add<F: Future<Output = ()> + 'a>(
        &mut self,
        fate: Fate,
        start: impl Fn() -> F + 'a,
    ) {
        let start = Box::new(move || Box::pin(start()) as LocalBoxFuture<'a, ()>);
        let frozen_until = Duration::ZERO;
        self.processes.push(Process { start, fate, life: None, done: false, frozen_until });
    }

    /// From now on nothing happens to anybody any more.
    pub(crate) fn be_calm(&mut self) {
        for process in &mut self.processes {
            process.fate = Fate::default();
            process.frozen_until = Duration::ZERO;
        }
    }

    /// How long it has gone on.
    pub(crate) fn elapsed(&self) -> Duration {
        TURN * self.turns
    }

    /// Takes turns until `is_over`, asked now and then; says whether that was within `most`.
    pub(crate) async fn run(&mut self, most: Duration, is_over: impl AsyncFn() -> bool) -> bool {
        const LOOK_AFTER: u32 = 40;
        let end = self.elapsed() + most;
        while self.elapsed() < end {
            for _ in 0..LOOK_AFTER {
                self.take_turn().await;
            }
            if is_over().await {
                return true;
            }
        }
        false
    }

    async fn take_turn(&mut self) {
        let now = self.elapsed();
        let mut order: Vec<usize> = (0..self.processes.len()).collect();
        self.random.shuffle(&mut order);
        for at in order {
            let process = &mut self.processes[at];
            if process.done || now < process.frozen_until {
                continue;
            }
            let mut chance =
                |one_in: Option<u32>| one_in.is_some_and(|n| self.random.u32(..n) == 0);
            if process.life.is_some() && chance(process.fate.crashes) {
                process.life = None;
                self.crashes += 1;
                continue;
            }
            if chance(process.fate.freezes) {
                self.freezes += 1;
                process.frozen_until = now + Duration::from_secs(self.random.u64(1..20));
                continue;
            }
            let life = process.life.get_or_insert_with(|| (process.start)());
            let mut context = Context::from_waker(Waker::noop());
            process.done = life.as_mut().poll(&mut context).is_ready();
        }
        self.turns += 1;
        self.clock.advance(TURN);
        // The runtime wakes those who only let others go first.
        tokio::task::yield_now().await;
    }
}
