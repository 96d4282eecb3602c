//! Rules: which events go where, and in which form.

use std::fmt;
use std::time::Duration;

use es_core::{QueueName, TopicName};

mod file;
mod invalid;

pub use invalid::{InvalidRules, RuleFault};

use crate::input::Input;
use crate::pattern::EventPattern;

/// The rules of a bus, from a rule file. They are compiled when they are parsed, and the same file is
/// [run in the process](crate::Router) and deployed to EventBridge.
///
/// ```
/// use es_routing::Rules;
///
/// let rules: Rules = r#"{
///     "rules": [{
///         "name": "orders",
///         "description": "What the order processor works on.",
///         "event_pattern": {
///             "source": ["orders"],
///             "detail-type": ["Order Created", "Order Completed"]
///         },
///         "targets": [{
///             "id": "order-processor",
///             "queue": "orders",
///             "dead_letter_queue": "orders-dead",
///             "retry_policy": { "maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 3600 }
///         }, {
///             "id": "notifier",
///             "topic": "order-news",
///             "input_transformer": {
///                 "input_paths_map": { "order": "$.detail.order_id" },
///                 "input_template": "{\"text\": \"order <order> is new\", \"rule\": <aws.events.rule-name>}"
///             }
///         }]
///     }]
/// }"#.parse()?;
/// assert_eq!(rules.iter().map(|rule| rule.targets().len()).collect::<Vec<_>>(), [2]);
/// # Ok::<(), es_routing::InvalidRules>(())
/// ```
///
/// # The form of a rule file
///
/// A JSON object with the list `rules`. Fields that are not listed here are refused.
///
/// | field of a rule | |
/// |---|---|
/// | `name` | unique; 1–64 ASCII letters, digits, `.`, `-` and `_` |
/// | `description` | up to 512 characters; can be left out |
/// | `event_pattern` | an [`EventPattern`] |
/// | `targets` | one to five |
///
/// | field of a target | |
/// |---|---|
/// | `id` | unique in the rule, of the form of a rule's name |
/// | `queue`, `topic` or `function` | one of them: the name of what the event goes to |
/// | `input`, `input_path` or `input_transformer` | the [form](Input) in which it goes; without them, as it is |
/// | `dead_letter_queue` | the queue that gets what cannot be delivered; without it, that is dropped and counted |
/// | `retry_policy` | `maximum_retry_attempts`, 0–185, and `maximum_event_age_in_seconds`, 60–86,400, both the larger one by default |
///
/// Names and ranges are those of EventBridge
/// ([rules](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html),
/// [targets](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html),
/// [retries](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html)). Queues and
/// topics are standard ones: what reaches a bus has no order that a FIFO queue could keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// The most rules of a bus, unless the account has asked for more:
    /// [EventBridge](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html).
    pub const MAX_RULES: usize = 300;

    /// Reads a rule file.
    ///
    /// # Errors
    ///
    /// [`InvalidRules`] with rule and place of the first fault.
    pub fn parse(json: &str) -> Result<Self, InvalidRules> {
        file::parse(json).map(Self)
    }

    /// The rules, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.0.iter()
    }

    /// All queues that are targets, or get what cannot be delivered, each once, by name.
    pub fn queues(&self) -> std::collections::BTreeSet<&QueueName> {
        let targets = || self.iter().flat_map(|rule| rule.targets());
        let queues = targets().filter_map(|target| match target.destination() {
            Destination::Queue(queue) => Some(queue),
            Destination::Topic(_) | Destination::Function(_) => None,
        });
        queues.chain(targets().filter_map(RuleTarget::dead_letter_queue)).collect()
    }
}

impl<'a> IntoIterator for &'a Rules {
    type Item = &'a Rule;
    type IntoIter = std::slice::Iter<'a, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::str::FromStr for Rules {
    type Err = InvalidRules;

    /// As [`Rules::parse`].
    fn from_str(json: &str) -> Result<Self, InvalidRules> {
        Self::parse(json)
    }
}

/// Which events go to which targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    name: String,
    description: Option<String>,
    pattern: EventPattern,
    targets: Vec<RuleTarget>,
}

impl Rule {
    /// The longest name of a rule or target.
    pub const MAX_NAME_LEN: usize = 64;
    /// The longest description, in characters.
    pub const MAX_DESCRIPTION_LEN: usize = 512;
    /// The most targets of a rule.
    pub const MAX_TARGETS: usize = 5;

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Which events it is for.
    pub fn pattern(&self) -> &EventPattern {
        &self.pattern
    }

    /// Where they go.
    pub fn targets(&self) -> &[RuleTarget] {
        &self.targets
    }
}

/// One target of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleTarget {
    id: String,
    destination: Destination,
    input: Input,
    dead_letter_queue: Option<QueueName>,
    retry_policy: RetryPolicy,
}

impl RuleTarget {
    /// What it is called in its rule.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where events go.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// In which form they go.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// Where those go that cannot be delivered.
    pub fn dead_letter_queue(&self) -> Option<&QueueName> {
        self.dead_letter_queue.as_ref()
    }

    /// How long it is tried.
    pub fn retry_policy(&self) -> RetryPolicy {
        self.retry_policy
    }
}

/// Where the events of a target go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Destination {
    /// A queue.
    Queue(QueueName),
    /// A topic.
    Topic(TopicName),
    /// What the program has given this name: in the process any [target](crate::Target), on AWS a Lambda
    /// function, which this library does not deploy.
    Function(String),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(queue) => write!(f, "queue {queue}"),
            Self::Topic(topic) => write!(f, "topic {topic}"),
            Self::Function(name) => write!(f, "function {name}"),
        }
    }
}

/// How long a delivery is tried. It is given up by whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often it is tried again. 0 to 185; default 185.
    pub maximum_retry_attempts: u32,
    /// How old the event becomes, from when the bus took it. 60 s to 24 h in whole seconds; default 24 h.
    pub maximum_event_age: Duration,
}

impl RetryPolicy {
    /// The most retries.
    pub const MAX_RETRY_ATTEMPTS: u32 = 185;
    /// The most and the least seconds.
    pub const EVENT_AGE_SECONDS: std::ops::RangeInclusive<u32> = 60..=86_400;
}

impl Default for RetryPolicy {
    /// The longest.
    fn default() -> Self {
        let longest = Duration::from_secs((*Self::EVENT_AGE_SECONDS.end()).into());
        Self { maximum_retry_attempts: Self::MAX_RETRY_ATTEMPTS, maximum_event_age: longest }
    }
}
