//! What a program may do with the tables, as IAM policies.

use es_aws::Grant;
use es_core::Result;

use crate::tables::TableNames;

/// A part that a program plays, for [`iam_policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Executes commands: appends to the log and reads it, keeps snapshots and idempotency records.
    Commands,
    /// Runs projections and policies, and operates them: follows the feed, writes views, keeps progress,
    /// dead letters, leases and deadlines. A policy executes commands, too.
    Projections,
    /// Runs projections and policies in functions, which are pushed what they handle: what [`Projections`](Self::Projections)
    /// do without following the feed. Of the events it puts, queries and gets. Who invokes a function for the records of
    /// the stream reads the stream, and is allowed that where it is set up.
    Functions,
    /// Runs policies, publishers and announcers in functions: what [`Functions`](Self::Functions) do, without views.
    Reactions,
    /// Reads views.
    Queries,
    /// Looks at projections and policies that run elsewhere, as an API does whose views functions write: makes the views
    /// readable that nobody has written yet, waits until they show a command, tells who is paused or has dead letters. It may
    /// not put documents into an index that a view lacks: a program with this role
    /// [reads views](crate::DynamoStore::reading_views).
    Progress,
}

impl Role {
    /// Those of an application that is one program, which follows the feed itself.
    pub const ALL: [Self; 3] = [Self::Commands, Self::Projections, Self::Queries];
}

/// The permissions that these roles need, and no more, as an IAM policy in JSON: the tables with this
/// prefix, in all regions of the account that the policy is in. (In China and GovCloud ARNs begin with
/// `arn:aws-cn:` and `arn:aws-us-gov:`; replace that.)
///
/// No role may update or delete an item of the log. IAM cannot tell a put that replaces an item from one
/// that does not: what keeps a commit from being replaced is the condition of each append, and whoever
/// may put items without this library could do it. Point-in-time recovery is for that.
///
/// Making tables is not among the permissions ([`ensure_tables`](crate::DynamoStore::ensure_tables) is for
/// development), and neither are those for a KMS key of your own (`kms:Decrypt`, `kms:DescribeKey` and
/// `kms:CreateGrant`, as its own policy can give them for use through DynamoDB).
///
/// The repository has the policy of all roles, for the prefix `pharmacy-`, as
/// `es-dynamodb/iam/application.json`.
///
/// # Errors
///
/// [`Error::InvalidId`](es_core::Error::InvalidId) when the prefix cannot be part of a table's name.
///
/// ```
/// use es_dynamodb::{Role, iam_policy};
///
/// # fn main() -> es_core::Result<()> {
/// let policy = iam_policy("pharmacy-", &[Role::Queries])?;
/// assert!(policy.contains("arn:aws:dynamodb:*:*:table/pharmacy-view_*"));
/// assert!(!policy.contains("PutItem"));
/// # Ok(()) }
/// ```
pub fn iam_policy(prefix: &str, roles: &[Role]) -> Result<String> {
    let names = TableNames::new(prefix)?;
    Ok(es_aws::iam_policy("dynamodb", GRANTS, roles, |resource| resource.arn(&names)))
}

/// What actions are granted on. Their names are those of the statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Resource {
    Events,
    EventsStream,
    State,
    Views,
    ViewIndexes,
}

impl Resource {
    fn arn(self, names: &TableNames) -> String {
        let table = match self {
            Self::Events => names.events.clone(),
            Self::EventsStream => format!("{}/stream/*", names.events),
            Self::State => names.state.clone(),
            Self::Views => names.any_view(),
            Self::ViewIndexes => format!("{}/index/*", names.any_view()),
        };
        format!("arn:aws:dynamodb:*:*:table/{table}")
    }
}

/// What a step of a consumer does with its progress and its dead letters.
const STEPS: &[&str] = &[
    "BatchGetItem",
    "BatchWriteItem",
    "ConditionCheckItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "UpdateItem",
];

/// A transaction needs the actions of its parts: there is none of its own.
const GRANTS: &[Grant<Role, Resource>] = &[
    (Role::Commands, Resource::Events, &["GetItem", "PutItem", "Query"]),
    (Role::Commands, Resource::State, &["DeleteItem", "GetItem", "PutItem", "UpdateItem"]),
    // Dead letters that no item has room for have their content where the log has that of such commits.
    (Role::Projections, Resource::Events, &["DescribeTable", "PutItem", "Query", "Scan"]),
    (
        Role::Projections,
        Resource::EventsStream,
        &["DescribeStream", "GetRecords", "GetShardIterator"],
    ),
    (Role::Projections, Resource::State, STEPS),
    (
        Role::Projections,
        Resource::Views,
        &[
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "DescribeTable",
            "PutItem",
            "Query",
            "UpdateItem",
        ],
    ),
    (Role::Projections, Resource::ViewIndexes, &["Query"]),
    (Role::Reactions, Resource::Events, &["GetItem", "PutItem", "Query"]),
    (Role::Reactions, Resource::State, STEPS),
    (Role::Functions, Resource::Events, &["GetItem", "PutItem", "Query"]),
    (Role::Functions, Resource::State, STEPS),
    (
        Role::Functions,
        Resource::Views,
        // Of the first invocation on a new view: whether it has its indexes.
        &[
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "DescribeTable",
            "PutItem",
            "Query",
            "UpdateItem",
        ],
    ),
    (Role::Functions, Resource::ViewIndexes, &["Query"]),
    (Role::Queries, Resource::State, &["GetItem"]),
    (Role::Queries, Resource::Views, &["BatchGetItem", "Query"]),
    (Role::Queries, Resource::ViewIndexes, &["Query"]),
    (Role::Progress, Resource::State, &["BatchGetItem", "GetItem", "PutItem", "Query"]),
    (Role::Progress, Resource::Views, &["DescribeTable"]),
];
