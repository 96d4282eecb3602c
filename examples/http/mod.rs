//! What the HTTP interfaces share.

mod cors;
mod id;
mod metrics;
mod preconditions;
mod problem;
mod server;

pub use cors::cors;
pub use id::Id;
pub use metrics::Metrics;
pub use preconditions::{Preconditions, etag};
pub use problem::{Json, Problem};
pub use server::{Server, ServerArguments};
