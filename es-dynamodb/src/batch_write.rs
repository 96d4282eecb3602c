//! Writing many items at once, without conditions.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use es_core::{Error, Result};

use crate::attempts::Attempts;
use crate::item::Item;
use crate::store::DynamoStore;

/// The most items that one `BatchWriteItem` takes.
const MAX_BATCH: usize = 25;

impl DynamoStore {
    /// Puts the items into a table, in any order; those that are there are replaced. No key may be there
    /// twice.
    pub(crate) async fn put_items(&self, what: &str, table: &str, items: Vec<Item>) -> Result<()> {
        let put = |item| {
            let put = PutRequest::builder().set_item(Some(item)).build();
            put.map(|put| WriteRequest::builder().put_request(put).build())
        };
        self.write_all(what, table, items.into_iter().map(put)).await
    }

    /// Deletes the items under `keys` from a table, in any order, where there are some. No key may be there
    /// twice.
    pub(crate) async fn delete_items(
        &self,
        what: &str,
        table: &str,
        keys: Vec<Item>,
    ) -> Result<()> {
        let delete = |key| {
            let delete = DeleteRequest::builder().set_key(Some(key)).build();
            delete.map(|delete| WriteRequest::builder().delete_request(delete).build())
        };
        self.write_all(what, table, keys.into_iter().map(delete)).await
    }

    async fn write_all(
        &self,
        what: &str,
        table: &str,
        requests: impl Iterator<Item = Result<WriteRequest, BuildError>>,
    ) -> Result<()> {
        let requests: Result<Vec<WriteRequest>, _> = requests.collect();
        let requests = requests
            .map_err(|error| Error::Backend { what: what.to_owned(), source: error.into() })?;
        for batch in requests.chunks(MAX_BATCH) {
            self.write_batch(what, table, batch.to_vec()).await?;
        }
        Ok(())
    }

    /// What is left unprocessed is sent again: the service does that to throttle.
    async fn write_batch(
        &self,
        what: &str,
        table: &str,
        mut requests: Vec<WriteRequest>,
    ) -> Result<()> {
        let mut attempts = Attempts::default();
        loop {
            let batch = self.dynamodb().batch_write_item().request_items(table, requests);
            let answer = batch.send().await.map_err(|error| self.failed(what, table, error))?;
            let unprocessed = answer.unprocessed_items.and_then(|mut left| left.remove(table));
            requests = unprocessed.unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
            attempts.pause(self, what, "a batch was not processed whole").await?;
        }
    }
}
