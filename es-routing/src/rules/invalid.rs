//! What is wrong with a rule file.

use super::{RetryPolicy, Rule, Rules};
use crate::input::InvalidInput;
use crate::pattern::InvalidPattern;

/// A rule file that is not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}{fault}", place(.rule.as_deref(), .target.as_deref()))]
#[non_exhaustive]
pub struct InvalidRules {
    /// The rule: its name, or where it has none that can be said, its place as `#3`; none for the file.
    pub rule: Option<String>,
    /// The target of the rule that it is about: its id, or its place as `#3`.
    pub target: Option<String>,
    /// What is wrong.
    pub fault: RuleFault,
}

fn place(rule: Option<&str>, target: Option<&str>) -> String {
    match (rule, target) {
        (Some(rule), Some(target)) => format!("rule {rule}, target {target}: "),
        (Some(rule), None) => format!("rule {rule}: "),
        _ => String::new(),
    }
}

/// What is wrong with a rule file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleFault {
    /// It has not the form of a rule file.
    #[error("it is not a rule file: {0}")]
    Format(String),
    /// It is larger than any rule file.
    #[error("it has {actual} bytes, over the limit of {limit}")]
    FileTooLarge {
        /// Its size.
        actual: usize,
        /// The most.
        limit: usize,
    },
    /// It has too many rules.
    #[error("it has {0} rules, over the limit of {limit}", limit = Rules::MAX_RULES)]
    TooManyRules(usize),
    /// A name has another form.
    #[error(
        "the {what} {value:?} has not 1 to {limit} ASCII letters, digits, '.', '-' and '_'",
        limit = Rule::MAX_NAME_LEN
    )]
    Name {
        /// The name of a rule, or the id of a target.
        what: &'static str,
        /// The name, cut after 64 bytes.
        value: String,
    },
    /// There are two of this name.
    #[error("there are two of this name")]
    Twice,
    /// The description is too long.
    #[error("its description has more than {limit} characters", limit = Rule::MAX_DESCRIPTION_LEN)]
    Description,
    /// The pattern cannot be compiled.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// The rule has no targets, or too many.
    #[error("it has {0} targets, and may have 1 to {limit}", limit = Rule::MAX_TARGETS)]
    Targets(usize),
    /// A target goes nowhere, or to two things.
    #[error("a target has a queue, a topic or a function, and one of them")]
    Destination,
    /// The name of a queue or topic is none.
    #[error("{0}")]
    DestinationName(String),
    /// A FIFO queue or topic.
    #[error("{0} is FIFO, and what comes from a bus has no order: use a standard one")]
    Fifo(String),
    /// Retries are out of range.
    #[error(
        "a retry policy has 0 to {most} retries, and an age of {least} to {longest} seconds",
        most = RetryPolicy::MAX_RETRY_ATTEMPTS,
        least = RetryPolicy::EVENT_AGE_SECONDS.start(),
        longest = RetryPolicy::EVENT_AGE_SECONDS.end()
    )]
    RetryPolicy,
    /// The form of what goes to the target cannot be made.
    #[error(transparent)]
    Input(#[from] InvalidInput),
}
