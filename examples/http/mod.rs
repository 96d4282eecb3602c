//! What the HTTP interfaces share.

mod id;
mod preconditions;
mod problem;

pub use id::Id;
pub use preconditions::{Preconditions, etag};
pub use problem::{Json, Problem};
