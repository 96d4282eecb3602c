use std::sync::Arc;

use es_dynamodb::{DynamoStore, TableCreation};

use super::{Backend, OpenError};
use crate::aws::ConnectionArguments;

/// Users as they are on AWS: the log in a DynamoDB table, its stream as the feed, the read models in tables.
#[derive(Debug)]
pub struct Aws {
    store: Arc<DynamoStore>,
}

/// Which tables.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// What the names of the tables begin with.
    pub table_prefix: String,
    /// Where AWS answers.
    pub connection: ConnectionArguments,
    /// Whether tables that are missing are made, instead of being an error.
    pub create: bool,
}

impl AwsOptions {
    /// Which tables these are, for people.
    pub fn place(&self) -> String {
        format!("tables {}* {}", self.table_prefix, self.connection.place())
    }
}

impl Aws {
    /// Connects, and makes what is missing if that is asked for.
    ///
    /// # Errors
    ///
    /// [`OpenError::MissingTables`] when there is no data and none is to be made; [`OpenError::Store`].
    pub async fn open(options: AwsOptions) -> Result<Self, OpenError> {
        let connection = options.connection.connection();
        let mut builder = DynamoStore::builder(&options.table_prefix).connection(connection);
        if options.create {
            builder = builder.table_creation(TableCreation::IfMissing);
        }
        let store = builder.connect().await?;
        if options.create {
            store.ensure_tables().await?;
        } else {
            let missing = store.missing_tables().await?;
            if !missing.is_empty() {
                return Err(OpenError::MissingTables { place: options.place(), missing });
            }
        }
        Ok(Self { store: Arc::new(store) })
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        Backend {
            log: self.store.clone(),
            feed: self.store.clone(),
            snapshots: self.store.clone(),
            views: self.store.clone(),
        }
    }
}
