//! Reading one partition of a table in the order of its sort keys.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::Result;

use crate::item::{Item, text};
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

/// What to read of a partition: by default all of it.
#[derive(Debug, Clone)]
pub(crate) struct PartitionQuery<'a> {
    table: &'a str,
    index: Option<String>,
    partition_key: Cow<'static, str>,
    sort_key: &'static str,
    partition: String,
    after: Option<String>,
    from: Option<String>,
    to: Option<String>,
    attributes: &'static [&'static str],
    limit: usize,
}

impl<'a> PartitionQuery<'a> {
    /// All items of a partition of any table but those of views.
    pub(crate) fn new(table: &'a str, partition: impl Into<String>) -> Self {
        Self {
            table,
            index: None,
            partition_key: PARTITION_KEY.into(),
            sort_key: SORT_KEY,
            partition: partition.into(),
            after: None,
            from: None,
            to: None,
            attributes: &[],
            limit: usize::MAX,
        }
    }

    /// In a table whose keys have these names.
    pub(crate) fn keyed_by(
        mut self,
        partition: impl Into<Cow<'static, str>>,
        sort: &'static str,
    ) -> Self {
        (self.partition_key, self.sort_key) = (partition.into(), sort);
        self
    }

    /// In a secondary index of the table: eventually consistent.
    pub(crate) fn in_index(mut self, name: String) -> Self {
        self.index = Some(name);
        self
    }

    /// Only items with a later sort key. Not together with other bounds.
    pub(crate) fn after(mut self, sort: impl Into<String>) -> Self {
        self.after = Some(sort.into());
        self
    }

    /// Only items with this sort key or a later one.
    pub(crate) fn from(mut self, sort: impl Into<String>) -> Self {
        self.from = Some(sort.into());
        self
    }

    /// Only items with this sort key or an earlier one.
    pub(crate) fn to(mut self, sort: impl Into<String>) -> Self {
        self.to = Some(sort.into());
        self
    }

    /// Only these attributes of the items. It costs the same.
    pub(crate) fn attributes(mut self, names: &'static [&'static str]) -> Self {
        self.attributes = names;
        self
    }

    /// At most so many items.
    pub(crate) fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The condition on the key, as DynamoDB takes it: at most one on the sort key.
    fn condition(&self) -> &'static str {
        if self.after.is_some() {
            return "#partition = :partition AND #sort > :after";
        }
        match (&self.from, &self.to) {
            (None, None) => "#partition = :partition",
            (Some(_), None) => "#partition = :partition AND #sort >= :from",
            (None, Some(_)) => "#partition = :partition AND #sort <= :to",
            (Some(_), Some(_)) => "#partition = :partition AND #sort BETWEEN :from AND :to",
        }
    }

    /// Whether no sort key can be asked for: DynamoDB refuses such a range.
    fn is_empty(&self) -> bool {
        let is_backwards = matches!((&self.from, &self.to), (Some(from), Some(to)) if from > to);
        self.limit == 0 || is_backwards
    }

    fn names(&self) -> HashMap<String, String> {
        let partition_key = self.partition_key.clone().into_owned();
        let mut names = HashMap::from([("#partition".to_owned(), partition_key)]);
        if self.after.is_some() || self.from.is_some() || self.to.is_some() {
            names.insert("#sort".to_owned(), self.sort_key.to_owned());
        }
        names.extend(self.attributes.iter().map(|&name| (format!("#_{name}"), name.to_owned())));
        names
    }

    fn values(&self) -> HashMap<String, AttributeValue> {
        let bounds = [
            (":partition", Some(&self.partition)),
            (":after", self.after.as_ref()),
            (":from", self.from.as_ref()),
            (":to", self.to.as_ref()),
        ];
        bounds
            .into_iter()
            .filter_map(|(name, bound)| Some((name.to_owned(), text(bound?))))
            .collect()
    }

    fn projection(&self) -> Option<String> {
        let names: Vec<String> = self.attributes.iter().map(|name| format!("#_{name}")).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

impl DynamoStore {
    /// The items that match, strongly consistent but for those of an index, in the order of their sort keys (byte order).
    pub(crate) async fn query(&self, what: &str, query: PartitionQuery<'_>) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        if query.is_empty() {
            return Ok(items);
        }
        let mut after = None;
        loop {
            let room = query.limit - items.len();
            let page = self
                .dynamodb()
                .query()
                .table_name(query.table)
                .set_index_name(query.index.clone())
                .consistent_read(query.index.is_none())
                .key_condition_expression(query.condition())
                .set_projection_expression(query.projection())
                .set_expression_attribute_names(Some(query.names()))
                .set_expression_attribute_values(Some(query.values()))
                .set_limit(i32::try_from(room).ok())
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(|error| self.failed(what, query.table, error))?;
            items.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key;
            if after.is_none() || items.len() >= query.limit {
                return Ok(items);
            }
        }
    }
}
