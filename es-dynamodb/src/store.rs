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
    dynamodb: aws_sdk_dynamodb::Client,
    streams: aws_sdk_dynamodbstreams::Client,
    endpoint: Endpoint,
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
        let shared = Shared {
            dynamodb: metered(&aws_sdk_dynamodb::Client::from_conf(dynamodb)),
            streams: aws_sdk_dynamodbstreams::Client::from_conf(metered_streams),
            endpoint,
            tables,
            feed: FeedState::new(&options),
            options,
            out_of_order_ids: OutOfOrderIds::default(),
            known_books: KnownBooks::default(),
            known_pointers: KnownPointers::default(),
            expiring_views: ExpiringViews::default(),
            opened_views: OpenedViews::default(),
            only_reads_views: false,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Another store with the same clients and options, which knows nothing yet, and only reads views.
    pub(crate) fn that_reads_views(&self) -> Self {
        let of = &*self.shared;
        let shared = Shared {
            dynamodb: of.dynamodb.clone(),
            streams: of.streams.clone(),
            endpoint: of.endpoint.clone(),
            tables: of.tables.clone(),
            feed: FeedState::new(&of.options),
            options: of.options.clone(),
            out_of_order_ids: OutOfOrderIds::default(),
            known_books: KnownBooks::default(),
            known_pointers: KnownPointers::default(),
            expiring_views: ExpiringViews::default(),
            opened_views: OpenedViews::default(),
            only_reads_views: true,
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.shared.dynamodb
    }

    pub(crate) fn streams(&self) -> &aws_sdk_dynamodbstreams::Client {
        &self.shared.streams
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
        self.shared.endpoint.place(SERVICE, configured, region)
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
