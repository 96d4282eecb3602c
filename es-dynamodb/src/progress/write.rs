//! One write of a transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};

use crate::item::Item;
use crate::item_size::{item_size, value_size};

/// What happens to one item, on conditions.
#[derive(Debug)]
pub(crate) struct Write {
    table: String,
    change: Change,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
enum Change {
    Put(Item),
    Update { key: Item, set: Vec<(&'static str, AttributeValue)>, remove: Vec<&'static str> },
    Delete(Item),
    Check(Item),
}

/// What must be so for a write to happen.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// The item does not have the attribute, or there is no item.
    Absent(&'static str),
    /// The attribute has this value.
    Equals(&'static str, AttributeValue),
    /// The attribute is a number smaller than this one, or absent.
    Below(&'static str, AttributeValue),
}

impl Write {
    /// Puts an item, whatever is in its place.
    pub(crate) fn put(table: &str, item: Item) -> Self {
        Self::new(table, Change::Put(item))
    }

    /// Changes attributes of the item under `key`, or makes it: see [`set`](Self::set) and
    /// [`remove`](Self::remove).
    pub(crate) fn update(table: &str, key: Item) -> Self {
        Self::new(table, Change::Update { key, set: Vec::new(), remove: Vec::new() })
    }

    /// Removes the item under `key`, if there is one.
    pub(crate) fn delete(table: &str, key: Item) -> Self {
        Self::new(table, Change::Delete(key))
    }

    /// Leaves the item under `key` as it is: for its conditions.
    pub(crate) fn check(table: &str, key: Item) -> Self {
        Self::new(table, Change::Check(key))
    }

    fn new(table: &str, change: Change) -> Self {
        Self { table: table.to_owned(), change, conditions: Vec::new() }
    }

    /// Gives an attribute a value. Only of an update.
    #[must_use]
    pub(crate) fn set(mut self, name: &'static str, value: AttributeValue) -> Self {
        if let Change::Update { set, .. } = &mut self.change {
            set.push((name, value));
        }
        self
    }

    /// Takes an attribute away. Only of an update.
    #[must_use]
    pub(crate) fn remove(mut self, name: &'static str) -> Self {
        if let Change::Update { remove, .. } = &mut self.change {
            remove.push(name);
        }
        self
    }

    /// Adds a condition.
    #[must_use]
    pub(crate) fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// The bytes that count against the limits of items and transactions. Of an update it is the part
    /// that is known.
    pub(super) fn size(&self) -> usize {
        match &self.change {
            Change::Put(item) | Change::Delete(item) | Change::Check(item) => item_size(item),
            Change::Update { key, set, .. } => {
                let set = set.iter().map(|(name, value)| name.len() + value_size(value));
                item_size(key) + set.sum::<usize>()
            }
        }
    }

    /// The write as the SDK takes it.
    pub(super) fn into_item(self) -> Result<TransactWriteItem, BuildError> {
        let Self { table, change, conditions } = self;
        let mut expression = Expression::default();
        // The SDK knows no update without an expression.
        let change = match change {
            Change::Update { key, set, remove } if set.is_empty() && remove.is_empty() => {
                Change::Check(key)
            }
            change => change,
        };
        let update = match &change {
            Change::Update { set, remove, .. } => expression.update(set, remove),
            _ => String::new(),
        };
        let condition = expression.condition(conditions);
        let Expression { names, values } = expression;
        let (names, values) = (some(names), some(values));
        let item = TransactWriteItem::builder();
        let item = match change {
            Change::Put(put) => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(put))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()?,
            ),
            Change::Update { key, .. } => item.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .update_expression(update)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()?,
            ),
            Change::Delete(key) => item.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()?,
            ),
            Change::Check(key) => item.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .build()?,
            ),
        };
        Ok(item.build())
    }
}

/// Expressions name attributes and values by placeholders: many names are reserved words.
#[derive(Debug, Default)]
struct Expression {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn update(
        &mut self,
        set: &[(&'static str, AttributeValue)],
        remove: &[&'static str],
    ) -> String {
        let set = set
            .iter()
            .map(|(name, value)| format!("{} = {}", self.name(name), self.value(value.clone())));
        let set = clause("SET", set.collect());
        let remove = remove.iter().map(|name| self.name(name));
        set + &clause("REMOVE", remove.collect())
    }

    fn condition(&mut self, conditions: Vec<Condition>) -> Option<String> {
        let terms = conditions.into_iter().map(|condition| match condition {
            Condition::Absent(name) => format!("attribute_not_exists({})", self.name(name)),
            Condition::Equals(name, value) => {
                format!("{} = {}", self.name(name), self.value(value))
            }
            Condition::Below(name, value) => {
                let (name, value) = (self.name(name), self.value(value));
                format!("(attribute_not_exists({name}) OR {name} < {value})")
            }
        });
        let terms: Vec<String> = terms.collect();
        (!terms.is_empty()).then(|| terms.join(" AND "))
    }
}

fn clause(keyword: &str, terms: Vec<String>) -> String {
    if terms.is_empty() { String::new() } else { format!("{keyword} {} ", terms.join(", ")) }
}

/// DynamoDB refuses empty maps of placeholders.
fn some<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    (!map.is_empty()).then_some(map)
}
