//! The store: its clients and what its parts share.

use std::fmt;
use std::sync::Arc;

use es_aws::Endpoint;
use es_core::Result;

use crate::event_log::OutOfOrderIds;
use crate::feed::FeedState;
use crate::metering::{Metering, metered};
use crate::options::DynamoOptions;
use crate::progress::KnownBooks;
use crate::tables::TableNames;
use crate::views::{ExpiringViews, KnownPointers, OpenedViews};

/// The service's name, for errors.
pub(crate) const SERVICE: &str = "DynamoDB";

/// Log, feed, snapshots, progress, views, leases, deadlines and idempotency records in DynamoDB tables. Cloning is
/// cheap, and clones share everything.
#[derive(Clone)]
pub struct DynamoStore {
    shared: Arc<Shared>,
}

struct Shared {
    clients: Clients,
    tables: TableNames,
    feed: FeedState,
    options: DynamoOptions,
    out_of_order_ids: OutOfOrderIds,
    known_books: KnownBooks,
    known_pointers: KnownPointers,
    expiring_views: ExpiringViews,
    opened_views: OpenedViews,
    only_reads_views: bool,
}

/// How to talk to the service.
#[derive(Clone)]
struct Clients {
    dynamodb: aws_sdk_dynamodb::Client,
    streams: aws_sdk_dynamodbstreams::Client,
    /// Where requests went, for errors.
    endpoint: Endpoint,
}

impl DynamoStore {
    /// How to connect to the tables whose names begin with `prefix`.
    pub fn builder(prefix: &str) -> DynamoOptions {
        DynamoOptions::new(prefix)
    }

    pub(crate) fn new(
        options: DynamoOptions,
        dynamodb: aws_sdk_dynamodb::Client,
        streams: aws_sdk_dynamodbstreams::Client,
    ) -> Result<Self> {
        let tables = TableNames::new(&options.prefix)?;
        let metered_streams = streams.config().to_builder().interceptor(Metering).build();
        let endpoint = Endpoint::default();
        let dynamodb = dynamodb.config().to_builder().interceptor(endpoint.clone()).build();
        let clients = Clients {
            dynamodb: metered(&aws_sdk_dynamodb::Client::from_conf(dynamodb)),
            streams: aws_sdk_dynamodbstreams::Client::from_conf(metered_streams),
            endpoint,
        };
        Ok(Self::that_knows_nothing(clients, tables, options, false))
    }

    /// Another store with the same clients and options, which knows nothing yet, and only reads views.
    pub(crate) fn that_reads_views(&self) -> Self {
        let Shared { clients, tables, options, .. } = &*self.shared;
        Self::that_knows_nothing(clients.clone(), tables.clone(), options.clone(), true)
    }

    fn that_knows_nothing(
        clients: Clients,
        tables: TableNames,
        options: DynamoOptions,
        only_reads_views: bool,
    ) -> Self {
        let shared = Shared {
            clients,
            tables,
            feed: FeedState::new(&options),
            options,
            out_of_order_ids: OutOfOrderIds::default(),
            known_books: KnownBooks::default(),
            known_pointers: KnownPointers::default(),
            expiring_views: ExpiringViews::default(),
            opened_views: OpenedViews::default(),
            only_reads_views,
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.shared.clients.dynamodb
    }

    pub(crate) fn streams(&self) -> &aws_sdk_dynamodbstreams::Client {
        &self.shared.clients.streams
    }

    pub(crate) fn tables(&self) -> &TableNames {
        &self.shared.tables
    }

    pub(crate) fn feed(&self) -> &FeedState {
        &self.shared.feed
    }

    pub(crate) fn options(&self) -> &DynamoOptions {
        &self.shared.options
    }

    pub(crate) fn out_of_order_ids(&self) -> &OutOfOrderIds {
        &self.shared.out_of_order_ids
    }

    pub(crate) fn known_books(&self) -> &KnownBooks {
        &self.shared.known_books
    }

    pub(crate) fn known_pointers(&self) -> &KnownPointers {
        &self.shared.known_pointers
    }

    pub(crate) fn expiring_views(&self) -> &ExpiringViews {
        &self.shared.expiring_views
    }

    pub(crate) fn opened_views(&self) -> &OpenedViews {
        &self.shared.opened_views
    }

    pub(crate) fn only_reads_views(&self) -> bool {
        self.shared.only_reads_views
    }

    /// Where requests go, for errors.
    pub(crate) fn place(&self) -> String {
        let configured = self.options().connection.endpoint_url.as_deref();
        let region = self.dynamodb().config().region();
        self.shared.clients.endpoint.place(SERVICE, configured, region)
    }
}

impl fmt::Debug for DynamoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoStore")
            .field("place", &self.place())
            .field("tables", self.tables())
            .finish_non_exhaustive()
    }
}
