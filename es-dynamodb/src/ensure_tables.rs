//! Making the tables, for development and tests.

use std::time::Duration;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::create_table::{CreateTableError, CreateTableOutput};
use aws_sdk_dynamodb::operation::update_time_to_live::UpdateTimeToLiveError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, Projection, ProjectionType, ScalarAttributeType,
    StreamSpecification, StreamViewType, TableStatus, TimeToLiveSpecification,
};
use es_core::{Error, Result};

use crate::store::DynamoStore;
use crate::tables::TableDefinition;

impl DynamoStore {
    /// Makes the tables of the log and of the state that are missing, with on-demand billing, the stream
    /// that the feed reads, point-in-time recovery, encryption, and time to live where records expire;
    /// returns when they can be used. Tables of views are made when the views are
    /// [prepared](crate::TableCreation::IfMissing).
    ///
    /// For development and tests. In production the same tables come from the CloudFormation fragment.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when there is a table of that name with another key,
    /// [`Error::Unavailable`], [`Error::Backend`].
    pub async fn ensure_tables(&self) -> Result<()> {
        let (events, state) = (self.tables().events_definition(), self.tables().state_definition());
        futures::try_join!(self.ensure_table(&events), self.ensure_table(&state))?;
        Ok(())
    }

    /// Makes one table, unless it is there, and waits until it can be used.
    pub(crate) async fn ensure_table(&self, table: &TableDefinition) -> Result<()> {
        let what = format!("creating table {}", table.name);
        let created = self.create_table(table).await;
        if let Err(error) = created {
            let exists = error
                .as_service_error()
                .is_some_and(|refusal| refusal.is_resource_in_use_exception());
            if !exists {
                return Err(self.failed(&what, &table.name, error));
            }
        }
        self.wait_until_active(table).await?;
        self.set_up_recovery_and_expiry(table).await
    }

    async fn create_table(
        &self,
        table: &TableDefinition,
    ) -> Result<CreateTableOutput, SdkError<CreateTableError>> {
        let mut request = self
            .dynamodb()
            .create_table()
            .table_name(&table.name)
            .billing_mode(BillingMode::PayPerRequest);
        for (key, role) in
            [(&table.partition_key, KeyType::Hash), (&table.sort_key, KeyType::Range)]
        {
            request = request
                .attribute_definitions(attribute(key.name, &key.kind)?)
                .key_schema(key_element(key.name, role)?);
        }
        for index in &table.indexes {
            let built = GlobalSecondaryIndex::builder()
                .index_name(&index.name)
                .key_schema(key_element(&index.partition_key, KeyType::Hash)?)
                .key_schema(key_element(index.sort_key, KeyType::Range)?)
                .projection(whole_items());
            request = request
                .attribute_definitions(attribute(&index.partition_key, &ScalarAttributeType::S)?)
                .global_secondary_indexes(built.build()?);
        }
        if table.has_stream {
            let stream = StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage);
            request = request.stream_specification(stream.build()?);
        }
        request.send().await
    }

    async fn wait_until_active(&self, table: &TableDefinition) -> Result<()> {
        const POLL: Duration = Duration::from_millis(500);
        const POLLS: u32 = 240;
        let what = format!("waiting for table {}", table.name);
        for _ in 0..POLLS {
            let described = self.dynamodb().describe_table().table_name(&table.name).send().await;
            let described = described.map_err(|error| self.failed(&what, &table.name, error))?;
            let found = described.table();
            if let Some(found) = found {
                table.check(found)?;
            }
            if found.and_then(|found| found.table_status()) == Some(&TableStatus::Active) {
                return Ok(());
            }
            self.options().clock.sleep(POLL).await;
        }
        Err(Error::DeadlineExceeded { what, waited: POLL * POLLS })
    }

    async fn set_up_recovery_and_expiry(&self, table: &TableDefinition) -> Result<()> {
        let what = format!("setting up table {}", table.name);
        let recovery = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(true)
            .build()
            .map_err(|error| Error::Backend { what: what.clone(), source: error.into() })?;
        let set = self
            .dynamodb()
            .update_continuous_backups()
            .table_name(&table.name)
            .point_in_time_recovery_specification(recovery)
            .send()
            .await;
        match set {
            Err(error) if !has_no_such_operation(&error) => {
                return Err(self.failed(&what, &table.name, error));
            }
            _ => {}
        }
        let Some(attribute) = table.expires_by else { return Ok(()) };
        let expiry = TimeToLiveSpecification::builder()
            .enabled(true)
            .attribute_name(attribute)
            .build()
            .map_err(|error| Error::Backend { what: what.clone(), source: error.into() })?;
        let set = self
            .dynamodb()
            .update_time_to_live()
            .table_name(&table.name)
            .time_to_live_specification(expiry)
            .send()
            .await;
        match set {
            Ok(_) => Ok(()),
            // DynamoDB refuses what is set already.
            Err(error) if is_set_already(&error) => Ok(()),
            Err(error) => Err(self.failed(&what, &table.name, error)),
        }
    }
}

pub(crate) fn attribute(
    name: &str,
    kind: &ScalarAttributeType,
) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind.clone()).build()
}

pub(crate) fn key_element(name: &str, role: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(role).build()
}

/// An index has all attributes, so that a listing is one request.
pub(crate) fn whole_items() -> Projection {
    Projection::builder().projection_type(ProjectionType::All).build()
}

/// Local servers know no backups.
fn has_no_such_operation<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code == Some("UnknownOperationException")
}

fn is_set_already<R>(error: &SdkError<UpdateTimeToLiveError, R>) -> bool {
    let message = error.as_service_error().and_then(|refusal| refusal.message());
    message.is_some_and(|message| message.contains("already enabled"))
}

impl TableDefinition {
    /// Refuses a table that has this one's name and another key.
    fn check(&self, found: &aws_sdk_dynamodb::types::TableDescription) -> Result<()> {
        let keys = [(&self.partition_key, KeyType::Hash), (&self.sort_key, KeyType::Range)];
        let fits = keys.iter().all(|(key, role)| {
            let in_key = found
                .key_schema()
                .iter()
                .any(|element| element.attribute_name() == key.name && element.key_type() == role);
            let of_kind = found.attribute_definitions().iter().any(|attribute| {
                attribute.attribute_name() == key.name && *attribute.attribute_type() == key.kind
            });
            in_key && of_kind
        });
        if fits && found.key_schema().len() == keys.len() {
            return Ok(());
        }
        Err(Error::Misuse(format!(
            "table {} is not of this framework: its key is not {} and {}",
            self.name, self.partition_key.name, self.sort_key.name
        )))
    }
}
