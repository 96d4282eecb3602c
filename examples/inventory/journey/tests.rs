use es_core::memory::{MemoryQueues, MemoryStore};

use super::*;
use crate::inventory::audit::{Audit, OrderFacts};
use crate::inventory::bus;
use crate::inventory::invariants::check;
use crate::inventory::payments::{Rates, SimulatedProvider};
use es_core::Repository;
use es_core::testing::SeededEntropy;

const PLAN: Plan = Plan { orders: 40, items: 4, stock: 12, crashes: 12, seed: 0 };

/// What outlives a journey.
struct World {
    store: Arc<MemoryStore>,
    queues: Arc<MemoryQueues>,
    clock: Arc<SkippingClock>,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(SkippingClock::default());
        let queues = Arc::new(MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1))));
        bus::topology().unwrap().ensure(&*queues, &*queues).await.unwrap();
        Self { store: Arc::default(), queues, clock }
    }
}

fn backend(World { store, queues, clock }: &World) -> Backend {
    Backend {
        bus: Arc::new(bus::local(queues.clone(), clock.clone()).unwrap()),
        queues: queues.clone(),
        delivery: Delivery::InProcess,
        history: store.clone(),
        log: store.clone(),
        feed: store.clone(),
        snapshots: store.clone(),
        views: store.clone(),
        checkpoints: store.clone(),
        deadlines: store.clone(),
    }
}

fn provider(plan: Plan, world: &World) -> SimulatedProvider {
    let books = Repository::new(world.store.clone());
    let rates = Rates { declined: 0.2, silent: 0.15, refund_refused: 0.3 };
    SimulatedProvider::new(books, Chance::from_seed(plan.seed), rates)
}

async fn journey(plan: Plan, world: &World) -> Journey {
    let provider = Arc::new(provider(plan, world));
    Journey::new(plan, backend(world), provider, world.clock.clone()).await.unwrap()
}

/// A journey up to the operator, and to its end.
async fn went(plan: Plan) -> [Audit; 2] {
    let world = World::new().await;
    let mut journey = journey(plan, &world).await;
    journey.go().await.unwrap();
    assert_eq!(journey.crashes(), u64::from(plan.crashes));
    let parked = Audit::of(&*world.store).await.unwrap();
    journey.resume_parked(Arc::new(provider(plan, &world).talked_to())).await.unwrap();
    [parked, Audit::of(&*world.store).await.unwrap()]
}

fn parked(audit: &Audit) -> usize {
    audit.orders.values().filter(|order| order.is_parked()).count()
}

#[tokio::test]
async fn whatever_dies_everything_holds_in_the_end() {
    let mut reasons = std::collections::BTreeSet::new();
    let mut waited = 0;
    for seed in 0..12 {
        let audits = went(Plan { seed, ..PLAN }).await;
        for audit in &audits {
            let violated: Vec<_> = check(audit).into_iter().filter(|it| !it.holds).collect();
            assert!(violated.is_empty(), "seed {seed}: {violated:#?}");
            assert_eq!(audit.orders.len(), 40);
        }
        let [before, audit] = audits;
        assert_eq!(parked(&audit), 0);
        waited += parked(&before);
        let resumed = audit.orders.values().filter(|order| order.resumed > 0);
        assert_eq!(resumed.count(), parked(&before), "an operator is needed once for each");
        reasons.extend(audit.orders.into_values().map(|order| order.reason));
    }
    assert!(waited > 0);
    let reasons: Vec<_> = reasons.iter().map(Option::as_deref).collect();
    let all = [
        None,
        Some("not enough stock"),
        Some("payment declined"),
        Some("the saga was not done in time"),
    ];
    assert_eq!(reasons, all, "everything has happened that can");
}

#[tokio::test]
async fn wherever_the_processors_die_each_order_is_charged_once() {
    const PAID: Plan = Plan { orders: 2, items: 2, stock: 1_000, crashes: 0, seed: 3 };
    let travelled = async |crashes: Crashes| {
        let world = World::new().await;
        let books = Repository::new(world.store.clone());
        let paid = SimulatedProvider::new(books, PAID.chance(), Rates::default());
        let clock = world.clock.clone();
        let journey = Journey::new(PAID, backend(&world), Arc::new(paid), clock).await;
        let mut journey = journey.unwrap();
        journey.crashes = crashes;
        journey.go().await.unwrap();
        (Audit::of(&*world.store).await.unwrap(), journey.crashes)
    };
    let (_, undisturbed) = travelled(Crashes::planned(PAID.chance(), 0, PAID.waves())).await;
    // In memory nobody is waited for but the provider: once before the money is taken, and once behind it.
    assert!(undisturbed.farthest() >= 2, "{undisturbed:?}");
    for waits in 1..=undisturbed.farthest() {
        let (audit, crashes) = travelled(Crashes::once_after(waits)).await;
        assert_eq!(crashes.happened, 1);
        for (order, facts) in &audit.orders {
            assert_eq!(facts.charges.len(), 1, "{order}, killed after {waits} waits");
            assert!(facts.is_fulfilled(), "{order}, killed after {waits} waits: {facts:?}");
        }
        assert_eq!(audit.orders.len(), 2);
    }
}

#[tokio::test]
async fn where_there_is_enough_for_all_crashes_change_the_end_of_no_order() {
    let ends = |[_, audit]: [Audit; 2]| -> Vec<_> {
        let end = |order: OrderFacts| (order.outcome, order.reason, order.charges, order.refunded);
        audit.orders.into_iter().map(|(id, order)| (id, end(order))).collect()
    };
    let plan = Plan { stock: 10_000, seed: 7, ..PLAN };
    let undisturbed = ends(went(Plan { crashes: 0, ..plan }).await);
    assert_eq!(ends(went(Plan { crashes: 30, ..plan }).await), undisturbed);
}

#[tokio::test]
async fn a_run_that_is_over_is_not_repeated() {
    let world = World::new().await;
    let log = async || Audit::of(&*world.store).await.unwrap();
    journey(PLAN, &world).await.go().await.unwrap();
    let first = format!("{:?}", log().await);
    journey(Plan { crashes: 0, ..PLAN }, &world).await.go().await.unwrap();
    assert_eq!(format!("{:?}", log().await), first);
}
