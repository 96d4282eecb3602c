//! Leases: who works on which partition, in rows with the attributes of the Kinesis Client Library.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use es_core::{
    Checkpoint, ConsumerId, Error, HashRange, Lease, LeaseChange, LeaseOutcome, LeaseProgress,
    LeaseStore, NewLease, PartitionId, Result, WorkerId,
};

use crate::item::{Damage, Item, TakeAttribute as _, number, text};
use crate::partition_query::PartitionQuery;
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

// The names of the Kinesis Client Library.
const KEY: &str = "leaseKey";
const OWNER: &str = "leaseOwner";
const COUNTER: &str = "leaseCounter";
const CHECKPOINT: &str = "checkpoint";
const SUB_SEQUENCE: &str = "checkpointSubSequenceNumber";
const OWNER_SWITCHES: &str = "ownerSwitchesSinceCheckpoint";
const PARENTS: &str = "parentShardId";
const CHILDREN: &str = "childShardIds";
const STARTING_HASH_KEY: &str = "startingHashKey";
const ENDING_HASH_KEY: &str = "endingHashKey";

#[async_trait]
impl LeaseStore for DynamoStore {
    async fn create(&self, consumer: &ConsumerId, lease: NewLease) -> Result<bool> {
        let table = &self.tables().state;
        let what = format!("making the lease of {consumer} for partition {}", lease.partition);
        let created = self
            .dynamodb()
            .put_item()
            .table_name(table)
            .set_item(Some(to_item(consumer, lease.into_free())))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match created {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(is_there) => Ok(false),
            Err(error) => Err(self.failed(&what, table, error)),
        }
    }

    async fn leases(&self, consumer: &ConsumerId) -> Result<Vec<Lease>> {
        let query = PartitionQuery::new(&self.tables().state, leases_of(consumer));
        let items = self.query(&format!("reading the leases of {consumer}"), query).await?;
        items.into_iter().map(|item| from_item(consumer, item)).collect()
    }

    async fn change(&self, consumer: &ConsumerId, change: LeaseChange) -> Result<Option<Lease>> {
        let table = &self.tables().state;
        let what = format!("changing the lease of {consumer} for partition {}", change.partition);
        let Update { expression, condition, values } = Update::of(&change);
        let changed = self
            .dynamodb()
            .update_item()
            .table_name(table)
            .set_key(Some(key(consumer, &change.partition)))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let error = match changed {
            Ok(changed) => {
                return from_item(consumer, changed.attributes.unwrap_or_default()).map(Some);
            }
            Err(error) => error,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(refusal)) =
            error.as_service_error()
        else {
            return Err(self.failed(&what, table, error));
        };
        let Some(stored) = refusal.item.clone() else { return Ok(None) };
        // The SDK sends a request again whose answer was lost: then this is what it made.
        match change.outcome(from_item(consumer, stored)?) {
            LeaseOutcome::Made(lease) => Ok(Some(lease)),
            LeaseOutcome::Due(_) | LeaseOutcome::Lost => Ok(None),
        }
    }

    async fn delete(&self, consumer: &ConsumerId, seen: &Lease) -> Result<bool> {
        let table = &self.tables().state;
        let what = format!("deleting the lease of {consumer} for partition {}", seen.partition);
        let deleted = self
            .dynamodb()
            .delete_item()
            .table_name(table)
            .set_key(Some(key(consumer, &seen.partition)))
            .condition_expression(format!("attribute_not_exists(pk) OR {COUNTER} = :seen"))
            .expression_attribute_values(":seen", number(seen.counter))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(is_another) => Ok(false),
            Err(error) => Err(self.failed(&what, table, error)),
        }
    }
}

fn is_there(error: &PutItemError) -> bool {
    error.is_conditional_check_failed_exception()
}

fn is_another(error: &DeleteItemError) -> bool {
    error.is_conditional_check_failed_exception()
}

fn leases_of(consumer: &ConsumerId) -> String {
    format!("leases#{consumer}")
}

fn key(consumer: &ConsumerId, partition: &PartitionId) -> Item {
    HashMap::from([
        (PARTITION_KEY.to_owned(), text(leases_of(consumer))),
        (SORT_KEY.to_owned(), text(partition.as_str())),
    ])
}

/// A change as a request says it.
struct Update {
    expression: String,
    condition: String,
    values: Item,
}

