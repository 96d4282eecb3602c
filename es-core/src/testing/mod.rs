//! The test kit (feature `testing`).
//!
//! | module or type | for |
//! |---|---|
//! | [`Given`] | given/when/then for aggregates |
//! | [`GivenEvents`] | given/when/then for projectors and, with [`GivenReaction`], for policies |
//! | [`VirtualClock`], [`SeededEntropy`] | time and randomness that tests decide |
//! | [`conformance`] | the suites that every backend passes |

pub mod conformance;

mod blocking;
mod differences;
mod given;
mod given_events;
mod given_reaction;
mod seeded_entropy;
mod then_views;
mod virtual_clock;

pub use given::{Given, Then};
pub use given_events::GivenEvents;
pub use given_reaction::{GivenReaction, ThenReacted};
pub use seeded_entropy::SeededEntropy;
pub use then_views::ThenViews;
pub use virtual_clock::VirtualClock;
