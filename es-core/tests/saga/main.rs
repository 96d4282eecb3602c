//! Sagas: whatever happens on the way, each ends, and what was begun is done or undone.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod crashes;
mod data;
mod kit;
mod late;
mod net;
mod no_return;
mod operator;
mod retrying;
mod shop;
mod stage;
mod steps;
mod storm;
mod story;
mod turning_back;
mod unreadable;
mod withdrawing;
