//! Deadlines: what is due when.

use std::collections::BTreeSet;

use async_trait::async_trait;
use es_core::{
    ConsumerId, Deadline, DeadlineId, DeadlineStore, DuePage, DueQuery, Error, Result, Timestamp,
};
use futures::future::try_join_all;
use sha2::{Digest as _, Sha256};

use crate::event_log::commit_item::timestamp;
use crate::item::{Damage, Item, TakeAttribute as _, key, text};
use crate::partition_query::PartitionQuery;
use crate::store::DynamoStore;
use crate::tables::SORT_KEY;

/// The deadlines of a process are in so many partitions, so that none is hot: together they take some
/// thousand writes a second. Each question is asked of all of them, so they are few. Which one a deadline is
/// in is part of its key: the number must never change.
const SHARDS: u8 = 4;

/// When the deadline is due, for people: the sort key says it to the program.
const DUE_AT: &str = "dueAt";

#[async_trait]
impl DeadlineStore for DynamoStore {
    async fn set(&self, deadlines: &[Deadline]) -> Result<()> {
        let items = distinct(deadlines).into_iter().map(to_item).collect();
        self.put_items("setting deadlines", &self.tables().state, items).await
    }

    async fn remove(&self, deadlines: &[Deadline]) -> Result<()> {
        let keys = distinct(deadlines).into_iter().map(key_of).collect();
        self.delete_items("removing deadlines", &self.tables().state, keys).await
    }

    async fn due(&self, query: &DueQuery) -> Result<DuePage> {
        let process = &query.process;
        // One more than asked for says whether there are more.
        let limit = query.limit.saturating_add(1);
        let of_shards = self.ask_shards(process, |partition| {
            let due = partition.to(end_of(query.until)).limit(limit);
            match &query.after {
                Some(after) => due.from(behind(after)),
                None => due,
            }
        });
        let items = of_shards.await?.into_iter().flatten();
        let deadlines: Result<Vec<_>> = items.map(|item| from_item(process, item)).collect();
        let mut deadlines = deadlines?;
        deadlines.sort_unstable();
        let more = deadlines.len() > query.limit;
        deadlines.truncate(query.limit);
        Ok(DuePage::new(deadlines, more))
    }

    async fn next(&self, process: &ConsumerId) -> Result<Option<Timestamp>> {
        let firsts = self.ask_shards(process, |partition| partition.limit(1)).await?;
        let mut earliest = None;
        for item in firsts.into_iter().flatten() {
            let due = from_item(process, item)?.due();
            earliest = Some(earliest.map_or(due, |earliest: Timestamp| earliest.min(due)));
        }
        Ok(earliest)
    }
}

impl DynamoStore {
    /// Asks all partitions of a process at the same time.
    async fn ask_shards<'a>(
        &'a self,
        process: &ConsumerId,
        question: impl Fn(PartitionQuery<'a>) -> PartitionQuery<'a>,
    ) -> Result<Vec<Vec<Item>>> {
        let table = &self.tables().state;
        let what = format!("reading the deadlines of {process}");
        let partitions = (0..SHARDS).map(|shard| partition_of(process, shard));
        let questions = partitions.map(|name| question(PartitionQuery::new(table, name)));
        try_join_all(questions.map(|question| self.query(&what, question))).await
    }
}

/// A batch may have no key twice.
fn distinct(deadlines: &[Deadline]) -> BTreeSet<&Deadline> {
    deadlines.iter().collect()
}

fn partition_of(process: &ConsumerId, shard: u8) -> String {
    format!("deadlines#{shard:02}#{process}")
}

fn key_of(deadline: &Deadline) -> Item {
    let hash = Sha256::digest(deadline.instance());
    key(partition_of(deadline.process(), hash[0] % SHARDS), sort_key(deadline))
}

/// In byte order as deadlines are: by time, id and instance.
fn sort_key(deadline: &Deadline) -> String {
    let due = digits(micros_of(deadline.due()));
    format!("{due}#{}#{}", deadline.id(), deadline.instance())
}

/// Comes before the sort keys of all that is due later, and behind those of the rest.
fn end_of(until: Timestamp) -> String {
    digits(micros_of(until) + 1)
}

/// Comes behind the sort key of the deadline, and before all later ones: an instance has no control
/// characters.
fn behind(deadline: &Deadline) -> String {
    format!("{}\u{1}", sort_key(deadline))
}

/// Microseconds since the year -292275, with room for the years of all timestamps: none is negative.
fn micros_of(time: Timestamp) -> u64 {
    time.as_microsecond().cast_unsigned() ^ SIGN
}

/// The sign of a number, which is turned around so that the order of numbers is that of their bits.
const SIGN: u64 = 1 << 63;

fn digits(micros: u64) -> String {
    format!("{micros:020}")
}

fn to_item(deadline: &Deadline) -> Item {
    let mut item = key_of(deadline);
    item.insert(DUE_AT.to_owned(), text(deadline.due().to_string()));
    item
}

fn from_item(process: &ConsumerId, item: Item) -> Result<Deadline> {
    read(process, item)
        .map_err(|reason| Error::Corrupt { what: format!("a deadline of {process}"), reason })
}

fn read(process: &ConsumerId, mut item: Item) -> Result<Deadline, Damage> {
    let sort_key = item.take_text(SORT_KEY)?;
    let mut parts = sort_key.splitn(3, '#');
    let (Some(due), Some(id), Some(instance)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("its sort key has not three parts".to_owned());
    };
    let micros: Option<u64> = due.parse().ok();
    let due = micros.and_then(|micros| timestamp((micros ^ SIGN).cast_signed()));
    let due = due.ok_or("the time in its sort key is out of range")?;
    let id: DeadlineId = id.parse().map_err(|error: Error| error.to_string())?;
    Deadline::new(process.clone(), instance, id, due).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn deadline(micros: i64, id: u8, instance: &str) -> Deadline {
        let process = ConsumerId::new("checkout").unwrap();
        let due = timestamp(micros).unwrap();
        Deadline::new(process, instance, DeadlineId::from_bytes([id; 16]), due).unwrap()
    }

    prop_compose! {
        fn any_deadline()(
            micros in prop_oneof![
                -4i64..4,
                Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond(),
            ],
            id: u8,
            instance in "[ab#\u{e9}]{1,3}",
        ) -> Deadline {
            deadline(micros, id, &instance)
        }
    }

    proptest! {
        #[test]
        fn sort_keys_are_in_the_order_of_deadlines(a in any_deadline(), b in any_deadline()) {
            prop_assert_eq!(a.cmp(&b), sort_key(&a).cmp(&sort_key(&b)));
            prop_assert_eq!(b > a, sort_key(&b) >= behind(&a));
            prop_assert_eq!(b.due() <= a.due(), sort_key(&b) <= end_of(a.due()));
        }

        #[test]
        fn items_are_read_as_they_were_written(deadline in any_deadline()) {
            prop_assert_eq!(from_item(deadline.process(), to_item(&deadline)).unwrap(), deadline);
        }
    }

    /// Items that were written are found under the keys of today.
    #[test]
    fn the_key_of_a_deadline_never_changes() {
        let deadline = deadline(1_772_366_400_000_000, 0xab, "order-17");
        let due = "09225144403254775808";
        let sort = format!("{due}#{}#order-17", "ab".repeat(16));
        assert_eq!(key_of(&deadline), key("deadlines#02#checkout", sort));
    }
}