impl Update {
    fn of(change: &LeaseChange) -> Self {
        let mut values = Item::new();
        let mut sets = Vec::new();
        let mut removes = Vec::new();
        let mut set = |attribute: &str, value: Option<AttributeValue>| match value {
            Some(value) => {
                sets.push(format!("{attribute} = :{attribute}"));
                values.insert(format!(":{attribute}"), value);
            }
            None => removes.push(attribute.to_owned()),
        };
        set(COUNTER, Some(number(change.next_counter())));
        set(OWNER, change.owner.as_ref().map(|owner| text(owner.as_str())));
        if let Some(progress) = &change.progress {
            set(CHECKPOINT, Some(text(progress.checkpoint.as_str())));
            set(SUB_SEQUENCE, Some(number(progress.sub_sequence)));
            set(CHILDREN, names(&progress.children));
        }
        if let Some(switches) = change.owner_switches {
            set(OWNER_SWITCHES, Some(number(switches)));
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removes.is_empty() {
            expression = format!("{expression} REMOVE {}", removes.join(", "));
        }
        let mut condition = format!("{COUNTER} = :based_on");
        values.insert(":based_on".to_owned(), number(change.based_on));
        if let Some(owner) = &change.held_by {
            condition = format!("{condition} AND {OWNER} = :held_by");
            values.insert(":held_by".to_owned(), text(owner.as_str()));
        }
        Self { expression, condition, values }
    }
}

fn to_item(consumer: &ConsumerId, lease: Lease) -> Item {
    let mut item = key(consumer, &lease.partition);
    let mut put = |name: &str, value: Option<AttributeValue>| {
        item.extend(value.map(|value| (name.to_owned(), value)));
    };
    put(KEY, Some(text(lease.partition.as_str())));
    put(OWNER, lease.owner.as_ref().map(|owner| text(owner.as_str())));
    put(COUNTER, Some(number(lease.counter)));
    put(CHECKPOINT, Some(text(lease.progress.checkpoint.as_str())));
    put(SUB_SEQUENCE, Some(number(lease.progress.sub_sequence)));
    put(OWNER_SWITCHES, Some(number(lease.owner_switches)));
    put(PARENTS, names(&lease.parents));
    put(CHILDREN, names(&lease.progress.children));
    put(STARTING_HASH_KEY, lease.hash_range.map(|range| text(range.start.to_string())));
    put(ENDING_HASH_KEY, lease.hash_range.map(|range| text(range.end.to_string())));
    item
}

/// A set of names; sets in DynamoDB are never empty.
fn names(partitions: &BTreeSet<PartitionId>) -> Option<AttributeValue> {
    let names: Vec<String> = partitions.iter().map(PartitionId::to_string).collect();
    (!names.is_empty()).then_some(AttributeValue::Ss(names))
}

fn from_item(consumer: &ConsumerId, mut item: Item) -> Result<Lease> {
    let partition = item.take_text(KEY).unwrap_or_default();
    read(&partition, item).map_err(|reason| Error::Corrupt {
        what: format!("the lease of {consumer} for partition {partition:?}"),
        reason,
    })
}

fn read(partition: &str, mut item: Item) -> Result<Lease, Damage> {
    let invalid = |error: Error| error.to_string();
    let owner = item.take_text_if_any(OWNER)?;
    let checkpoint = item.take_text_if_any(CHECKPOINT)?.unwrap_or_default();
    Ok(Lease {
        partition: PartitionId::new(partition).map_err(invalid)?,
        owner: owner.map(|owner| WorkerId::new(&owner)).transpose().map_err(invalid)?,
        counter: item.take_number(COUNTER)?,
        progress: LeaseProgress {
            checkpoint: Checkpoint::from_stored(checkpoint),
            sub_sequence: item.take_number_if_any(SUB_SEQUENCE)?.unwrap_or_default(),
            children: take_names(&mut item, CHILDREN)?,
        },
        owner_switches: item.take_number_if_any(OWNER_SWITCHES)?.unwrap_or_default(),
        parents: take_names(&mut item, PARENTS)?,
        hash_range: take_hash_range(&mut item)?,
    })
}

fn take_names(item: &mut Item, attribute: &str) -> Result<BTreeSet<PartitionId>, Damage> {
    match item.remove(attribute) {
        Some(AttributeValue::Ss(names)) => names
            .iter()
            .map(|name| PartitionId::new(name).map_err(|error| error.to_string()))
            .collect(),
        Some(_) => Err(format!("its attribute {attribute} is not a set of strings")),
        None => Ok(BTreeSet::new()),
    }
}

fn take_hash_range(item: &mut Item) -> Result<Option<HashRange>, Damage> {
    let mut take = |attribute: &str| {
        let digits = item.take_text_if_any(attribute)?;
        let parsed = digits.map(|digits| digits.parse::<u128>()).transpose();
        parsed.map_err(|_| format!("its attribute {attribute} is no hash key"))
    };
    let (start, end) = (take(STARTING_HASH_KEY)?, take(ENDING_HASH_KEY)?);
    Ok(start.zip(end).map(|(start, end)| HashRange { start, end }))
}
