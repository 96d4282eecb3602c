//! Reading many items at once.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use es_core::{Error, Result};

use crate::attempts::Attempts;
use crate::item::Item;
use crate::store::DynamoStore;

/// The most keys that one `BatchGetItem` takes.
const MAX_KEYS: usize = 100;

impl DynamoStore {
    /// The items of a table under `keys`, strongly consistent each, in any order; those that do not
    /// exist are left out. No key may be there twice.
    pub(crate) async fn get_items(
        &self,
        what: &str,
        table: &str,
        mut keys: Vec<Item>,
    ) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(keys.len());
        let mut attempts = Attempts::default();
        while !keys.is_empty() {
            let rest = keys.split_off(keys.len().min(MAX_KEYS));
            let asked = keys.len();
            let (found, mut unprocessed) = self.get_batch(what, table, keys).await?;
            items.extend(found);
            if unprocessed.len() < asked {
                attempts = Attempts::default();
            } else {
                attempts.pause(self, what, "no key of a batch was processed").await?;
            }
            unprocessed.extend(rest);
            keys = unprocessed;
        }
        Ok(items)
    }

    /// The items of one batch, and the keys that were left unprocessed: answers have 16 MB at most.
    async fn get_batch(
        &self,
        what: &str,
        table: &str,
        keys: Vec<Item>,
    ) -> Result<(Vec<Item>, Vec<Item>)> {
        let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let asked = asked
            .map_err(|error| Error::Backend { what: what.to_owned(), source: error.into() })?;
        let answer = self.dynamodb().batch_get_item().request_items(table, asked).send().await;
        let answer = answer.map_err(|error| self.failed(what, table, error))?;
        let found = answer.responses.and_then(|mut tables| tables.remove(table));
        let unprocessed = answer.unprocessed_keys.and_then(|mut tables| tables.remove(table));
        let unprocessed = unprocessed.map(|left| left.keys).unwrap_or_default();
        Ok((found.unwrap_or_default(), unprocessed))
    }
}
