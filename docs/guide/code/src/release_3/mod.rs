//! What release 2 did wrong, done right, and books by post.

pub mod late_fees;
pub mod parcel;
pub mod purse;
pub mod sending;
pub mod shelf;

pub use crate::release_2::{account, copy};
