//! The dispensary: prescriptions from upload to hand-over.
//!
//! A dispense is started, its prescription uploaded, analyzed in the background, completed with
//! patient and drugs, or cancelled on the way:
//!
//! ```text
//! start ─▶ pending ─ upload ─▶ analyzing ─ analysis ─▶ ready ─ patient, drugs ─▶ complete
//!             └───────────────── cancel ─────────────────┴──▶ cancelled
//! ```
//!
//! Commits come to the policy and the projections by the log's own feed or, on AWS, by way of Kinesis. Each
//! part can have processes of its own, see `--roles`, `publish` and `project`:
//!
//! ```text
//! API ─▶ log ─ publisher ─▶ data stream ─┬─▶ projections ─▶ views
//!         ▲                              └─▶ policy ─┐
//!         └──────────────────────────────────────────┘
//! ```
//!
//! | module | what is in it |
//! |---|---|
//! | [`domain`] | the aggregate: commands, events, rules. Pure |
//! | [`prescription`] | the parser of prescription text. Pure |
//! | [`analysis`] | the policy that analyzes each upload |
//! | [`files`] | the prescription files in an object store |
//! | [`history`] | the events of one dispense, to be looked at |
//! | [`views`] | the read models: one document per dispense |
//! | [`dead_letters`] | what could not be handled, to be looked at |
//! | [`backend`] | where everything is kept: embedded, in DynamoDB, or there with Kinesis behind it |
//! | `functions` | the same as functions in AWS Lambda (with the feature `lambda`) |
//! | `infrastructure` | all of it on AWS, as a CloudFormation template (with the feature `aws`) |
//! | [`service`] | the parts put together on a backend |
//! | [`api`] | the HTTP interface |
//! | [`journey`] | the main job: files in, dispenses out |
//! | [`cli`] | the command line |
//! | [`report`] | the tables and totals that it prints |

pub mod analysis;
pub mod api;
pub mod backend;
pub mod cli;
pub mod dead_letters;
pub mod domain;
pub mod files;
#[cfg(feature = "aws")]
pub mod functions;
pub mod history;
#[cfg(feature = "aws")]
pub mod infrastructure;
pub mod journey;
pub mod prescription;
pub mod report;
pub mod service;
pub mod views;
