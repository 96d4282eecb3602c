//! The control item of a consumer: which book its progress is in, and whether it rests.

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{ConsumerId, Error, Result, Revision};

use super::step::Refusal;
use super::write::{Condition, Write};
use crate::item::{Damage, Item, TakeAttribute, key, number, text, texts};
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

const BOOK: &str = "book";
const EPOCH: &str = "epoch";
const RECORD_BOOKS: &str = "records";
const PAUSED: &str = "paused";

/// What the control item says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Control {
    pub(super) consumer: ConsumerId,
    /// Where positions, versions and parked letters are.
    pub(super) book: String,
    /// Counts the books that the consumer had; a consumer with another epoch has another book.
    pub(super) epoch: u64,
    /// Where records of dropped letters are, at least one. A record in a later book takes the place of
    /// one in an earlier book, and new ones are in the last.
    pub(super) record_books: Vec<String>,
    pub(super) paused: bool,
}

/// The lower bits of a revision count saves, the higher are the epoch.
const SAVES_BITS: u32 = 40;

impl Control {
    /// The key of a consumer's control item.
    pub(super) fn key(consumer: &ConsumerId) -> Item {
        key(format!("consumer#{consumer}"), "control")
    }

    /// Reads an item; a consumer without one is in its first book.
    pub(super) fn read(consumer: &ConsumerId, item: Option<Item>) -> Result<Self> {
        Self::take(consumer, item.unwrap_or_default()).map_err(|reason| Error::Corrupt {
            what: format!("the control item of {consumer}"),
            reason,
        })
    }

    fn take(consumer: &ConsumerId, mut item: Item) -> Result<Self, Damage> {
        let paused = item.take_flag(PAUSED)?;
        let Some(epoch) = item.take_number_if_any(EPOCH)? else {
            return match item.keys().find(|name| [BOOK, RECORD_BOOKS].contains(&name.as_str())) {
                Some(name) => Err(format!("it has the attribute {name} but no {EPOCH}")),
                None => Ok(Self::first(consumer, paused)),
            };
        };
        if epoch > u64::MAX >> SAVES_BITS {
            return Err(format!("its attribute {EPOCH} is {epoch}, which is out of range"));
        }
        let book = item.take_text(BOOK)?;
        let record_books = item.take_texts_if_any(RECORD_BOOKS)?.unwrap_or_default();
        if record_books.is_empty() {
            return Err(format!("its attribute {RECORD_BOOKS} is missing or empty"));
        }
        Ok(Self { consumer: consumer.clone(), book, epoch, record_books, paused })
    }

    fn first(consumer: &ConsumerId, paused: bool) -> Self {
        let name = consumer.to_string();
        let record_books = vec![name.clone()];
        Self { consumer: consumer.clone(), book: name, epoch: 0, record_books, paused }
    }

    /// The revision of a position that was saved so often in the book.
    pub(super) fn revision(&self, saves: u64) -> Revision {
        Revision::from_stored(self.epoch << SAVES_BITS | saves)
    }

    /// How often a position of this revision was saved, or `None` if the revision is of another book.
    pub(super) fn saves(&self, revision: Revision) -> Option<u64> {
        let (epoch, saves) =
            (revision.get() >> SAVES_BITS, revision.get() & ((1 << SAVES_BITS) - 1));
        (epoch == self.epoch).then_some(saves)
    }

    /// The book for new records.
    pub(super) fn record_book(&self) -> &str {
        self.record_books.last().map_or(self.consumer.as_str(), String::as_str)
    }

    /// Puts this in the place of what was read, if that is still there. Whether the consumer is paused
    /// is left to whoever says so meanwhile.
    pub(super) fn replace(&self, read: &Self, table: &str) -> (Write, Refusal) {
        let write = Write::update(table, Self::key(&self.consumer))
            .set(BOOK, text(&self.book))
            .set(EPOCH, number(self.epoch))
            .set(RECORD_BOOKS, texts(&self.record_books))
            .when(match read.epoch {
                0 => Condition::Absent(EPOCH),
                epoch => Condition::Equals(EPOCH, number(epoch)),
            });
        (write, Refusal::StartOver)
    }
}

impl DynamoStore {
    /// The control item of a consumer.
    pub(super) async fn control(&self, consumer: &ConsumerId) -> Result<Control> {
        let what = format!("reading the control item of {consumer}");
        let table = &self.tables().state;
        let request = self
            .dynamodb()
            .get_item()
            .table_name(table)
            .set_key(Some(Control::key(consumer)))
            .consistent_read(true);
        let found = request.send().await.map_err(|error| self.failed(&what, table, error))?;
        let control = Control::read(consumer, found.item)?;
        self.known_books().learn(consumer, &control.book);
        Ok(control)
    }

    /// The control item of a consumer, together with those of the items with the `keys` in its book that
    /// exist.
    pub(super) async fn control_and_items(
        &self,
        what: &str,
        consumer: &ConsumerId,
        keys: impl Fn(&str) -> Vec<Item>,
    ) -> Result<(Control, Vec<Item>)> {
        let table = &self.tables().state;
        let guessed = self.known_books().of(consumer);
        let control_key = Control::key(consumer);
        let mut asked = vec![control_key.clone()];
        asked.extend(keys(&guessed));
        let mut items = self.get_items(what, table, asked).await?;
        let is_control = |item: &Item| {
            [PARTITION_KEY, SORT_KEY].iter().all(|&name| item.get(name) == control_key.get(name))
        };
        let at = items.iter().position(is_control);
        let control = Control::read(consumer, at.map(|at| items.swap_remove(at)))?;
        if control.book != guessed {
            self.known_books().learn(consumer, &control.book);
            items = self.get_items(what, table, keys(&control.book)).await?;
        }
        Ok((control, items))
    }

    /// Says in the control item whether the consumer is to rest, and nothing else.
    pub(super) async fn pause(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        let table = &self.tables().state;
        let request = self
            .dynamodb()
            .update_item()
            .table_name(table)
            .set_key(Some(Control::key(consumer)))
            .update_expression("SET #paused = :paused")
            .expression_attribute_names("#paused", PAUSED)
            .expression_attribute_values(":paused", AttributeValue::Bool(paused));
        let said = self.past_transactions(|| request.clone().send()).await;
        let what = || format!("pausing or resuming {consumer}");
        said.map(drop).map_err(|error| self.failed(&what(), table, error))
    }

    /// The name of a book that nobody has. That it begins with who began it is for people; no consumer
    /// is called like a book, because no consumer's name has a control character.
    pub(super) fn new_book(&self, consumer: &ConsumerId) -> String {
        let entropy = &self.options().entropy;
        format!("{consumer}\u{1}{:016x}{:016x}", entropy.next_u64(), entropy.next_u64())
    }
}
