//! Users with a balance: one command API, and two read models that follow it.
//!
//! ```text
//!                        ┌─▶ summary ─▶ GET /list
//! POST /command ─▶ log ──┤
//!                        └─▶ detail ──▶ GET /detail
//! ```
//!
//! A user is created, changes name and e-mail address, is credited and debited, and is deactivated. The log's
//! key is the user's id and a sequence number, which every answer to a command tells. The read models follow
//! the log on their own, so they show a command's effect a little later; who needs to see it gives the
//! sequence number along and waits.
//!
//! Name and e-mail address are personal data: they are marked so in the events, and are in no log, error or
//! `Debug` output. The user's id is in all of these, so it should name nobody.
//!
//! | module | what is in it |
//! |---|---|
//! | [`domain`] | the aggregate: commands, events, rules. Pure |
//! | [`command_request`] | what `POST /command` takes, read without a word of it in the errors. Pure |
//! | [`views`] | the read models: summary and detail |
//! | [`history`] | the keys, types and times of a user's events |
//! | [`backend`] | where everything is kept: embedded, or in DynamoDB |
//! | [`service`] | the parts put together on a backend |
//! | [`api`] | the HTTP interface |
//! | `functions` | the same as functions in AWS Lambda (with the feature `lambda`) |
//! | `infrastructure` | all of it on AWS, as a CloudFormation template (with the feature `aws`) |
//! | [`conversation`] | the main job: the requests of a collection, and their answers |
//! | [`cli`] | the command line |
//! | [`report`] | the tables and texts that it prints |

pub mod api;
pub mod backend;
pub mod cli;
pub mod command_request;
pub mod conversation;
pub mod domain;
#[cfg(feature = "aws")]
pub mod functions;
pub mod history;
#[cfg(feature = "aws")]
pub mod infrastructure;
pub mod report;
pub mod service;
pub mod views;
