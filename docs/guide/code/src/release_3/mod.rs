//! What release 2 did wrong, done right.

pub mod late_fees;
pub mod shelf;

pub use crate::release_2::{account, copy};
