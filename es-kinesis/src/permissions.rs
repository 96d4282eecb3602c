//! What a program may do with a data stream, as IAM policies.

use es_aws::Grant;
use es_core::Result;

use crate::data_stream::check_name;

/// A part that a program plays, for [`iam_policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Publishes: a [`Publisher`](crate::Publisher).
    Publish,
    /// Reads by asking: a [`KinesisFeed`](crate::KinesisFeed).
    Consume,
    /// Reads by [enhanced fan-out](crate::KinesisFeed::fan_out), as a consumer that is registered.
    FanOut,
}

impl Role {
    /// All of them, for an application that is one program.
    pub const ALL: [Self; 3] = [Self::Publish, Self::Consume, Self::FanOut];
}

/// The permissions that these roles need, and no more, as an IAM policy in JSON: on the data stream of
/// this name, in all regions of the account that the policy is in. (In China and GovCloud ARNs begin with
/// `arn:aws-cn:` and `arn:aws-us-gov:`; replace that.)
///
/// What is not among them:
///
/// - making, changing and splitting streams: [`ensure`](crate::DataStream::ensure) is for development;
/// - registering consumers of enhanced fan-out. They come from the
///   [template](crate::cloudformation_template); a program that shall register its own needs
///   `kinesis:RegisterStreamConsumer` on the stream;
/// - the use of a KMS key of your own: who publishes needs `kms:GenerateDataKey` and who reads `kms:Decrypt`
///   ([permissions](https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html)). The key
///   that AWS manages needs none;
/// - the log, the progress, the leases and the views, which are other services': see
///   `es_dynamodb::iam_policy`.
///
/// The repository has the policy of all roles, for the stream `pharmacy-events`, as
/// `es-kinesis/iam/application.json`.
///
/// # Errors
///
/// [`Error::InvalidId`](es_core::Error::InvalidId) when no stream can have the name.
///
/// ```
/// use es_kinesis::{Role, iam_policy};
///
/// # fn main() -> es_core::Result<()> {
/// let policy = iam_policy("pharmacy-events", &[Role::Consume])?;
/// assert!(policy.contains("arn:aws:kinesis:*:*:stream/pharmacy-events"));
/// assert!(!policy.contains("PutRecords"));
/// # Ok(()) }
/// ```
pub fn iam_policy(stream: &str, roles: &[Role]) -> Result<String> {
    check_name("data stream", stream)?;
    Ok(es_aws::iam_policy("kinesis", GRANTS, roles, |resource| resource.arn(stream)))
}

/// What actions are granted on. Their names are those of the statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Resource {
    Stream,
    Consumers,
}

impl Resource {
    fn arn(self, stream: &str) -> String {
        let behind = match self {
            Self::Stream => "",
            Self::Consumers => "/consumer/*",
        };
        format!("arn:aws:kinesis:*:*:stream/{stream}{behind}")
    }
}

/// What the actions are on is as
/// [AWS has it](https://docs.aws.amazon.com/streams/latest/dev/kcl-iam-permissions.html).
const GRANTS: &[Grant<Role, Resource>] = &[
    (Role::Publish, Resource::Stream, &["ListShards", "PutRecords"]),
    (
        Role::Consume,
        Resource::Stream,
        &["DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"],
    ),
    (Role::FanOut, Resource::Stream, &["DescribeStreamSummary", "ListShards"]),
    (Role::FanOut, Resource::Consumers, &["DescribeStreamConsumer", "SubscribeToShard"]),
];
