//! What DynamoDB's errors become.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use es_aws::{Attempt, Refusal};
use es_core::Error;

use crate::store::DynamoStore;
use crate::tables::TableNames;

/// Codes of refusals that pass: see "Error handling with DynamoDB" in its developer guide.
const PASSING: [&str; 12] = [
    "InternalFailure",
    "InternalServerError",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ThrottlingException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Why an item of a transaction is refused that will be refused again.
const LASTING: [&str; 3] = ["ValidationError", "ItemCollectionSizeLimitExceeded", "DuplicateItem"];

impl DynamoStore {
    /// The error of a request about `what`, as in "appending to order:1", to `table`.
    pub(crate) fn failed<E, R>(&self, what: &str, table: &str, error: SdkError<E, R>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let (place, connection) = (&self.place(), &self.options().connection);
        Attempt { what, place, connection }.failed(error, passes, |refusal| {
            (refusal.code == "ResourceNotFoundException").then(|| {
                let what_makes_it = self.tables().what_makes(table);
                format!(
                    "there is no table {table} at {place}: {what_makes_it} makes it, or the \
                     CloudFormation template; check prefix, region and endpoint, too"
                )
            })
        })
    }
}

/// Whether the same request may be taken later.
fn passes(refusal: &Refusal) -> bool {
    // The message of a cancelled transaction lists why each of its items was refused.
    let lasts = || LASTING.iter().any(|reason| refusal.message.contains(reason));
    let is_transaction = refusal.code == "TransactionCanceledException";
    PASSING.contains(&&*refusal.code) && !(is_transaction && lasts())
}

impl TableNames {
    /// What makes the table in a development environment.
    fn what_makes(&self, table: &str) -> &'static str {
        if table == self.events || table == self.state {
            "DynamoStore::ensure_tables"
        } else {
            "preparing the view with TableCreation::IfMissing"
        }
    }
}
