//! A shop on stores in memory, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::saga::{Saga, SagaPhase, SagaRun, Sagas, sagas};
use es_core::testing::faults::{Faults, FaultyDeadlineStore, FaultyEventStore};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{Backoff, DeadlineSweeper, Loaded, Orchestrator, Process, Reactor, Repository};

use crate::shop::{
    Order, OrderEvent, Payment, PaymentCommand, Shop, ShopCommand, ShopEvent, Stock, StockCommand,
    Tell,
};

pub(crate) struct Stage<S: Saga<Input = ShopEvent, Command = ShopCommand>> {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) orders: Repository<Order>,
    pub(crate) stock: Repository<Stock>,
    pub(crate) payments: Repository<Payment>,
    pub(crate) sagas: Sagas<S>,
    /// The same sagas in another program, which keeps them in memory.
    pub(crate) other_program: Sagas<S>,
    pub(crate) orchestrator: Orchestrator<SagaRun<S>>,
    pub(crate) sweeper: DeadlineSweeper,
    /// The moods of the bus.
    pub(crate) moods: Arc<Mutex<Option<fastrand::Rng>>>,
}

impl<S: Saga<Input = ShopEvent, Command = ShopCommand>> Stage<S> {
    /// A shop with so many goods.
    pub(crate) async fn new(goods: u32) -> Self {
        Self::with(goods, &Faults::none(), false).await
    }

    /// The sagas and the bus meet `faults`; the customers and the provider do not.
    pub(crate) async fn with(goods: u32, faults: &Faults, forgets_identities: bool) -> Self {
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let store = Arc::new(MemoryStore::new());
        let log = Arc::new(FaultyEventStore::new(store.clone(), faults.clone()));
        let deadlines = Arc::new(FaultyDeadlineStore::new(store.clone(), faults.clone()));
        // Waits inside of a request take no time; those of the saga do.
        let impatient = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        let entropy = Arc::new(SeededEntropy::new(7));
        let moods = Arc::<Mutex<_>>::default();
        let shop = || Shop {
            stock: Repository::new(log.clone()).with_clock(impatient.clone()),
            payments: Repository::new(log.clone()).with_clock(impatient.clone()),
            forgets_identities,
            moods: Arc::clone(&moods),
        };
        let program = || {
            sagas::<S>(log.clone(), shop(), deadlines.clone())
                .unwrap()
                .with_clock(clock.clone())
                .with_entropy(entropy.clone())
                .with_attempts(10, Backoff { base: Duration::ZERO, max: Duration::ZERO })
        };
        let (sagas, other_program) = (program(), program().with_cache(10));
        let orchestrator = Reactor::on(sagas.clone(), store.clone()).unwrap().with_clock(impatient);
        let sweeper = sagas.sweeper().unwrap();
        let (stock, payments) = (Repository::new(store.clone()), Repository::new(store.clone()));
        stock.execute("goods", StockCommand::Receive(goods)).await.unwrap();
        let orders = Repository::new(store.clone()).with_clock(clock.clone());
        Self {
            clock,
            store,
            orders,
            stock,
            payments,
            sagas,
            other_program,
            orchestrator,
            sweeper,
            moods,
        }
    }

    /// An order is placed, and nobody has heard of it.
    pub(crate) async fn place(&self, order: &str, quantity: u32) {
        self.orders.execute(order, Tell(OrderEvent::Placed { quantity })).await.unwrap();
    }

    pub(crate) async fn call_off(&self, order: &str) {
        self.orders.execute(order, Tell(OrderEvent::CalledOff)).await.unwrap();
    }

    /// The provider says something.
    pub(crate) async fn provider(&self, order: &str, command: PaymentCommand) {
        self.payments.execute(order, command).await.unwrap();
    }

    pub(crate) async fn catch_up(&self) {
        assert_eq!(self.orchestrator.catch_up().await.unwrap().parked, 0);
    }

    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        assert_eq!(self.sweeper.sweep().await.unwrap().failed, 0);
    }

    pub(crate) async fn saga(&self, order: &str) -> Loaded<Process<SagaRun<S>>> {
        self.sagas.load(order).await.unwrap()
    }

    pub(crate) async fn phase(&self, order: &str) -> SagaPhase {
        self.saga(order).await.state().phase()
    }

    pub(crate) async fn goods(&self) -> Loaded<Stock> {
        self.stock.load("goods").await.unwrap()
    }

    pub(crate) async fn payment(&self, order: &str) -> Loaded<Payment> {
        self.payments.load(order).await.unwrap()
    }

    pub(crate) async fn told(&self, order: &str) -> Vec<String> {
        let story = self.sagas.story(order).await.unwrap();
        story.into_iter().map(|(_, line)| line).collect()
    }
}
