//! Since when leases have not changed: the only thing by which a worker that is gone is told from one
//! that lives.

use std::collections::HashMap;
use std::time::Duration;

use crate::feed::PartitionId;
use crate::lease_store::Lease;

/// What one worker has seen of the leases, at which times of its own monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Sightings(HashMap<PartitionId, Sighting>);

#[derive(Debug)]
struct Sighting {
    counter: u64,
    since: Duration,
}

/// A lease in a listing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighted<'a> {
    pub(super) lease: &'a Lease,
    /// For how long it has not changed, at least.
    pub(super) unchanged_for: Duration,
}

impl Sightings {
    /// Takes in a listing that was asked for at one time and answered at another. The leases were as they
    /// are at some moment in between: a change counts from the later time on, and what did not change is
    /// known up to the earlier one. So no lease seems older than it is.
    pub(super) fn note<'a>(
        &mut self,
        leases: &'a [Lease],
        asked_at: Duration,
        answered_at: Duration,
    ) -> Vec<Sighted<'a>> {
        let mut known = std::mem::take(&mut self.0);
        let mut sighted = Vec::with_capacity(leases.len());
        for lease in leases {
            let unchanged =
                known.remove(&lease.partition).filter(|known| known.counter == lease.counter);
            let since = unchanged.map_or(answered_at, |known| known.since);
            let sighting = Sighting { counter: lease.counter, since };
            self.0.insert(lease.partition.clone(), sighting);
            sighted.push(Sighted { lease, unchanged_for: asked_at.saturating_sub(since) });
        }
        sighted
    }
}
