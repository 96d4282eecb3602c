//! Records of the table's stream that somebody else reads and pushes.

use es_core::{Commit, Result};

use super::page::{Gathered, Taken};
use crate::store::DynamoStore;

impl DynamoStore {
    /// The name of the table that the log is in, for those who have to tell its stream from others.
    pub fn log_table(&self) -> &str {
        &self.tables().events
    }

    /// The commit of a new item of the [log's table](Self::log_table), as its stream brings it to somebody else
    /// who reads it, AWS Lambda for one; `None` for an item that is a part of a commit or stands for one. The rest
    /// of a commit that is kept in several items is read from the table.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](es_core::Error::Corrupt) and [`Error::CorruptCommit`](es_core::Error::CorruptCommit) for
    /// an item that is damaged or none of the log's; trying again does not help then. Otherwise those of the log.
    pub async fn commit_of_new_image(&self, image: serde_dynamo::Item) -> Result<Option<Commit>> {
        let mut gathered = Gathered::up_to(1);
        match gathered.take(self, image.into()).await? {
            Taken::Commit | Taken::Left => Ok(gathered.commits.pop()),
            Taken::PassedOver => Ok(None),
        }
    }
}
