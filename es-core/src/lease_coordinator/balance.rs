//! Which leases a worker takes: the decision alone.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::entropy::Entropy;
use crate::feed::PartitionId;
use crate::lease_store::{Lease, WorkerId};

use super::sightings::Sighted;

/// One worker's view of the leases that are to be shared.
#[derive(Debug)]
pub(super) struct Balance<'w, 'a> {
    pub(super) worker: &'w WorkerId,
    /// What the worker has and works on.
    pub(super) held: &'w HashSet<PartitionId>,
    pub(super) leases: Vec<Sighted<'a>>,
    /// How long a lease lasts after its last change.
    pub(super) duration: Duration,
    /// How often each worker looks for leases.
    pub(super) period: Duration,
}

impl<'a> Balance<'_, 'a> {
    /// The leases that the worker should take now: of those that nobody has as many as it lacks to its
    /// share, in random order, so that workers do not run after the same ones. When everything is held,
    /// one of the worker that has most, if that has at least two more: the difference gets smaller with
    /// each, so leases come to rest.
    pub(super) fn choose(&self, entropy: &dyn Entropy) -> Vec<&'a Lease> {
        let mut random = fastrand::Rng::with_seed(entropy.next_u64());
        let mut available: Vec<&Sighted<'a>> =
            self.leases.iter().filter(|sighted| self.is_available(sighted)).collect();
        let lacking = self.share().saturating_sub(self.count_own());
        if available.is_empty() {
            let stolen = if lacking > 0 { self.steal(&mut random) } else { None };
            return stolen.into_iter().collect();
        }
        random.shuffle(&mut available);
        // What nobody has taken belongs to a worker that does not come for it.
        let (overdue, due): (Vec<&Sighted<'a>>, Vec<_>) =
            available.into_iter().partition(|sighted| self.is_overdue(sighted));
        let lacking = lacking.saturating_sub(overdue.len());
        overdue
            .into_iter()
            .chain(due.into_iter().take(lacking))
            .map(|sighted| sighted.lease)
            .collect()
    }

    /// Whether nobody has the lease: it is free, or its owner does not renew it. One that is in the name of
    /// this worker, which does not know about it, is the trace of an answer that was lost.
    fn is_available(&self, Sighted { lease, unchanged_for }: &Sighted<'_>) -> bool {
        match &lease.owner {
            None => true,
            Some(owner) if owner == self.worker => !self.held.contains(&lease.partition),
            Some(_) => *unchanged_for >= self.duration,
        }
    }

    /// Whether an available lease was there to be taken when the other workers looked last.
    fn is_overdue(&self, Sighted { lease, unchanged_for }: &Sighted<'_>) -> bool {
        let held_for = if lease.owner.is_some() { self.duration } else { Duration::ZERO };
        unchanged_for.saturating_sub(held_for) >= self.period
    }

    fn count_own(&self) -> usize {
        self.leases.iter().filter(|seen| self.held.contains(&seen.lease.partition)).count()
    }

    /// The leases of each of the other workers that live.
    fn of_others(&self) -> BTreeMap<&'a WorkerId, Vec<&'a Lease>> {
        let mut others: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for sighted in self.leases.iter().filter(|sighted| !self.is_available(sighted)) {
            if let Some(owner) = sighted.lease.owner.as_ref().filter(|owner| *owner != self.worker)
            {
                others.entry(owner).or_default().push(sighted.lease);
            }
        }
        others
    }

    /// How many leases a worker has when all have the same, rounded up.
    fn share(&self) -> usize {
        self.leases.len().div_ceil(self.of_others().len() + 1)
    }

    fn steal(&self, random: &mut fastrand::Rng) -> Option<&'a Lease> {
        let others = self.of_others();
        let most = others.values().map(Vec::len).max()?;
        if most < self.count_own() + 2 {
            return None;
        }
        let of_richest: Vec<_> =
            others.values().filter(|leases| leases.len() == most).flatten().copied().collect();
        random.choice(of_richest)
    }
}
