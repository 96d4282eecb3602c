//! What the HTTP interfaces share.

mod client;
mod collection;
mod cors;
mod health;
mod id;
mod metrics;
mod preconditions;
mod prefer;
mod prepared;
mod problem;
mod query;
mod server;

pub use client::NoAnswer;
pub use collection::{Collection, Exchange, ReplayError};
pub use cors::cors;
pub use id::Id;
pub use metrics::Metrics;
pub use preconditions::{Preconditions, etag};
pub use prefer::PreferredWait;
pub use prepared::prepared;
pub use problem::{Json, Problem};
pub use query::Query;
pub use server::{Server, ServerArguments};
