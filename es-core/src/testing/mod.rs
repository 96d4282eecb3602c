//! The test kit (feature `testing`).
//!
//! | module or type | for |
//! |---|---|
//! | [`Given`] | given/when/then for aggregates |
//! | [`GivenEvents`] | given/when/then for projectors and, with [`GivenReaction`], for policies |
//! | [`GivenProcess`] | given/when/then for process managers and sagas |
//! | [`AggregateProperties`] | what every aggregate should keep, checked with commands made up by proptest |
//! | [`SchemaLock`] | that the form of what was ever stored does not change unnoticed |
//! | [`GoldenFiles`] | that what was ever stored is read as it always was |
//! | [`VirtualClock`], [`SeededEntropy`] | time and randomness that tests decide |
//! | [`CapturedLog`] | what is written into the log |
//! | [`conformance`] | the suites that every backend passes |
//! | [`faults`] | stores that lose, repeat, delay and damage; crashes at every await |
//! | [`queue_storm`] | consumers of queues under faults and kills, on any queues |

pub mod conformance;
pub mod faults;
pub mod queue_storm;

mod accepting;
mod blocking;
mod captured_log;
mod command_named;
mod differences;
mod given;
mod given_events;
mod given_process;
mod given_reaction;
mod golden_files;
mod properties;
mod schema_lock;
mod seeded_entropy;
mod shape;
mod then_decided;
mod then_views;
mod virtual_clock;

pub use captured_log::CapturedLog;
pub use command_named::CommandNamed;
pub use given::{Given, Then};
pub use given_events::GivenEvents;
pub use given_process::GivenProcess;
pub use given_reaction::{GivenReaction, ThenReacted};
pub use golden_files::GoldenFiles;
pub use properties::AggregateProperties;
pub use schema_lock::SchemaLock;
pub use seeded_entropy::SeededEntropy;
#[doc(hidden)]
pub use shape::probe::Probe;
pub use then_decided::ThenDecided;
pub use then_views::ThenViews;
pub use virtual_clock::VirtualClock;
