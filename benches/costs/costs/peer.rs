//! The same commands on dynamo-es 0.5, with the tables of its documentation.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{CqrsFramework, EventStore as _};
use dynamo_es::DynamoEventRepository;
use es_core::Cost;

use crate::AnyError;
use crate::order::{Order, OrderCommand};

type Store = PersistedEventStore<DynamoEventRepository, Order>;

/// Orders on dynamo-es.
pub struct Peer {
    framework: CqrsFramework<Order, Store>,
    store: Store,
}

impl Peer {
    /// Without snapshots, or with one every so many events.
    pub async fn new(
        client: &Client,
        name: &str,
        snapshots: Option<usize>,
    ) -> Result<Self, AnyError> {
        let (events, snapshot_table) = (format!("{name}Events"), format!("{name}Snapshots"));
        create_table(client, &events, Some("AggregateIdSequence")).await?;
        create_table(client, &snapshot_table, None).await?;
        let store = || {
            let repository = DynamoEventRepository::new(es_dynamodb::metered(client))
                .with_tables(&events, &snapshot_table);
            match snapshots {
                None => Store::new_event_store(repository),
                Some(every) => Store::new_snapshot_store(repository, every),
            }
        };
        Ok(Self { framework: CqrsFramework::new(store(), Vec::new(), ()), store: store() })
    }

    /// A command that leads to so many events.
    pub async fn note(&self, id: &str, events: usize) -> Result<Cost, AnyError> {
        let (executed, cost) =
            Cost::of(self.framework.execute(id, OrderCommand::Note(events))).await;
        executed?;
        Ok(cost)
    }

    /// What reading the state costs.
    pub async fn load(&self, id: &str) -> Result<Cost, AnyError> {
        let (loaded, cost) = Cost::of(self.store.load_aggregate(id)).await;
        loaded?;
        Ok(cost)
    }
}

async fn create_table(client: &Client, name: &str, sort_key: Option<&str>) -> Result<(), AnyError> {
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
    };
    let key =
        |name: &str, role| KeySchemaElement::builder().attribute_name(name).key_type(role).build();
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("AggregateTypeAndId", ScalarAttributeType::S)?)
        .key_schema(key("AggregateTypeAndId", KeyType::Hash)?);
    if let Some(sort_key) = sort_key {
        request = request
            .attribute_definitions(attribute(sort_key, ScalarAttributeType::N)?)
            .key_schema(key(sort_key, KeyType::Range)?);
    }
    request.send().await?;
    Ok(())
}
