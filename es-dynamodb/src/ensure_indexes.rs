//! Indexes of tables that exist.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_dynamodb::operation::update_table::{UpdateTableError, UpdateTableOutput};
use aws_sdk_dynamodb::types::{
    CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexDescription, GlobalSecondaryIndexUpdate,
    IndexStatus, KeyType, ProjectionType, ScalarAttributeType, TableDescription, TableStatus,
};
use es_core::{Error, Result};

use crate::ensure_tables::{attribute, key_element, whole_items};
use crate::store::DynamoStore;
use crate::tables::IndexDefinition;

impl DynamoStore {
    /// Makes the indexes that a table lacks, one after another as DynamoDB wants it, and waits until all
    /// can be used.
    pub(crate) async fn ensure_indexes(
        &self,
        table: &str,
        indexes: &[IndexDefinition],
    ) -> Result<()> {
        const POLL: Duration = Duration::from_millis(500);
        /// An hour: an index over many items takes its time.
        const POLLS: u32 = 7_200;
        let what = format!("creating indexes of table {table}");
        for _ in 0..POLLS {
            let found = self.described(&what, table).await?;
            let missing = missing(&found, table, indexes)?;
            if can_be_used(&found) {
                let Some(index) = missing.first() else { return Ok(()) };
                match self.create_index(table, index).await {
                    Ok(_) => continue,
                    Err(error) if somebody_else_is_at_it(&error) => {}
                    Err(error) => return Err(self.failed(&what, table, error)),
                }
            }
            self.options().clock.sleep(POLL).await;
        }
        Err(Error::DeadlineExceeded { what, waited: POLL * POLLS })
    }

    /// Refuses a table that is missing or lacks an index, for good, and for now one whose index is being
    /// filled: DynamoDB lets nobody read it until then.
    pub(crate) async fn check_indexes(
        &self,
        table: &str,
        indexes: &[IndexDefinition],
    ) -> Result<()> {
        let what = format!("looking for the indexes of table {table}");
        let found = self.described(&what, table).await?;
        let missing = missing(&found, table, indexes)?;
        if missing.is_empty() {
            return match indexes.iter().find(|index| !index.can_be_read(&found)) {
                None => Ok(()),
                Some(index) => Err(Error::Unavailable {
                    what: format!("{what} at {}", self.place()),
                    source: format!("the index {} is being made", index.name).into(),
                }),
            };
        }
        let names: Vec<&str> = missing.iter().map(|index| &*index.name).collect();
        let source = format!(
            "the table has no index {}; it is created by \"prepare\" with TableCreation::IfMissing or \
             by the CloudFormation fragment",
            names.join(", ")
        );
        Err(Error::Backend { what: format!("{what} at {}", self.place()), source: source.into() })
    }

    async fn described(&self, what: &str, table: &str) -> Result<TableDescription> {
        let described = self.dynamodb().describe_table().table_name(table).send().await;
        let described = described.map_err(|error| self.failed(what, table, error))?;
        described.table.ok_or_else(|| Error::Backend {
            what: what.to_owned(),
            source: "the answer does not describe a table".into(),
        })
    }

    async fn create_index(
        &self,
        table: &str,
        index: &IndexDefinition,
    ) -> Result<UpdateTableOutput, SdkError<UpdateTableError>> {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(&index.name)
            .key_schema(key_element(&index.partition_key, KeyType::Hash)?)
            .key_schema(key_element(index.sort_key, KeyType::Range)?)
            .projection(whole_items());
        self.dynamodb()
            .update_table()
            .table_name(table)
            .attribute_definitions(attribute(&index.partition_key, &ScalarAttributeType::S)?)
            .attribute_definitions(attribute(index.sort_key, &ScalarAttributeType::S)?)
            .global_secondary_index_updates(
                GlobalSecondaryIndexUpdate::builder().create(create.build()?).build(),
            )
            .send()
            .await
    }
}

/// Those of the indexes that the table does not have.
fn missing<'a>(
    found: &TableDescription,
    table: &str,
    indexes: &'a [IndexDefinition],
) -> Result<Vec<&'a IndexDefinition>> {
    let mut missing = Vec::new();
    for index in indexes {
        let named = found
            .global_secondary_indexes()
            .iter()
            .find(|found| found.index_name() == Some(&index.name));
        match named {
            None => missing.push(index),
            Some(named) if index.is(named) => {}
            Some(_) => {
                let IndexDefinition { name, partition_key, sort_key } = index;
                return Err(Error::Misuse(format!(
                    "index {name} of table {table} is not of this framework: it is not on {partition_key} \
                     and {sort_key} with all attributes"
                )));
            }
        }
    }
    Ok(missing)
}

fn can_be_used(found: &TableDescription) -> bool {
    let indexes = found.global_secondary_indexes();
    // Servers that make indexes at once may not tell.
    let is_there = |index: &GlobalSecondaryIndexDescription| {
        index.index_status().is_none_or(|status| *status == IndexStatus::Active)
    };
    found.table_status() == Some(&TableStatus::Active) && indexes.iter().all(is_there)
}

/// Tables are changed by one at a time, and several may prepare one view.
fn somebody_else_is_at_it(error: &SdkError<UpdateTableError>) -> bool {
    let Some(refusal) = error.as_service_error() else { return false };
    refusal.is_resource_in_use_exception()
        || refusal.is_limit_exceeded_exception()
        || refusal.message().is_some_and(|message| message.contains("already exists"))
}

impl IndexDefinition {
    fn can_be_read(&self, found: &TableDescription) -> bool {
        let mut indexes = found.global_secondary_indexes().iter();
        let named = indexes.find(|found| found.index_name() == Some(&self.name));
        let status = named.and_then(GlobalSecondaryIndexDescription::index_status);
        // Servers that make indexes at once may not tell.
        named.is_some() && !matches!(status, Some(IndexStatus::Creating | IndexStatus::Deleting))
    }

    fn is(&self, found: &GlobalSecondaryIndexDescription) -> bool {
        let expected = [(&*self.partition_key, KeyType::Hash), (self.sort_key, KeyType::Range)];
        let has_key = expected.iter().all(|(name, role)| {
            found
                .key_schema()
                .iter()
                .any(|element| element.attribute_name() == *name && element.key_type() == role)
        });
        let projection = found.projection().and_then(|projection| projection.projection_type());
        has_key && projection == Some(&ProjectionType::All)
    }
}
