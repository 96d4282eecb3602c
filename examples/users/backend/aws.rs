use std::sync::Arc;

use es_core::Error;
use es_dynamodb::DynamoStore;

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
        let aws = Self::connected(&options).await?;
        if options.create {
            aws.store.ensure_tables().await?;
        } else {
            let missing = aws.store.missing_tables().await?;
            if !missing.is_empty() {
                return Err(OpenError::MissingTables { place: options.place(), missing });
            }
        }
        Ok(aws)
    }

    /// Connects to what a template has made. Nothing is asked before it is used.
    ///
    /// # Errors
    ///
    /// [`OpenError::Store`].
    pub async fn deployed(options: AwsOptions) -> Result<Self, OpenError> {
        Ok(Self::connected(&options).await?)
    }

    async fn connected(options: &AwsOptions) -> Result<Self, Error> {
        let AwsOptions { table_prefix, connection, create } = options;
        let store = connection.tables(table_prefix, *create).connect().await?;
        Ok(Self { store: Arc::new(store) })
    }

    /// The log and what else is in tables.
    pub fn store(&self) -> &Arc<DynamoStore> {
        &self.store
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
