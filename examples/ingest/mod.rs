//! The intake of readings: from files, over HTTP and from the command line, by one topic and one queue, into a
//! log.
//!
//! ```text
//! directory or bucket ─┐
//! HTTP endpoint ───────┼─▶ topic ─▶ queue ─▶ processor ─▶ log ─▶ announcer ─▶ queue ─▶ confirmer ─▶ log
//! command line ────────┘                        │          │                               │
//!                                               ▼          └─▶ records ─▶ results          ▼
//!                                          dead letters ◀──────────────────────────── dead letters
//! ```
//!
//! A submission may come twice, by the same way or another, also at the same time: its event is processed
//! once. What is not valid is a dead letter at once; what fails is tried three times. Each part can have
//! processes of its own, see `--roles`.
//!
//! | module | what is in it |
//! |---|---|
//! | [`reading`] | documents: what they say, and what is wrong with them. Pure |
//! | [`domain`] | the aggregate: what became of one event. Pure |
//! | [`submission`] | what goes over the topic |
//! | [`publisher`] | bringing it there |
//! | [`watcher`] | telling of the files of a directory |
//! | [`documents`] | the files: of a directory, of a bucket |
//! | [`processor`] | taking submissions in |
//! | [`stations`] | what the processor asks about, and outages of that |
//! | [`confirmation`] | what the second queue is for |
//! | [`records`] | the read model: one document per event, until it expires |
//! | [`results`] | waiting for what became of an event |
//! | [`figures`] | the metrics of the work |
//! | [`dead_letters`] | what could not be handled, to be looked at |
//! | [`names`] | what topic and queues are called, and how they hang together |
//! | [`backend`] | where everything is kept: embedded, or in AWS |
//! | `infrastructure` | what the system is on AWS, as a template (feature `aws`) |
//! | `functions` | the parts as functions in AWS Lambda (feature `aws`) |
//! | [`service`] | the parts put together on a backend |
//! | [`api`] | the HTTP interface |
//! | [`journey`] | the main job: documents in, by all ways at once |
//! | [`cli`] | the command line |
//! | [`report`] | the tables and totals that it prints |

pub mod api;
pub mod backend;
pub mod cli;
pub mod confirmation;
pub mod dead_letters;
pub mod documents;
pub mod domain;
pub mod figures;
#[cfg(feature = "aws")]
pub mod functions;
#[cfg(feature = "aws")]
pub mod infrastructure;
pub mod journey;
pub mod names;
pub mod processor;
pub mod publisher;
pub mod reading;
pub mod records;
pub mod report;
pub mod results;
pub mod service;
pub mod stations;
pub mod submission;
pub mod watcher;
