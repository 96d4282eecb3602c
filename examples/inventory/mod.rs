//! Orders over a small stock: a saga that pays, reserves and sends, or undoes what it has done.
//!
//! ```text
//! Order:Created ─▶ bus ─▶ order processor ─▶ bus ─▶ workflow processor ─▶ Workflow:Triggered
//!                                                                                  │
//!                           accept the order ◀─────────┬──────────────────── fulfilment (a saga)
//!  provider ◀─ payment processor ◀─ request the payment┤
//!                  reserve the stock, item by item ◀───┘
//!                                  │
//!           all is done, and sent: Order:Completed      or all is undone: Order:Cancelled
//!                                  │
//!                                 bus ─▶ order processor ─▶ bus ─▶ notification processor ─▶ Notification:Sent
//! ```
//!
//! Payments are declined, or never answered. Stock runs out. Programs are killed in the middle. After five minutes at
//! most a workflow turns back; where the provider refuses a refund, it waits for an operator. Whatever has happened, no
//! stock is lost or promised twice, no order is charged twice, and who gets no goods gets the money back. The run checks
//! that on the log itself.
//!
//! On AWS the bus is EventBridge with the same rules, the queues are those of SQS, and the rest is in DynamoDB.
//!
//! | module | what is in it |
//! |---|---|
//! | [`domain`] | the aggregates: orders, stock, payments, and what triggers and tells. Pure |
//! | [`fulfilment`] | the workflow of an order: a saga. Pure |
//! | [`desks`] | who does what the workflow asks for |
//! | [`bus`] | the event bus: its events, its rules, and the queues behind them |
//! | [`processors`] | who reacts to what happens, besides the workflow |
//! | [`payments`] | who takes the money, and how that can fail |
//! | [`views`] | the read models: orders by id, stock by item |
//! | [`backend`] | where everything is kept |
//! | `functions` | the same as functions in AWS Lambda (with the feature `aws`) |
//! | `infrastructure` | all of it on AWS, as a template (with the feature `aws`) |
//! | [`service`] | the parts put together on a backend |
//! | [`journey`] | the main job: orders, deliveries, crashes, and time that is skipped |
//! | [`chance`], [`crashes`], [`clock`] | what makes the journey eventful, and its accidents the same from the same seed |
//! | [`audit`], [`invariants`] | what the log says has happened, and what must hold |
//! | [`trace`] | what came of one order, commit by commit |
//! | [`workflow_states`] | where the workflows are |
//! | [`outcome`], [`report`] | what became of the orders, and the tables that say so |
//! | [`cli`] | the command line |

pub mod audit;
pub mod backend;
pub mod bus;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod crashes;
pub mod desks;
pub mod domain;
pub mod fulfilment;
#[cfg(feature = "aws")]
pub mod functions;
#[cfg(feature = "aws")]
pub mod infrastructure;
pub mod invariants;
pub mod journey;
pub mod outcome;
pub mod payments;
pub mod processors;
pub mod report;
pub mod service;
pub mod trace;
pub mod views;
pub mod workflow_states;
