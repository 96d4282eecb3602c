//! Leases: who works on which partition.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use async_trait::async_trait;

use super::{MemoryStore, lock};
use crate::checkpoint_store::ConsumerId;
use crate::error::Result;
use crate::feed::PartitionId;
use crate::lease_store::{Lease, LeaseChange, LeaseOutcome, LeaseStore, NewLease};

pub(super) type Leases = BTreeMap<(ConsumerId, PartitionId), Lease>;

#[async_trait]
impl LeaseStore for MemoryStore {
    async fn create(&self, consumer: &ConsumerId, lease: NewLease) -> Result<bool> {
        let mut leases = lock(&self.shared.leases);
        let Entry::Vacant(place) = leases.entry((consumer.clone(), lease.partition.clone())) else {
            return Ok(false);
        };
        place.insert(lease.into_free());
        Ok(true)
    }

    async fn leases(&self, consumer: &ConsumerId) -> Result<Vec<Lease>> {
        let leases = lock(&self.shared.leases);
        let of_consumer = leases.iter().filter(|((of, _), _)| of == consumer);
        Ok(of_consumer.map(|(_, lease)| lease.clone()).collect())
    }

    async fn change(&self, consumer: &ConsumerId, change: LeaseChange) -> Result<Option<Lease>> {
        let mut leases = lock(&self.shared.leases);
        let Some(stored) = leases.get_mut(&(consumer.clone(), change.partition.clone())) else {
            return Ok(None);
        };
        Ok(match change.outcome(stored.clone()) {
            LeaseOutcome::Due(changed) => {
                stored.clone_from(&changed);
                Some(changed)
            }
            LeaseOutcome::Made(stored) => Some(stored),
            LeaseOutcome::Lost => None,
        })
    }

    async fn delete(&self, consumer: &ConsumerId, seen: &Lease) -> Result<bool> {
        let mut leases = lock(&self.shared.leases);
        let Entry::Occupied(stored) = leases.entry((consumer.clone(), seen.partition.clone()))
        else {
            return Ok(true);
        };
        if stored.get().counter != seen.counter {
            return Ok(false);
        }
        stored.remove();
        Ok(true)
    }
}
