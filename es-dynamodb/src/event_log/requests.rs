//! The requests that read the log, each strongly consistent.

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{Direction, Result, StreamId, Version};

use super::commit_item::CommitItem;
use crate::item::{Item, number, text};
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

/// A range of a stream's commits, by their first versions, and how far it was read.
#[derive(Debug, Clone)]
pub(super) struct CommitRange {
    stream: StreamId,
    first: Version,
    last: Version,
    direction: Direction,
    /// The most commits that one request may give; `None` for as many as fit in its 1 MB.
    limit: Option<i32>,
    after: Option<Item>,
}

impl CommitRange {
    /// All commits of a stream that begin at `first` or later. Markers are before version 1.
    pub(super) fn from(stream: StreamId, first: Version) -> Self {
        let last = Version::new(u64::MAX);
        Self { stream, first, last, direction: Direction::Forwards, limit: None, after: None }
    }

    /// All commits of a stream that begin at `last` or earlier, from the last one on.
    pub(super) fn backwards_from(stream: StreamId, last: Version) -> Self {
        let first = Version::FIRST;
        Self { stream, first, last, direction: Direction::Backwards, limit: None, after: None }
    }

    pub(super) fn limit(self, limit: Option<i32>) -> Self {
        Self { limit, ..self }
    }
}

/// The answer to one request.
#[derive(Debug)]
pub(super) struct ItemPage {
    pub(super) items: Vec<Item>,
    /// What is left of the range.
    pub(super) rest: Option<CommitRange>,
}

impl DynamoStore {
    /// The next page of a range. It may be empty though there is more.
    pub(super) async fn item_page(&self, range: CommitRange) -> Result<ItemPage> {
        let table = &self.tables().events;
        let CommitRange { stream, first, last, .. } = &range;
        let page = self
            .dynamodb()
            .query()
            .table_name(table)
            .consistent_read(true)
            .key_condition_expression("pk = :stream AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":stream", text(stream.as_str()))
            .expression_attribute_values(":first", number(first))
            .expression_attribute_values(":last", number(last))
            .scan_index_forward(range.direction == Direction::Forwards)
            .set_limit(range.limit)
            .set_exclusive_start_key(range.after.clone())
            .send()
            .await
            .map_err(|error| self.failed(&format!("reading {stream}"), table, error))?;
        let after = page.last_evaluated_key;
        let rest = after.map(|after| CommitRange { after: Some(after), ..range });
        Ok(ItemPage { items: page.items.unwrap_or_default(), rest })
    }

    /// The item of the commit that begins at `version`.
    pub(super) async fn commit_item(
        &self,
        stream: &StreamId,
        version: Version,
    ) -> Result<Option<CommitItem>> {
        let item = self.log_item(stream, number(version)).await?;
        item.map(|item| self.read_commit_item(stream, item)).transpose()
    }

    /// Reads the item of a commit of the log. Whoever appends behind it may need to know how its id
    /// stands, which its head does not say.
    pub(super) fn read_commit_item(&self, stream: &StreamId, item: Item) -> Result<CommitItem> {
        let item = CommitItem::read(stream, item)?;
        self.out_of_order_ids().note(item.header.id, item.header.order);
        Ok(item)
    }

    /// The item of a stream with this sort key.
    pub(super) async fn log_item(
        &self,
        stream: &StreamId,
        sort_key: AttributeValue,
    ) -> Result<Option<Item>> {
        let table = &self.tables().events;
        let answer = self
            .dynamodb()
            .get_item()
            .table_name(table)
            .consistent_read(true)
            .key(PARTITION_KEY, text(stream.as_str()))
            .key(SORT_KEY, sort_key)
            .send()
            .await
            .map_err(|error| self.failed(&format!("reading {stream}"), table, error))?;
        Ok(answer.item)
    }
}
