//! The test kit (feature `testing`).
//!
//! | module or type | for |
//! |---|---|
//! | [`Given`] | given/when/then for aggregates |
//! | [`VirtualClock`], [`SeededEntropy`] | time and randomness that tests decide |
//! | [`conformance`] | the suites that every backend passes |

pub mod conformance;

mod given;
mod seeded_entropy;
mod virtual_clock;

pub use given::{Given, Then};
pub use seeded_entropy::SeededEntropy;
pub use virtual_clock::VirtualClock;
