//! What nobody points to any more, until it is removed.
//!
//! The step that takes something out of use lists it here, so that nothing is lost track of, and it is
//! removed when the step is done. If that does not happen, because the program ends, it happens later.

use es_core::{Error, Result};

use super::letter_changes::parked_of;
use super::letter_item::letters_of;
use super::position::positions_of;
use super::stream_state::streams_of;
use super::write::Write;
use crate::item::{Item, TakeAttribute, key, text};
use crate::partition_query::PartitionQuery;
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY, VIEW_GENERATION, VIEW_KEY};

const GARBAGE: &str = "garbage";
/// What is going on, for errors.
const COLLECTING: &str = "collecting garbage";
const TABLE: &str = "table";

/// How many items are removed right after the step that took them out of use. A caller does not wait for
/// hundreds of thousands: what is left is for [`DynamoStore::collect_garbage`].
const AT_ONCE: usize = 2_500;

/// Something that is out of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Garbage {
    /// A consumer's book.
    Book(String),
    /// A generation of a view, in this table.
    Generation { table: String, generation: String },
}

impl Garbage {
    /// Lists it, in the step that takes it out of use.
    pub(crate) fn list(&self, state: &str) -> Write {
        let mut item = self.key();
        if let Self::Generation { table, .. } = self {
            item.insert(TABLE.to_owned(), text(table));
        }
        Write::put(state, item)
    }

    fn key(&self) -> Item {
        key(
            GARBAGE,
            match self {
                Self::Book(book) => format!("book#{book}"),
                Self::Generation { generation, .. } => format!("generation#{generation}"),
            },
        )
    }

    fn read(mut item: Item) -> Result<Self> {
        let name = item.take_text(SORT_KEY).unwrap_or_default();
        let damaged = |reason| Error::Corrupt { what: format!("the garbage {name:?}"), reason };
        if let Some(book) = name.strip_prefix("book#") {
            return Ok(Self::Book(book.to_owned()));
        }
        let generation = name.strip_prefix("generation#");
        let generation = generation.ok_or_else(|| damaged("it is of no known kind".to_owned()))?;
        let table = item.take_text(TABLE).map_err(damaged)?;
        Ok(Self::Generation { table, generation: generation.to_owned() })
    }

    /// The partitions that it consists of.
    fn partitions(&self, state: &str) -> Vec<Partition> {
        let in_state =
            |name| Partition { table: state.to_owned(), keys: [PARTITION_KEY, SORT_KEY], name };
        match self {
            Self::Book(book) => {
                let others = [positions_of(book), parked_of(book), letters_of(book)];
                others.into_iter().chain(streams_of(book)).map(in_state).collect()
            }
            Self::Generation { table, generation } => vec![Partition {
                table: table.clone(),
                keys: [VIEW_GENERATION, VIEW_KEY],
                name: generation.clone(),
            }],
        }
    }
}

/// A partition that is to be removed.
#[derive(Debug)]
struct Partition {
    table: String,
    keys: [&'static str; 2],
    name: String,
}

impl DynamoStore {
    /// Removes what is out of use: the progress that consumers had before a reset, or before another's
    /// took its place, and the documents that views had. Gives the number of items removed.
    ///
    /// [`reset`](es_core::CheckpointStore::reset), [`adopt`](es_core::CheckpointStore::adopt),
    /// [`clear`](es_core::ViewStore::clear) and [`swap`](es_core::ViewStore::swap) remove up to 2,500
    /// items themselves. What is more, and what they left because the program ended, stays until the
    /// next of them or until this is called, as once a day. It can be called at any time, by any number
    /// of programs, and costs one write unit per item of up to 1 KB.
    ///
    /// ```no_run
    /// # async fn example(store: es_dynamodb::DynamoStore) -> es_core::Result<()> {
    /// let removed = store.collect_garbage().await?;
    /// println!("{removed} items were out of use");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Backend`]; [`Error::Corrupt`] for an entry that cannot be read.
    /// What can be removed is removed all the same.
    pub async fn collect_garbage(&self) -> Result<u64> {
        self.collect(usize::MAX).await
    }

    /// Removes some of the garbage after a step. The step is done: what fails here does not matter, and
    /// comes again.
    pub(crate) async fn sweep(&self) {
        if let Err(error) = self.collect(AT_ONCE).await {
            tracing::warn!(cause = error.with_causes(), "garbage is left for later");
        }
    }

    /// Removes up to so many items that are out of use. What cannot be removed is not in the way of the
    /// rest.
    async fn collect(&self, mut room: usize) -> Result<u64> {
        let query = PartitionQuery::new(&self.tables().state, GARBAGE);
        let mut removed = 0;
        let mut failed = None;
        for entry in self.query(COLLECTING, query).await? {
            match self.remove(entry, room).await {
                Ok(found) => {
                    removed += found as u64;
                    room -= found;
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(removed), Err)
    }

    /// Removes up to so many items of what an entry lists, and the entry when nothing is left of it.
    async fn remove(&self, entry: Item, room: usize) -> Result<usize> {
        let state = &self.tables().state;
        let garbage = Garbage::read(entry)?;
        let mut removed = 0;
        for partition in garbage.partitions(state) {
            removed += self.remove_partition(&partition, room - removed).await?;
        }
        if removed < room {
            let entry = self.dynamodb().delete_item().table_name(state);
            let entry = entry.set_key(Some(garbage.key())).send().await;
            entry.map_err(|error| self.failed(COLLECTING, state, error))?;
        }
        Ok(removed)
    }

    /// Removes up to so many items of a partition, and tells how many.
    async fn remove_partition(&self, partition: &Partition, room: usize) -> Result<usize> {
        /// How many keys are read before they are removed: no more are in memory at a time.
        const PAGE: usize = 1_000;
        let [partition_key, sort_key] = partition.keys;
        let mut removed = 0;
        while removed < room {
            let query = PartitionQuery::new(&partition.table, &partition.name)
                .keyed_by(partition_key, sort_key)
                .limit(PAGE.min(room - removed));
            let query = match partition.keys {
                [PARTITION_KEY, SORT_KEY] => query.attributes(&[PARTITION_KEY, SORT_KEY]),
                _ => query.attributes(&[VIEW_GENERATION, VIEW_KEY]),
            };
            let keys = self.query(COLLECTING, query).await?;
            if keys.is_empty() {
                break;
            }
            removed += keys.len();
            self.delete_items(COLLECTING, &partition.table, keys).await?;
        }
        Ok(removed)
    }
}
