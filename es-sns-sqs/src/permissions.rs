//! What a program may do with queues and topics, as IAM policies.

use es_core::{QueueName, Result, TopicName, Topology};
use serde_json::{Value, json};

/// A part that a program plays, for [`iam_policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Publishes to the topics, and sends to the queues that are not for dead letters.
    Publish,
    /// Receives from the queues that are not for dead letters, and acknowledges. Sends to those that are: a
    /// consumer writes its [own](es_core::QueueConsumer::dead_letters_to).
    Consume,
    /// Looks at dead letters, moves them back, purges queues.
    Operate,
}

impl Role {
    /// All of them, for an application that is one program.
    pub const ALL: [Self; 3] = [Self::Publish, Self::Consume, Self::Operate];
}

/// The permissions that these roles need, and no more, as an IAM policy in JSON: on the queues and topics of the
/// topology, whose names begin with `name_prefix`, in all regions of the account that the policy is in. (In
/// China and GovCloud ARNs begin with `arn:aws-cn:` and `arn:aws-us-gov:`; replace that.)
///
/// A publisher may list the topics of the account, to find the ARN of one:
/// [`SnsOptions::account`](crate::SnsOptions::account) makes that needless, and `sns:ListTopics` can be taken
/// out.
///
/// Queues are for dead letters as [`Topology::dead_letter_queues`] says: one that only consumers send to has to
/// be [said to be](es_core::TopologyBuilder::dead_letter_queue) one.
///
/// What is not among them:
///
/// - making and changing queues, topics and subscriptions: [`Topology::ensure`] is for development, and in
///   production they come from the [template](crate::cloudformation_template);
/// - the use of a KMS key of your own: who sends needs `kms:GenerateDataKey` and `kms:Decrypt`, and who
///   receives `kms:Decrypt`
///   ([SQS](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html)).
///
/// # Errors
///
/// [`Error::InvalidId`](es_core::Error::InvalidId) when a name is too long with the prefix, or the prefix
/// has characters that no queue can have.
///
/// ```
/// use es_core::{QueueName, QueueOptions, Topology};
/// use es_sns_sqs::{Role, iam_policy};
///
/// # fn main() -> es_core::Result<()> {
/// let billing = QueueName::new("billing")?;
/// let topology = Topology::builder().queue(&billing, QueueOptions::default()).build()?;
/// let policy = iam_policy(&topology, "staging-", &[Role::Consume])?;
/// assert!(policy.contains("arn:aws:sqs:*:*:staging-billing"));
/// assert!(!policy.contains("sqs:SendMessage"));
/// # Ok(()) }
/// ```
pub fn iam_policy(topology: &Topology, name_prefix: &str, roles: &[Role]) -> Result<String> {
    let names = Names::of(topology, name_prefix)?;
    let statements: Vec<Value> = GRANTS
        .iter()
        .filter(|grant| roles.contains(&grant.role))
        .filter_map(|grant| grant.statement(&names))
        .collect();
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    Ok(format!("{policy:#}\n"))
}

/// What queues and topics are called in the account.
struct Names {
    queues: Vec<String>,
    dead_letter_queues: Vec<String>,
    topics: Vec<String>,
}

impl Names {
    fn of(topology: &Topology, prefix: &str) -> Result<Self> {
        let dead = topology.dead_letter_queues();
        let (mut queues, mut dead_letter_queues) = (Vec::new(), Vec::new());
        for (queue, _) in topology.queues() {
            let name = QueueName::new(&format!("{prefix}{queue}"))?;
            let of_its_kind =
                if dead.contains(queue) { &mut dead_letter_queues } else { &mut queues };
            of_its_kind.push(format!("arn:aws:sqs:*:*:{name}"));
        }
        let topic = |topic: &TopicName| {
            let name = TopicName::new(&format!("{prefix}{topic}"))?;
            Ok(format!("arn:aws:sns:*:*:{name}"))
        };
        let topics = topology.topics().map(topic).collect::<Result<_>>()?;
        Ok(Self { queues, dead_letter_queues, topics })
    }
}

/// What actions are granted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// Those that are not for dead letters.
    Queues,
    DeadLetterQueues,
    AllQueues,
    Topics,
    Anything,
}

struct Grant {
    role: Role,
    on: On,
    actions: &'static [&'static str],
}

impl Grant {
    /// `None` when there is nothing that it could be on.
    fn statement(&self, names: &Names) -> Option<Value> {
        let Names { queues, dead_letter_queues, topics } = names;
        let resources: Vec<&str> = match self.on {
            On::Queues => queues.iter().map(String::as_str).collect(),
            On::DeadLetterQueues => dead_letter_queues.iter().map(String::as_str).collect(),
            On::AllQueues => queues.iter().chain(dead_letter_queues).map(String::as_str).collect(),
            On::Topics => topics.iter().map(String::as_str).collect(),
            On::Anything if topics.is_empty() => Vec::new(),
            On::Anything => vec!["*"],
        };
        let Self { role, on, actions } = self;
        (!resources.is_empty()).then(|| {
            json!({
                "Sid": format!("{role:?}{on:?}"),
                "Effect": "Allow",
                "Action": actions,
                "Resource": resources,
            })
        })
    }
}

/// What the actions are on is as AWS has it for
/// [SQS](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html) and
/// [SNS](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html). Batches
/// need the permission of what is in them.
const GRANTS: &[Grant] = &[
    Grant { role: Role::Publish, on: On::Topics, actions: &["sns:Publish"] },
    Grant { role: Role::Publish, on: On::Anything, actions: &["sns:ListTopics"] },
    Grant {
        role: Role::Publish,
        on: On::Queues,
        actions: &["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
    },
    Grant {
        role: Role::Consume,
        on: On::Queues,
        actions: &[
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:ReceiveMessage",
        ],
    },
    Grant {
        role: Role::Consume,
        on: On::DeadLetterQueues,
        actions: &["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
    },
    Grant {
        role: Role::Operate,
        on: On::AllQueues,
        actions: &[
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:PurgeQueue",
            "sqs:SendMessage",
        ],
    },
    Grant {
        role: Role::Operate,
        on: On::DeadLetterQueues,
        actions: &[
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:ListMessageMoveTasks",
            "sqs:ReceiveMessage",
            "sqs:StartMessageMoveTask",
        ],
    },
];
