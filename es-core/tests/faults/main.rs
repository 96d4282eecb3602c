//! The engine on stores that fail: what must hold whatever is lost, late, repeated or damaged, and
//! wherever the process stops. The oracle is the log itself: a state is the fold of its events, and
//! every command that was accepted is in it once.

mod catching_up;
mod crashes;
mod hostile_ids;
mod idempotent_effects;
mod injection;
mod late_checkpoints;
mod ledger;
mod lost_acknowledgements;
mod misleading_snapshots;
mod queue_injection;
mod queue_storms;
mod read_side;
mod rebuilds;
#[path = "../support/remote.rs"]
#[allow(dead_code, unreachable_pub)]
mod remote;
mod shutdown;
mod transparency;
mod two_workers;
mod two_writers;
mod unreadable_events;
