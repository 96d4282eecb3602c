//! event-store-adapter-rs, with the three tables that it wants.

use aws_sdk_dynamodb::Client;
use aws_smithy_async::rt::sleep::TokioSleep;
use es_benches::driver::Failure;
use es_benches::order::{Order, OrderEvent};
use es_benches::recorded::Recorded;
use es_benches::workload::Workload;
use event_store_adapter_rs::{DynamoDbOptions, DynamoDbTables, EventStoreForDynamoDB};

use crate::adapter::{Opened, OrderId};

pub(crate) struct Dynamo(EventStoreForDynamoDB<OrderId, Order, OrderEvent>);

impl Opened for Dynamo {
    type Store = EventStoreForDynamoDB<OrderId, Order, OrderEvent>;

    async fn open() -> Result<Self, Failure> {
        let recorded = Recorded::new()?;
        recorded.create_table("journal", "aid", Some("seq_nr")).await?;
        recorded.create_table("snapshot", "aid", Some("skey")).await?;
        recorded.create_table("head", "aid", None).await?;
        let tables = DynamoDbTables {
            journal_table_name: "journal".to_owned(),
            snapshot_table_name: "snapshot".to_owned(),
            head_table_name: "head".to_owned(),
            // Nothing takes a snapshot, so that none is looked for by it.
            snapshot_history_index_name: "history".to_owned(),
        };
        let options = DynamoDbOptions::default();
        // It asks for what its own retries would wait with.
        let config = recorded.client().config().to_builder();
        let client = Client::from_conf(config.sleep_impl(TokioSleep::new()).build());
        Ok(Self(EventStoreForDynamoDB::open(client, tables, options).await?))
    }

    fn store(&self) -> &Self::Store {
        &self.0
    }

    fn cannot(workload: Workload) -> Option<&'static str> {
        crate::only_reads(workload)
    }
}
