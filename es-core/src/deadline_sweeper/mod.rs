//! Deadlines that have passed are told.
//!
//! | file | what it is about |
//! |---|---|
//! | `sweep` | one way through all that is due |
//! | `running` | sweeping when something is due, alone or under a lease |
//! | `shift`, `line` | what is at hand: what fires at the same time, and what waits for room |
//! | `firing` | one deadline: its time limit, and what it comes to |
//! | `book` | what a sweeper must remember: what failed, and what is yet to be removed |
//! | `health`, `forgetting` | what an operator sees, and can do |

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::backoff::Backoff;
use crate::checkpoint_store::ConsumerId;
use crate::clock::{Clock, SystemClock};
use crate::deadline_handler::DeadlineHandler;
use crate::deadline_store::DeadlineStore;
use crate::entropy::{Entropy, SystemEntropy};
use crate::lease_store::{LeaseStore, WorkerId};

use book::Book;
use running::Leasing;

mod book;
mod firing;
mod forgetting;
mod health;
mod line;
mod running;
mod shift;
mod sweep;

pub use health::{DeadlineUnderWay, FailingDeadline, SweeperHealth};
pub use sweep::Swept;

/// Fires what is due: gives a [`DeadlineHandler`] each deadline that has passed, and then removes it.
///
/// # What it promises
///
/// **At least once.** A deadline is removed when the handler has acted on it, and not before. Where a
/// program dies in between, or the removal fails, or two workers sweep without a lease, it fires again.
/// So the handler decides by what it knows itself, as a process manager does by its stream.
///
/// **In order of time**, [several](Self::with_concurrency) at the same time, of what it finds due; those of one
/// instance one after the other, so that a process has one deadline at a time. What was set behind that order
/// meanwhile, with a time in the past, comes when the store is looked at the next time.
///
/// **A slow one holds few up.** While a deadline fires, others do, and those that become due. After a
/// [time](Self::with_time_limit) it is dropped, at an `await`, and has failed: that looks like a crash of the program
/// at that place. Only those of its own instance wait for it, and others where as many are slow as may fire at the same
/// time.
///
/// **One that fails holds no other one up**, also when the handler panics, and not even those of its own instance:
/// a later one may be what ends a process that cannot go on. It stays in the store and is tried again with
/// [backoff](Self::with_backoff), for as long as it fails or until it is cancelled or [forgotten](Self::forget). What
/// was not tried yet takes turns with what failed, and always has half of the room, so that thousands that fail each
/// time keep no other one from firing. What fails is in the log, in
/// the metrics [`DEADLINES`](crate::telemetry::DEADLINES), [`DEADLINES_OVERDUE`](crate::telemetry::DEADLINES_OVERDUE)
/// and [`DEADLINES_STUCK`](crate::telemetry::DEADLINES_STUCK), and in the [health](Self::health), each with its
/// attempts and its last error.
///
/// **When.** A deadline that this sweeper could see coming fires at its time, and one that was set
/// meanwhile at most a [poll interval](Self::with_poll_interval) late, as long as there is room and this worker has the
/// lease.
///
/// # Clocks
///
/// Deadlines are times of the wall clock, and the clock of the worker that sweeps decides. When it is
/// ahead, or is set forward, deadlines fire early by that much, those that it was put over within a poll
/// interval; what has fired stays fired when the clock is set back. When it is behind, or is set back, they
/// fire late by that much, and none is left out. No deadline is lost by a clock. So a deadline is no proof
/// that time has passed for somebody else: nothing should depend on minutes where clocks may be wrong by
/// minutes. Leases and retries go by the monotonic clock, and clocks that jump do not touch them.
///
/// # Costs
///
/// While nothing is due, each poll is one [`DeadlineStore::next`]. What fails stays in the store, so while there is
/// something of that kind, each poll reads all that is due, page by page.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use async_trait::async_trait;
/// use es_core::memory::MemoryStore;
/// use es_core::testing::VirtualClock;
/// use es_core::{
///     Clock, ConsumerId, Deadline, DeadlineHandler, DeadlineId, DeadlineStore, DeadlineSweeper,
///     Result,
/// };
///
/// #[derive(Default)]
/// struct Reminders(Mutex<Vec<String>>);
///
/// #[async_trait]
/// impl DeadlineHandler for Reminders {
///     async fn fire(&self, deadline: &Deadline) -> Result<()> {
///         self.0.lock().unwrap().push(deadline.instance().to_owned());
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let (store, clock) = (Arc::new(MemoryStore::new()), VirtualClock::at("2026-03-01T12:00:00Z"));
/// let (process, id) = (ConsumerId::new("checkout")?, DeadlineId::from_bytes([7; 16]));
/// store.set(&[Deadline::new(process.clone(), "order-17", id, clock.now())?]).await?;
///
/// let reminders = Arc::new(Reminders::default());
/// let sweeper =
///     DeadlineSweeper::new(process, store, reminders.clone()).with_clock(Arc::new(clock));
/// assert_eq!(sweeper.sweep().await?.fired, 1);
/// assert_eq!(*reminders.0.lock().unwrap(), ["order-17"]);
/// assert_eq!(sweeper.sweep().await?.fired, 0);
/// # Ok(())
/// # }
/// ```
pub struct DeadlineSweeper {
    process: ConsumerId,
    store: Arc<dyn DeadlineStore>,
    handler: Arc<dyn DeadlineHandler>,
    poll_interval: Duration,
    page_size: usize,
    concurrency: usize,
    time_limit: Duration,
    backoff: Backoff,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    leasing: Option<Leasing>,
    book: Mutex<Book>,
    /// Told when a deadline has ended: a run and a sweep of this object share the room, and one may wait for the other.
    room: Notify,
    /// One walk through the store at a time, so that what it sees is all that there is.
    turn: tokio::sync::Mutex<()>,
}

