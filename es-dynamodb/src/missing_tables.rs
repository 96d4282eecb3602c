//! Whether there is anything to use.

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::Result;

use crate::ensure_tables::is;
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

impl DynamoStore {
    /// The names of those tables of the log and of the state that do not exist: for programs that look at
    /// data and want to say that there is none. One read per table, which everybody may do who executes
    /// commands. Tables of views are not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](es_core::Error::Unavailable), [`Error::Backend`](es_core::Error::Backend).
    pub async fn missing_tables(&self) -> Result<Vec<String>> {
        let (events, state) = (&self.tables().events, &self.tables().state);
        // No stream and no record has such a key. It is of the right kind, or it would be refused.
        let number = AttributeValue::N("0".to_owned());
        let text = AttributeValue::S("-".to_owned());
        let (events_exist, state_exists) =
            futures::try_join!(self.exists(events, number), self.exists(state, text))?;
        let found = [(events, events_exist), (state, state_exists)];
        let missing = found.into_iter().filter(|(_, exists)| !exists);
        Ok(missing.map(|(table, _)| table.clone()).collect())
    }

    async fn exists(&self, table: &str, sort_key: AttributeValue) -> Result<bool> {
        let read = self
            .dynamodb()
            .get_item()
            .table_name(table)
            .key(PARTITION_KEY, AttributeValue::S("-".to_owned()))
            .key(SORT_KEY, sort_key)
            .send()
            .await;
        match read {
            Ok(_) => Ok(true),
            Err(error) if is(&error, "ResourceNotFoundException") => Ok(false),
            Err(error) => Err(self.failed(&format!("looking for table {table}"), table, error)),
        }
    }
}
