//! What the AWS backends of [`es_core`] share. Applications use it through them.
//!
//! | module | is about |
//! |---|---|
//! | `connection` | [`Connection`]: region, profile, endpoint and credentials |
//! | `endpoint` | [`Endpoint`]: where requests go, for errors |
//! | `errors` | [`Attempt`], [`Refusal`]: what AWS's errors become |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod connection;
mod endpoint;
mod errors;

pub use connection::Connection;
pub use endpoint::Endpoint;
pub use errors::{Attempt, Refusal};
