//! dynamo-es, with the table of its documentation.

use cqrs_es::persist::PersistedEventStore;
use dynamo_es::DynamoEventRepository;
use es_benches::driver::Failure;
use es_benches::recorded::Recorded;
use es_benches::workload::Workload;

use crate::domain::CqrsOrder;
use crate::framework::Opened;

pub(crate) struct Dynamo(Recorded);

impl Opened for Dynamo {
    type Store = PersistedEventStore<DynamoEventRepository, CqrsOrder>;

    async fn open() -> Result<Self, Failure> {
        let recorded = Recorded::new()?;
        recorded.create_table("Events", "AggregateTypeAndId", Some("AggregateIdSequence")).await?;
        Ok(Self(recorded))
    }

    fn store(&self) -> Self::Store {
        PersistedEventStore::new_event_store(DynamoEventRepository::new(self.0.client()))
    }

    fn cannot(workload: Workload) -> Option<&'static str> {
        if workload == Workload::ReplayOne {
            // `query_events` of its event_repository.rs never looks at `LastEvaluatedKey`.
            return Some(
                "it asks for one page, of 1 MB, and loses what a longer stream has behind it",
            );
        }
        crate::only_reads(workload)
    }
}
