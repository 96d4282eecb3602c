//! What the HTTP interfaces share.

mod preconditions;
mod problem;

pub use preconditions::{Preconditions, etag};
pub use problem::{Json, Problem};
