//! es-dynamodb.

use std::sync::Arc;

use es_benches::driver::Failure;
use es_benches::ours::Setup;
use es_benches::recorded::{Recorded, no_streams};
use es_benches::workload::Workload;
use es_core::EventStore;
use es_dynamodb::{DynamoStore, TableCreation};

pub(crate) struct Dynamo<const PER_COMMIT: usize>;

impl<const PER_COMMIT: usize> Setup for Dynamo<PER_COMMIT> {
    const PER_COMMIT: usize = PER_COMMIT;

    async fn open() -> Result<(Self, Arc<dyn EventStore>), Failure> {
        let options = DynamoStore::builder("bench-").table_creation(TableCreation::IfMissing);
        let store = options.with_clients(Recorded::new()?.client(), no_streams())?;
        store.ensure_tables().await?;
        Ok((Self, Arc::new(store)))
    }

    fn cannot(workload: Workload) -> Option<&'static str> {
        crate::only_reads(workload)
    }
}
