//! What the ids of commits and commands are derived from. They are the same for the same cause, wherever and
//! whenever they are derived.

use crate::commit::CommitId;
use crate::repository::IdempotencyKey;
use crate::version::Version;

use super::CommandId;

/// Of the commit in which an event is received.
pub(super) fn receipt_of(commit: CommitId, version: Version) -> IdempotencyKey {
    IdempotencyKey::of_policy(format!("event/{commit}/{version}"))
}

/// Of the commit in which the deadline passes that was set in `set_by`.
pub(super) fn passing_of(set_by: CommitId, deadline: &str) -> IdempotencyKey {
    IdempotencyKey::of_policy(format!("deadline/{set_by}/{deadline}"))
}

/// Of the commit in which the outcome of an attempt is written. A success and a failure have the same, so
/// that one of them stands.
pub(super) fn outcome_of(command: CommandId, attempt: u32) -> IdempotencyKey {
    IdempotencyKey::of_policy(format!("outcome/{command}/{attempt}"))
}

/// Of the commit in which is written that a command succeeded after all, when its failure was written before.
pub(super) fn late_success_of(command: CommandId) -> IdempotencyKey {
    IdempotencyKey::of_policy(format!("late/{command}"))
}

/// Of the commit in which an operator does something about a command that was parked after `attempt`.
pub(super) fn intervention_on(command: CommandId, attempt: u32) -> IdempotencyKey {
    IdempotencyKey::of_policy(format!("operator/{command}/{attempt}"))
}

/// Of the commit in which an operator ends the process.
pub(super) fn cancellation() -> IdempotencyKey {
    IdempotencyKey::of_policy("operator/cancel".to_owned())
}

/// Of the commit in which an operator turns a saga back.
pub(super) fn turning_back() -> IdempotencyKey {
    IdempotencyKey::of_policy("operator/turn-back".to_owned())
}

/// Of the effect of a command, however often it is tried.
pub(super) fn effect_of(process: &str, command: CommandId) -> IdempotencyKey {
    IdempotencyKey::of_policy(format!("{process}/{command}"))
}