impl DeadlineSweeper {
    /// How often the store is asked unless [`with_poll_interval`](Self::with_poll_interval) says
    /// otherwise.
    pub const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(1);

    /// How long a deadline that failed waits unless [`with_backoff`](Self::with_backoff) says otherwise:
    /// up to a second at first, and up to a minute in the end.
    pub const DEFAULT_BACKOFF: Backoff =
        Backoff { base: Duration::from_secs(1), max: Duration::from_secs(60) };

    /// How many deadlines are read, and then removed, at once unless
    /// [`with_page_size`](Self::with_page_size) says otherwise.
    pub const DEFAULT_PAGE_SIZE: usize = 100;

    /// How many deadlines fire at the same time unless [`with_concurrency`](Self::with_concurrency) says otherwise.
    pub const DEFAULT_CONCURRENCY: usize = 16;

    /// How long a deadline may take to fire unless [`with_time_limit`](Self::with_time_limit) says otherwise.
    pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(60);

    /// A deadline that has failed so often is *stuck*. It is tried on as before; an error in the log, the metric
    /// [`DEADLINES_STUCK`](crate::telemetry::DEADLINES_STUCK) and [`SweeperHealth::stuck`] say that it needs
    /// somebody. With the default backoff that is after some minutes.
    pub const STUCK_AFTER: u32 = 10;

    /// Fires the deadlines that `process` has in `store`.
    pub fn new(
        process: ConsumerId,
        store: Arc<dyn DeadlineStore>,
        handler: Arc<dyn DeadlineHandler>,
    ) -> Self {
        Self {
            process,
            store,
            handler,
            poll_interval: Self::DEFAULT_POLL_INTERVAL,
            page_size: Self::DEFAULT_PAGE_SIZE,
            concurrency: Self::DEFAULT_CONCURRENCY,
            time_limit: Self::DEFAULT_TIME_LIMIT,
            backoff: Self::DEFAULT_BACKOFF,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            leasing: None,
            book: Mutex::default(),
            room: Notify::new(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Asks the store this often for deadlines that were set meanwhile. A short interval fires them sooner,
    /// and costs more requests.
    #[must_use]
    pub fn with_poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Fires up to so many deadlines at the same time, at least one; those of one instance never. Half of them,
    /// at least one, may be deadlines that failed before. It is the room of this object: a [`sweep`](Self::sweep) beside
    /// a [`run`](Self::run) has no room of its own, and waits for what the other leaves.
    #[must_use]
    pub fn with_concurrency(mut self, deadlines: usize) -> Self {
        self.concurrency = deadlines.max(1);
        self
    }

    /// Drops a deadline that has been firing for so long, at the `await` where it is, and counts it as failed: it is
    /// tried again with [backoff](Self::with_backoff), and others have its place. A handler loses nothing by that
    /// that it would not lose by a crash. One that blocks its thread is not at an `await`, and holds all up.
    ///
    /// Choose it longer than the slowest firing that may succeed, as that fails each time otherwise.
    /// [`Duration::MAX`] is no limit.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Lets a deadline that failed wait so long.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Reads so many deadlines at once, at least one, and removes about as many together when they have fired. More
    /// are fewer requests.
    #[must_use]
    pub fn with_page_size(mut self, deadlines: usize) -> Self {
        self.page_size = deadlines.max(1);
        self
    }

    /// Goes by `clock`: what is due by its wall time, the rest by its monotonic one.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the jitter of retries from `entropy`.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Lets [`run`](Self::run) sweep only while it has the lease of the process's deadlines, so that of
    /// several workers one asks the store. When it does not renew the lease for `duration`, 10 s as a rule,
    /// another one takes over: after two durations at most, if that one has lived so long.
    ///
    /// `worker` must be [generated](WorkerId::generate) for this object. [`sweep`](Self::sweep) needs no
    /// lease.
    #[must_use]
    pub fn with_lease(
        mut self,
        store: Arc<dyn LeaseStore>,
        worker: WorkerId,
        duration: Duration,
    ) -> Self {
        self.leasing = Some(Leasing::new(store, worker, duration));
        self
    }

    /// Whose deadlines it fires.
    pub fn process(&self) -> &ConsumerId {
        &self.process
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DeadlineSweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadlineSweeper")
            .field("process", &self.process)
            .field("poll_interval", &self.poll_interval)
            .field("page_size", &self.page_size)
            .field("concurrency", &self.concurrency)
            .field("time_limit", &self.time_limit)
            .field("leasing", &self.leasing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
