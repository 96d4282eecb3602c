use std::collections::BTreeSet;

use serde_json::Value;

use super::{Fault, Faults, Injection, Late};

/// A request on its way, until it is answered or given up, and the faults that it is to meet.
pub(crate) struct Passage {
    faults: Faults,
    operation: String,
    nth: u64,
    due: BTreeSet<Fault>,
}

impl Passage {
    pub(crate) fn begin(faults: &Faults, operation: &str) -> Self {
        let (nth, due) = faults.decide(operation);
        let state = &mut *faults.state();
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        Self { faults: faults.clone(), operation: operation.to_owned(), nth, due }
    }

    /// Waits for what a test lets happen first.
    pub(crate) async fn wait(&self) {
        let first = self.faults.state().before.remove(&(self.operation.clone(), self.nth));
        if let Some(first) = first {
            first.await;
        }
    }

    pub(crate) fn is_due(&self, fault: Fault) -> bool {
        self.due.contains(&fault)
    }

    /// Whether the fault is due; if so it counts as injected, and the caller sees to it.
    pub(crate) fn meets(&self, fault: Fault) -> bool {
        let due = self.is_due(fault);
        if due {
            self.met(fault);
        }
        due
    }

    /// Counts a fault as injected.
    pub(crate) fn met(&self, fault: Fault) {
        self.faults.inject(self.injection(fault));
    }

    pub(crate) fn injection(&self, fault: Fault) -> Injection<Fault> {
        Injection { operation: self.operation.clone(), nth: self.nth, fault }
    }

    /// What decides how a fault is, from the seed.
    pub(crate) fn rng(&self) -> fastrand::Rng {
        self.faults.with_rng(fastrand::Rng::fork)
    }

    /// Lets the request arrive behind one to four others.
    pub(crate) fn make_late(&self, asked: &Value) {
        let (operation, asked) = (self.operation.clone(), asked.clone());
        // The next request counts when it comes, and is to be served first.
        let overtaken_by = self.faults.with_rng(|rng| rng.u32(2..=5));
        self.faults.state().late.push(Late { operation, asked, overtaken_by });
    }
}

impl Drop for Passage {
    /// Also when the SDK does not wait for the answer.
    fn drop(&mut self) {
        self.faults.state().in_flight -= 1;
    }
}
