//! Positions: where a consumer is in a partition.

use es_core::{Checkpoint, ConsumerId, Error, PartitionId, Position, Result};

use super::control::Control;
use super::write::Condition;
use crate::item::{Damage, Item, TakeAttribute, key, number, text};
use crate::tables::SORT_KEY;

const SAVES: &str = "saves";
const CHECKPOINT: &str = "checkpoint";

/// A position as a book has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SavedPosition {
    /// 0 where there is no item.
    pub(super) saves: u64,
    pub(super) checkpoint: Checkpoint,
}

/// The partition of a book's positions.
pub(super) fn positions_of(book: &str) -> String {
    format!("positions#{book}")
}

impl SavedPosition {
    pub(super) fn key(book: &str, partition: &PartitionId) -> Item {
        key(positions_of(book), partition.as_str())
    }

    /// Reads an item of the book of `consumer`, with the name of its partition.
    pub(super) fn read(consumer: &ConsumerId, mut item: Item) -> Result<(String, Self)> {
        let partition = item.take_text(SORT_KEY).unwrap_or_default();
        let position = Self::take(&mut item).map_err(|reason| Error::Corrupt {
            what: format!("the position of {consumer} in partition {partition}"),
            reason,
        })?;
        Ok((partition, position))
    }

    fn take(item: &mut Item) -> Result<Self, Damage> {
        let saves = match item.take_number(SAVES)? {
            0 => return Err(format!("its attribute {SAVES} is 0")),
            saves => saves,
        };
        Ok(Self { saves, checkpoint: Checkpoint::from_stored(item.take_text(CHECKPOINT)?) })
    }

    pub(super) fn into_item(self, book: &str, partition: &PartitionId) -> Item {
        let mut item = Self::key(book, partition);
        item.insert(SAVES.to_owned(), number(self.saves));
        item.insert(CHECKPOINT.to_owned(), text(self.checkpoint.as_str()));
        item
    }

    /// As the consumer sees it.
    pub(super) fn of(self, control: &Control) -> Position {
        Position { revision: control.revision(self.saves), checkpoint: self.checkpoint }
    }
}

/// Whether a position was saved so often.
pub(super) fn saved(saves: u64) -> Condition {
    match saves {
        0 => Condition::Absent(SAVES),
        saves => Condition::Equals(SAVES, number(saves)),
    }
}
