//! Where everything in a storm runs: futures that are polled by hand, so that one can be dropped at any
//! moment, and time that passes when none of them can go on.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::task::AtomicWaker;

use crate::clock::{Clock as _, SystemClock};
use crate::error::Result;

use super::time::Time;
use super::traffic::Traffic;

pub(crate) struct Stage {
    time: Time,
    traffic: Traffic,
    bell: Arc<AtomicWaker>,
    actors: Vec<Option<Actor>>,
}

struct Actor {
    /// Never locked: the lock is for `Sync`.
    plays: Mutex<Pin<Box<dyn Future<Output = Result<()>> + Send>>>,
    called: Arc<Called>,
    stands_still: bool,
}

/// Whether an actor can go on, as far as it knows.
struct Called {
    is: AtomicBool,
    bell: Arc<AtomicWaker>,
}

impl Actor {
    fn can_go_on(&self) -> bool {
        !self.stands_still && self.called.is.load(Ordering::SeqCst)
    }
}

impl Wake for Called {
    fn wake(self: Arc<Self>) {
        self.is.store(true, Ordering::SeqCst);
        self.bell.wake();
    }
}

impl Stage {
    /// How much virtual time passes at once.
    const STEP: Duration = Duration::from_millis(250);

    pub(crate) fn new(time: Time, traffic: Traffic) -> Self {
        Self { time, traffic, bell: Arc::default(), actors: Vec::new() }
    }

    /// How much time passes at once.
    pub(crate) fn step_of(time: &Time) -> Duration {
        time.paced(Self::STEP)
    }

    /// Lets somebody on; the number is for [`kill`](Self::kill).
    pub(crate) fn enter(
        &mut self,
        plays: impl Future<Output = Result<()>> + Send + 'static,
    ) -> usize {
        let called = Called { is: AtomicBool::new(true), bell: Arc::clone(&self.bell) };
        self.actors.push(Some(Actor {
            plays: Mutex::new(Box::pin(plays)),
            called: Arc::new(called),
            stands_still: false,
        }));
        self.actors.len() - 1
    }

    /// Drops somebody where it stands.
    pub(crate) fn kill(&mut self, actor: usize) {
        self.actors[actor] = None;
    }

    /// Lets somebody stand still, as a process that gets no time, or go on.
    pub(crate) fn stand_still(&mut self, actor: usize, stands_still: bool) {
        if let Some(actor) = &mut self.actors[actor] {
            actor.stands_still = stands_still;
        }
    }

    /// Whether it has come to its end, or was killed.
    pub(crate) fn is_gone(&self, actor: usize) -> bool {
        self.actors[actor].is_none()
    }

    /// Everybody does what can be done now, and then a step of time passes.
    pub(crate) async fn step(&mut self) {
        match self.time.clone() {
            Time::Virtual(clock) => {
                self.settle().await;
                clock.advance(Self::STEP);
            }
            Time::Real => {
                let step = SystemClock.sleep(Self::step_of(&self.time));
                tokio::select! {
                    biased;
                    // First, so that whoever waits for something sees it before everybody goes on.
                    () = step => {}
                    () = self.play() => {}
                }
            }
        }
    }

    /// Everybody goes on until all of them wait for time to pass, which in real time it does anyway.
    pub(crate) async fn settle(&mut self) {
        while !self.time.is_real() {
            if self.poll_called() {
                // The runtime has something to do, too.
                tokio::task::yield_now().await;
            } else if self.traffic.is_quiet() {
                return;
            } else {
                self.call().await;
            }
        }
    }

    async fn play(&mut self) {
        loop {
            if !self.poll_called() {
                self.call().await;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until somebody can go on.
    async fn call(&self) {
        poll_fn(|context| {
            self.bell.register(context.waker());
            match self.actors.iter().flatten().any(Actor::can_go_on) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// Lets each go on that can; whether there was one.
    fn poll_called(&mut self) -> bool {
        let mut any = false;
        for place in &mut self.actors {
            let Some(actor) = place.as_mut().filter(|actor| actor.can_go_on()) else { continue };
            actor.called.is.store(false, Ordering::SeqCst);
            any = true;
            let waker = Waker::from(Arc::clone(&actor.called));
            let plays = actor.plays.get_mut().unwrap_or_else(PoisonError::into_inner);
            match plays.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => *place = None,
                Poll::Ready(Err(error)) => panic!("somebody gave up: {error:?}"),
            }
        }
        any
    }
}
