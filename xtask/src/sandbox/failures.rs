//! Which resources of a stack could not be made, and why.

use std::fmt;

use super::requests::{elements, text_of};

/// A resource that was not made, changed or deleted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    resource: String,
    kind: String,
    status: String,
    reason: String,
}

/// Those of the last change of a stack, the first one first: others may come of it. `events` are what
/// CloudFormation tells of the stack, newest first.
pub(super) fn of_last_change(events: &str, stack: &str) -> Vec<Failure> {
    let mut failures = Vec::new();
    for event in elements(events, "member") {
        let resource = text_of(event, "LogicalResourceId");
        let kind = text_of(event, "ResourceType");
        let status = text_of(event, "ResourceStatus");
        if kind == "AWS::CloudFormation::Stack" && resource == stack {
            let begins = ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"];
            if begins.contains(&&*status) {
                // What is before it is of an earlier change.
                break;
            }
        } else if status.ends_with("_FAILED") {
            let reason = text_of(event, "ResourceStatusReason");
            failures.push(Failure { resource, kind, status, reason });
        }
    }
    failures.reverse();
    failures
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, kind, status, reason } = self;
        write!(f, "{resource} ({kind}): {status}: {reason}")
    }
}

#[cfg(test)]
mod tests;
