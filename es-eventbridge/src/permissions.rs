//! What a program may do with a bus, as IAM policies.

use es_aws::Grant;
use es_core::Result;

use crate::options::check_name;

/// A part that a program plays, for [`iam_policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Puts events.
    Publish,
    /// [Checks](crate::EventBridgeBus::check) the rules. It reads the attributes of the queues, too, for which
    /// `sqs:GetQueueUrl` and `sqs:GetQueueAttributes` are needed on them.
    Check,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Publish, Self::Check];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Resource {
    Bus,
    Rules,
}

/// What the actions are on is as AWS
/// [has it](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html).
const GRANTS: &[Grant<Role, Resource>] = &[
    (Role::Publish, Resource::Bus, &["PutEvents"]),
    (Role::Check, Resource::Bus, &["ListRules"]),
    (Role::Check, Resource::Rules, &["ListTagsForResource", "ListTargetsByRule"]),
];

/// The permissions that these roles need on a bus, and no more, as an IAM policy in JSON, in all regions of the
/// account that the policy is in. (In China and GovCloud ARNs begin with `arn:aws-cn:` and `arn:aws-us-gov:`;
/// replace that.) Making and changing bus and rules is not among them: in production they come from the
/// [template](crate::cloudformation_template).
///
/// # Errors
///
/// [`Error::InvalidId`](es_core::Error::InvalidId) when no bus can have the name.
///
/// ```
/// use es_eventbridge::{Role, iam_policy};
///
/// let policy = iam_policy("shop", "staging-", &[Role::Publish])?;
/// assert!(policy.contains("arn:aws:events:*:*:event-bus/staging-shop"));
/// assert!(policy.contains("events:PutEvents"));
/// # Ok::<(), es_core::Error>(())
/// ```
pub fn iam_policy(bus: &str, name_prefix: &str, roles: &[Role]) -> Result<String> {
    let bus = format!("{name_prefix}{bus}");
    check_name(&bus)?;
    Ok(es_aws::iam_policy("events", GRANTS, roles, |resource| match resource {
        Resource::Bus => format!("arn:aws:events:*:*:event-bus/{bus}"),
        Resource::Rules => format!("arn:aws:events:*:*:rule/{bus}/*"),
    }))
}
