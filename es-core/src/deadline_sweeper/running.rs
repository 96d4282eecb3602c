//! Sweeping when something is due.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::consumer::ConsumerState;
use crate::error::{Error, Result};
use crate::feed::PartitionId;
use crate::lease_coordinator::LeaseCoordinator;
use crate::lease_store::{LeaseStore, NewLease, WorkerId};

use super::DeadlineSweeper;
use super::shift::Shift;
use super::sweep::Walked;

/// How a worker takes part.
#[derive(Debug)]
pub(super) struct Leasing {
    store: Arc<dyn LeaseStore>,
    worker: WorkerId,
    duration: Duration,
    /// Made when it is first needed: the clock may be given after the store.
    coordinator: OnceLock<LeaseCoordinator>,
}

impl Leasing {
    pub(super) fn new(store: Arc<dyn LeaseStore>, worker: WorkerId, duration: Duration) -> Self {
        Self { store, worker, duration, coordinator: OnceLock::new() }
    }
}

impl DeadlineSweeper {
    /// Fires what is due, and then what becomes due, until `shutdown` is ready. Then it stops at once: deadlines
    /// that are just firing are dropped, as if the process had crashed there, and fire again. What
    /// has fired is removed, and the lease is given back.
    ///
    /// The store is looked at, and the lease renewed, while deadlines fire.
    ///
    /// Errors of the store that trying again can help are tried again after a poll interval, for as long
    /// as it takes.
    ///
    /// # Errors
    ///
    /// The first error of the store that trying again cannot help.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let _running = Running::enter(self);
        let mut shutdown = pin!(shutdown);
        let outcome = tokio::select! {
            biased;
            () = &mut shutdown => Ok(()),
            error = self.work() => Err(error),
        };
        if let Err(error) = &outcome {
            self.enter(ConsumerState::Failed);
            self.note(error);
        }
        self.leave().await;
        outcome
    }

    /// Ends at an error that trying again cannot help.
    async fn work(&self) -> Error {
        let Some(leases) = self.leases() else {
            let Err(error) = self.sweep_on().await;
            return error;
        };
        let Ok(partition) = partition() else {
            return Error::Misuse("the lease of the deadlines has no valid name".to_owned());
        };
        let lease = NewLease::new(partition.clone());
        tokio::select! {
            biased;
            error = self.work_while_leased(leases, &partition) => error,
            never = leases.run(|| std::future::ready(Ok(vec![lease.clone()]))) => match never {},
        }
    }

    async fn work_while_leased(&self, leases: &LeaseCoordinator, of: &PartitionId) -> Error {
        let mut changes = leases.changes();
        loop {
            let Some(held) = leases.lease_of(of) else {
                changes.next().await;
                continue;
            };
            tokio::select! {
                biased;
                () = held.lost() => self.tidy().await,
                Err(error) = self.sweep_on() => return error,
            }
        }
    }

    async fn sweep_on(&self) -> Result<Infallible> {
        let mut shift = Shift::trying_again(self);
        loop {
            let wait = match shift.walk().await {
                Ok(walked) => {
                    self.enter(ConsumerState::Running);
                    self.wait_after(&walked)
                }
                Err(error) => self.wait_out(error)?,
            };
            shift.rest(wait).await?;
            // Where deadlines come without end, others have their turn all the same.
            shift.beside(tokio::task::yield_now()).await;
        }
    }

    /// How long until the store is looked at again.
    fn wait_after(&self, walked: &Walked) -> Duration {
        let until_next = walked.next.map(|next| {
            let left = next.duration_since(self.clock.now());
            Duration::try_from(left).unwrap_or_default()
        });
        until_next.map_or(self.poll_interval, |left| left.min(self.poll_interval))
    }

    /// How long to wait after an error, if trying again can help.
    fn wait_out(&self, error: Error) -> Result<Duration> {
        if !error.is_transient() {
            return Err(error);
        }
        self.enter(ConsumerState::Retrying);
        let (consumer, cause) = (&self.process, &error as &dyn std::error::Error);
        tracing::warn!(%consumer, cause, "deadlines cannot be swept; this is tried again");
        Ok(self.poll_interval)
    }

    /// Leaves as little as possible to whoever comes next.
    async fn leave(&self) {
        self.tidy().await;
        let Some(leases) = self.leases() else { return };
        if let Err(error) = leases.release_all().await {
            let (consumer, cause) = (&self.process, &error as &dyn std::error::Error);
            tracing::warn!(%consumer, cause, "the lease is not given back, and will expire");
        }
    }

    async fn tidy(&self) {
        if let Err(error) = self.remove_fired().await {
            let (consumer, cause) = (&self.process, &error as &dyn std::error::Error);
            tracing::warn!(%consumer, cause, "deadlines that have fired are not removed, and will fire again");
        }
    }

    /// Whether this worker may sweep: it has the lease, or needs none.
    pub(super) fn leads(&self) -> bool {
        self.leases().is_none_or(|leases| !leases.held().is_empty())
    }

    fn leases(&self) -> Option<&LeaseCoordinator> {
        let leasing = self.leasing.as_ref()?;
        Some(leasing.coordinator.get_or_init(|| {
            let (store, worker) = (Arc::clone(&leasing.store), leasing.worker.clone());
            LeaseCoordinator::new(store, self.process.deadlines(), worker)
                .with_duration(leasing.duration)
                .with_clock(Arc::clone(&self.clock))
                .with_entropy(Arc::clone(&self.entropy))
        }))
    }
}

impl Shift<'_> {
    /// Lets so much time pass. Meanwhile deadlines fire, those that failed when their time has come, and what has
    /// fired is removed.
    async fn rest(&mut self, time: Duration) -> Result<()> {
        let clock = &*self.sweeper.clock;
        let over_at = clock.monotonic().saturating_add(time);
        loop {
            self.line_up_retries();
            self.take_in();
            if self.has_to_remove() {
                if let Err(error) = self.remove_fired().await {
                    self.sweeper.note(&error);
                    self.sweeper.wait_out(error)?;
                }
                continue;
            }
            let now = clock.monotonic();
            if over_at <= now {
                return Ok(());
            }
            let next_try = self.sweeper.book().next_try();
            let wake_at = next_try.map_or(over_at, |next_try| next_try.min(over_at));
            self.waits(wake_at.saturating_sub(now)).await;
        }
    }
}

/// What the lease is of.
fn partition() -> Result<PartitionId> {
    PartitionId::new("deadlines")
}

/// A sweeper at work. It may be dropped as well as end.
struct Running<'a>(&'a DeadlineSweeper);

impl<'a> Running<'a> {
    fn enter(sweeper: &'a DeadlineSweeper) -> Self {
        sweeper.enter(ConsumerState::Running);
        Self(sweeper)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut book = self.0.book();
        if book.state != ConsumerState::Failed {
            book.state = ConsumerState::Idle;
        }
    }
}
