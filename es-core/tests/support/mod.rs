//! What several tests need. Not every test file uses all of it.
#![allow(dead_code, unreachable_pub, unused_imports, missing_docs)]

mod meddled_views;
mod scrambled_feed;
mod scripted_store;

pub use meddled_views::{MeddledViews, Meddling};
pub use scrambled_feed::ScrambledFeed;
pub use scripted_store::{Fault, ScriptedStore};

include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));

pub fn credited(amount: u64) -> AccountEvent {
    AccountEvent::Credited { amount }
}
