//! Errands on stores in memory, in virtual time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::faults::{Faults, FaultyDeadlineStore, FaultyEventStore};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    CommandBus, ConsumerId, DeadlineStore, DeadlineSweeper, DispatchError, Dispatched, DueQuery,
    ExecuteOptions, Loaded, Orchestrator, Process, Processes, Reactor, Repository, Result,
};

use crate::errand::{Errand, ErrandCommand, Request, RequestEvent, Tell, Worker, WorkerCommand};

pub(crate) struct Stage {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) requests: Repository<Request>,
    pub(crate) workers: Repository<Worker>,
    pub(crate) errands: Processes<Errand>,
    pub(crate) orchestrator: Orchestrator<Errand>,
    pub(crate) sweeper: DeadlineSweeper,
    pub(crate) bus: Bus,
}

/// Takes commands to the worker, unless it was told to fail.
#[derive(Clone)]
pub(crate) struct Bus {
    workers: Repository<Worker>,
    failures: Arc<Mutex<VecDeque<DispatchError>>>,
    pub(crate) calls: Arc<Mutex<u32>>,
    /// How many of the calls have ended.
    pub(crate) ended: Arc<Mutex<u32>>,
}

impl Bus {
    /// The next call fails.
    pub(crate) fn fail(&self, error: DispatchError) {
        self.failures.lock().unwrap().push_back(error);
    }
}

#[async_trait]
impl CommandBus<ErrandCommand> for Bus {
    async fn dispatch(
        &self,
        command: ErrandCommand,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        *self.calls.lock().unwrap() += 1;
        let failure = self.failures.lock().unwrap().pop_front();
        if let Some(error) = failure {
            return Err(error);
        }
        let command = match command {
            ErrandCommand::Work { effort } => WorkerCommand::Work(effort),
            ErrandCommand::CallBack => WorkerCommand::CallBack,
        };
        let done = self.workers.execute_with("w-1", command, options).await;
        *self.ended.lock().unwrap() += 1;
        Ok(done?.into())
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(&Faults::none())
    }

    /// Processes, workers and deadlines meet `faults`; the requests and progress do not.
    pub(crate) fn with(faults: &Faults) -> Self {
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let store = Arc::new(MemoryStore::new());
        let log = Arc::new(FaultyEventStore::new(store.clone(), faults.clone()));
        let deadlines = Arc::new(FaultyDeadlineStore::new(store.clone(), faults.clone()));
        let workers = Repository::new(log.clone()).with_clock(clock.clone());
        let bus = Bus {
            workers: workers.clone(),
            failures: Arc::default(),
            calls: Arc::default(),
            ended: Arc::default(),
        };
        let errands = Processes::new(log, bus.clone(), deadlines)
            .with_clock(clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(7)));
        let orchestrator =
            Reactor::on(errands.clone(), store.clone()).unwrap().with_clock(clock.clone());
        let sweeper = errands.sweeper().unwrap();
        let requests = Repository::new(store.clone()).with_clock(clock.clone());
        Self { clock, store, requests, workers, errands, orchestrator, sweeper, bus }
    }

    /// The request tells, and nobody has heard it yet.
    pub(crate) async fn tell(&self, id: &str, event: RequestEvent) {
        self.requests.execute(id, Tell(event)).await.unwrap();
    }

    /// The request tells, and the processes hear it.
    pub(crate) async fn hear(&self, id: &str, event: RequestEvent) {
        self.tell(id, event).await;
        self.catch_up().await;
    }

    pub(crate) async fn catch_up(&self) {
        assert_eq!(self.orchestrator.catch_up().await.unwrap().parked, 0);
    }

    /// Lets time pass, and what is due fire.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.sweep().await.unwrap();
    }

    /// Fires what is due; how many deadlines that was.
    pub(crate) async fn sweep(&self) -> Result<u64> {
        let swept = self.sweeper.sweep().await?;
        assert_eq!(swept.failed, 0);
        Ok(swept.fired)
    }

    /// How many deadlines there are in the index.
    pub(crate) async fn indexed(&self) -> usize {
        let all = DueQuery::new(ConsumerId::new("errand").unwrap(), es_core::Timestamp::MAX);
        self.store.due(&all).await.unwrap().deadlines.len()
    }

    pub(crate) async fn errand(&self, id: &str) -> Loaded<Process<Errand>> {
        self.errands.load(id).await.unwrap()
    }

    pub(crate) async fn worker(&self) -> Loaded<Worker> {
        self.workers.load("w-1").await.unwrap()
    }

    pub(crate) fn calls(&self) -> u32 {
        *self.bus.calls.lock().unwrap()
    }
}
