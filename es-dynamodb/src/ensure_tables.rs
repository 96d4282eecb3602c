//! Making the tables, for development and tests.

use std::time::Duration;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, Projection, ProjectionType, ScalarAttributeType,
    SseSpecification, SseType, StreamSpecification, StreamViewType, TableDescription, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use es_core::{Error, Result};

use crate::store::DynamoStore;
use crate::tables::{IndexDefinition, TableDefinition};

/// How often a table that is being made is looked at, and how many times.
const POLL: Duration = Duration::from_millis(500);
const POLLS: u32 = 240;

impl DynamoStore {
    /// Makes the tables of the log and of the state that are missing, with on-demand billing, the stream
    /// that the feed reads, point-in-time recovery, [encryption](crate::DynamoOptions::encryption_key),
    /// and time to live where records expire; returns when they can be used. Tables of views are made
    /// when the views are [prepared](crate::TableCreation::IfMissing).
    ///
    /// Calling it again changes nothing, and several programs may call it at once. For development and
    /// tests. In production the same tables come from the
    /// [CloudFormation template](crate::cloudformation_template).
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when there is a table of that name with another layout: it says what differs,
    /// and the table is left alone. [`Error::DeadlineExceeded`] when a table is not ready after two
    /// minutes; [`Error::Unavailable`], [`Error::Backend`].
    pub async fn ensure_tables(&self) -> Result<()> {
        let (events, state) = (self.tables().events_definition(), self.tables().state_definition());
        futures::try_join!(self.ensure_table(&events), self.ensure_table(&state))?;
        Ok(())
    }

    /// Makes one table, unless it is there, and waits until it can be used.
    pub(crate) async fn ensure_table(&self, table: &TableDefinition) -> Result<()> {
        if self.describe_table(table).await?.is_none() {
            self.create_table(table).await?;
        }
        self.wait_until_active(table).await?;
        self.enable_recovery(table).await?;
        match table.expires_by {
            Some(attribute) => self.enable_expiry(table, attribute).await,
            None => Ok(()),
        }
    }

    /// The table as it is; `None` when there is none.
    pub(crate) async fn describe_table(
        &self,
        table: &TableDefinition,
    ) -> Result<Option<TableDescription>> {
        match self.dynamodb().describe_table().table_name(&table.name).send().await {
            Ok(described) => Ok(described.table),
            Err(error) if is(&error, "ResourceNotFoundException") => Ok(None),
            Err(error) => {
                Err(self.failed(&format!("looking at table {}", table.name), &table.name, error))
            }
        }
    }

    async fn create_table(&self, table: &TableDefinition) -> Result<()> {
        let what = format!("creating table {}", table.name);
        let request = self
            .creation(table)
            .map_err(|error| Error::Backend { what: what.clone(), source: error.into() })?;
        match request.send().await {
            Ok(_) => Ok(()),
            // Somebody else was faster.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateTableError::is_resource_in_use_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(self.failed(&what, &table.name, error)),
        }
    }

    fn creation(&self, table: &TableDefinition) -> Result<CreateTableFluentBuilder, BuildError> {
        let mut request = self
            .dynamodb()
            .create_table()
            .table_name(&table.name)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key_element(table.partition_key.name, KeyType::Hash)?)
            .key_schema(key_element(table.sort_key.name, KeyType::Range)?);
        for (name, kind) in table.key_attributes() {
            request = request.attribute_definitions(attribute(name, kind)?);
        }
        for index in &table.indexes {
            request = request.global_secondary_indexes(creation_of_index(index)?);
        }
        if table.has_stream {
            let stream = StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage);
            request = request.stream_specification(stream.build()?);
        }
        if let Some(key) = &self.options().encryption_key {
            let encryption = SseSpecification::builder().enabled(true).sse_type(SseType::Kms);
            request = request.sse_specification(encryption.kms_master_key_id(key).build());
        }
        Ok(request)
    }

    async fn wait_until_active(&self, table: &TableDefinition) -> Result<()> {
        for _ in 0..POLLS {
            // A table that was made just now may not be seen yet.
            if let Some(found) = self.describe_table(table).await? {
                table.check(&found)?;
                if found.table_status() == Some(&TableStatus::Active) {
                    return Ok(());
                }
            }
            self.options().clock.sleep(POLL).await;
        }
        let what = format!("making table {}", table.name);
        Err(Error::DeadlineExceeded { what, waited: POLL * POLLS })
    }

    async fn enable_recovery(&self, table: &TableDefinition) -> Result<()> {
        let what = format!("setting up point-in-time recovery of table {}", table.name);
        let recovery = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(true)
            .build()
            .map_err(|error| Error::Backend { what: what.clone(), source: error.into() })?;
        for _ in 0..POLLS {
            let set = self
                .dynamodb()
                .update_continuous_backups()
                .table_name(&table.name)
                .point_in_time_recovery_specification(recovery.clone())
                .send()
                .await;
            match set {
                Ok(_) => return Ok(()),
                // Some local servers know no backups.
                Err(error) if is(&error, "UnknownOperationException") => return Ok(()),
                // For a while after a table was made: its backups are still being enabled.
                Err(error) if is(&error, "ContinuousBackupsUnavailableException") => {}
                Err(error) => return Err(self.failed(&what, &table.name, error)),
            }
            self.options().clock.sleep(POLL).await;
        }
        Err(Error::DeadlineExceeded { what, waited: POLL * POLLS })
    }

    async fn enable_expiry(&self, table: &TableDefinition, attribute: &str) -> Result<()> {
        if self.expires(table, attribute).await? {
            return Ok(());
        }
        let what = format!("setting up the time to live of table {}", table.name);
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
            // DynamoDB refuses to set what somebody else has just set.
            Err(_) if self.expires(table, attribute).await? => Ok(()),
            Err(error) => Err(self.failed(&what, &table.name, error)),
        }
    }

    /// Whether time to live is on, or going on, by this attribute.
    async fn expires(&self, table: &TableDefinition, attribute: &str) -> Result<bool> {
        let described =
            self.dynamodb().describe_time_to_live().table_name(&table.name).send().await;
        let described = described.map_err(|error| {
            let what = format!("looking at the time to live of table {}", table.name);
            self.failed(&what, &table.name, error)
        })?;
        let Some(expiry) = described.time_to_live_description() else { return Ok(false) };
        let on = matches!(
            expiry.time_to_live_status(),
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
        );
        match expiry.attribute_name() {
            Some(other) if on && other != attribute => Err(Error::Misuse(format!(
                "table {} has another layout: its time to live goes by {other}, not by {attribute}",
                table.name
            ))),
            _ => Ok(on),
        }
    }
}

fn creation_of_index(index: &IndexDefinition) -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .key_schema(key_element(&index.partition_key, KeyType::Hash)?)
        .key_schema(key_element(index.sort_key, KeyType::Range)?)
        .projection(whole_items())
        .build()
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

/// Whether the service refused with this code.
pub(crate) fn is<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, code: &str) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(code)
}

impl TableDefinition {
    /// All attributes that are part of a key, each once.
    pub(crate) fn key_attributes(&self) -> impl Iterator<Item = (&str, &ScalarAttributeType)> {
        let own = [&self.partition_key, &self.sort_key];
        let own = own.into_iter().map(|key| (key.name, &key.kind));
        // The sort key of an index is one of the table's own.
        let of_indexes = self.indexes.iter().map(|index| index.partition_key.as_str());
        own.chain(of_indexes.map(|name| (name, &ScalarAttributeType::S)))
    }
}
