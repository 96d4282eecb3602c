//! One CloudFormation template for a whole event-sourced system.
//!
//! The backends render templates of what they need: tables, data streams, queues and topics, a bus with its rules. A
//! [`Stack`] takes them over, encrypts everything with one key of its own, and adds what runs there: functions with
//! the permissions that they need and no more, behind queues, streams, schedules and an HTTP API, with alarms on what an
//! operator has to see, and a dashboard.
//!
//! ```
//! use std::time::Duration;
//!
//! use es_cloudformation::{Code, Function, PREFIX, Source, Stack, statements};
//! use es_dynamodb::Role;
//!
//! # fn main() -> es_core::Result<()> {
//! let mut stack = Stack::new("Pharmacy");
//! stack.take(&es_dynamodb::cloudformation_template(&[])?, &[("Prefix", PREFIX)])?;
//! let views = Function::new("views", "Brings the views up to date")
//!     .environment("TABLE_PREFIX", PREFIX)
//!     .timeout(Duration::from_secs(60))
//!     .may(statements(&es_dynamodb::iam_policy("", &[Role::Projections])?)?)
//!     .behind(Source::table_stream("EventsTable"));
//! stack.functions(&Code::folder("../../target/lambda/pharmacy"), [views])?;
//! let template = stack.render("A pharmacy");
//!
//! let mapping = &template["Resources"]["ViewsFunctionEventsTable"]["Properties"];
//! assert_eq!(mapping["FunctionResponseTypes"][0], "ReportBatchItemFailures");
//! # Ok(()) }
//! ```
//!
//! The template has no transform: `sam deploy` takes it, and `aws cloudformation package` with `deploy`, which put the
//! folder with the program into a bucket. Names begin with the [name of the stack](PREFIX), so that several stacks live
//! beside each other in one account.
//!
//! # Map
//!
//! | module | is about |
//! |---|---|
//! | `stack` | [`Stack`]: what is put together, with its parameters |
//! | `key` | the key that everything is encrypted with |
//! | `names` | names and ARNs that begin with the stack's name |
//! | `policy` | [`Policy`]: what those outside the functions may do |
//! | `function` | [`Function`]: a function with its role, its log and its alarm |
//! | `bucket` | [`Bucket`]: a bucket of S3 |
//! | `source` | [`Source`]: what a function is behind |
//! | `http_api` | [`HttpApi`]: an HTTP API in front of a function |
//! | `alarms`, `dashboard` | what an operator has to see |

#![deny(missing_docs)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod alarms;
mod bucket;
mod dashboard;
mod function;
mod http_api;
mod key;
mod names;
mod policy;
mod source;
mod stack;

pub use bucket::Bucket;
pub use function::{Code, Function};
pub use http_api::HttpApi;
pub use key::{KEY, key_arn};
pub use names::{PREFIX, resource_name, with_prefix};
pub use policy::{Policy, operating, statements};
pub use source::Source;
pub use stack::Stack;
