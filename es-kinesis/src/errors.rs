//! What the errors of Kinesis become.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use es_aws::{Attempt, Refusal};
use es_core::Error;

use crate::data_stream::DataStream;

/// Codes of refusals that pass: see the errors of
/// [each operation](https://docs.aws.amazon.com/kinesis/latest/APIReference/API_Operations.html).
/// `ResourceInUseException`: the stream is being changed, or its shard is read by another subscription.
const PASSING: [&str; 9] = [
    "InternalFailure",
    "InternalFailureException",
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ResourceInUseException",
    "ServiceUnavailable",
    "ThrottlingException",
];

impl DataStream {
    /// The error of a request about `what`, as in "reading shard shardId-000000000000".
    pub(crate) fn failed<E, R>(&self, what: &str, error: SdkError<E, R>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let (place, connection) = (&self.place(), self.connection());
        let passes = |refusal: &Refusal| PASSING.contains(&&*refusal.code);
        Attempt { what, place, connection }.failed(error, passes, |refusal| {
            (refusal.code == "ResourceNotFoundException").then(|| {
                let name = self.name();
                format!(
                    "there is no data stream {name} at {place}: DataStream::ensure makes it, or the \
                     CloudFormation template; check name, region and endpoint, too"
                )
            })
        })
    }
}
