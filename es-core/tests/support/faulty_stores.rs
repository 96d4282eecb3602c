use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault, Faults, FaultyFeed, FaultyViewStore};

/// A feed like a change stream on a bad day: its pages have commits twice, in any order, and lack one
/// that comes later.
pub fn scrambled_feed(store: &MemoryStore, seed: u64) -> Arc<FaultyFeed> {
    let delivery = [Fault::Duplicates, Fault::Reordering, Fault::LateDelivery];
    let faults = Faults::seeded(seed).with_rates(&delivery, 1.0);
    Arc::new(FaultyFeed::new(Arc::new(store.clone()), faults))
}

/// Views whose n-th request of a kind meets the fault.
pub fn views_failing_at(
    store: &MemoryStore,
    call: Call,
    nth: u64,
    fault: Fault,
) -> Arc<FaultyViewStore> {
    let faults = Faults::none();
    faults.at(call, nth, fault);
    Arc::new(FaultyViewStore::new(Arc::new(store.clone()), faults))
}

/// Views whose n-th request of a kind is held up until it is let go.
pub fn views_held_up_at(
    store: &MemoryStore,
    call: Call,
    nth: u64,
) -> (Arc<FaultyViewStore>, HoldUp) {
    views_that_meet(store, call, nth, &[Fault::Delay])
}

/// Views whose n-th request of a kind is held up until it is let go, and meets the fault then.
pub fn views_held_up_and_failing_at(
    store: &MemoryStore,
    call: Call,
    nth: u64,
    fault: Fault,
) -> (Arc<FaultyViewStore>, HoldUp) {
    views_that_meet(store, call, nth, &[Fault::Delay, fault])
}

fn views_that_meet(
    store: &MemoryStore,
    call: Call,
    nth: u64,
    met: &[Fault],
) -> (Arc<FaultyViewStore>, HoldUp) {
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let faults = Faults::none().with_clock(clock.clone()).with_delay(HoldUp::DELAY);
    for fault in met {
        faults.at(call, nth, *fault);
    }
    (Arc::new(FaultyViewStore::new(Arc::new(store.clone()), faults)), HoldUp(clock))
}

/// A request on its way.
#[derive(Debug)]
pub struct HoldUp(Arc<VirtualClock>);

impl HoldUp {
    const DELAY: Duration = Duration::from_secs(1);

    /// Returns when it is held up.
    pub async fn reached(&self) {
        while self.0.slept().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    pub fn let_go(&self) {
        self.0.advance(Self::DELAY);
    }
}
