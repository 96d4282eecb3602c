//! What the AWS backends of [`es_core`] share. Applications use it through them.
//!
//! | module | is about |
//! |---|---|
//! | `connection` | [`Connection`]: region, profile, endpoint and credentials |
//! | `endpoint` | [`Endpoint`]: where requests go, for errors |
//! | `errors` | [`Attempt`], [`Refusal`]: what AWS's errors become |
//! | `permissions` | [`iam_policy`]: what a program may do |
//! | `policy_limits` | [`PolicyLimit`], [`QueuePolicyTooLarge`]: how much a queue's policy can say |
//! | `queue_policy` | [`QueuePolicy`]: what a queue lets send to it |
//! | `requests` | [`Requests`]: how many were made |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod connection;
mod endpoint;
mod errors;
mod permissions;
mod policy_limits;
mod queue_policy;
mod requests;

pub use connection::Connection;
pub use endpoint::Endpoint;
pub use errors::{Attempt, Refusal};
pub use permissions::{Grant, iam_policy};
pub use policy_limits::{PolicyLimit, QueuePolicyTooLarge};
pub use queue_policy::{OwnStatement, QueuePolicy, letting_in};
pub use requests::{Requests, is_sent_again};
