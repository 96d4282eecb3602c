//! What several tests need. Not every test file uses all of it.
#![allow(dead_code, unreachable_pub, unused_imports, missing_docs)]

mod faulty_stores;
mod remote;
mod rivals;

pub use faulty_stores::{
    HoldUp, scrambled_feed, views_failing_at, views_held_up_and_failing_at, views_held_up_at,
};
pub use remote::Remote;
pub use rivals::Rivals;

include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));

pub fn credited(amount: u64) -> AccountEvent {
    AccountEvent::Credited { amount }
}

/// A statement of all accounts.
#[derive(Debug)]
pub struct Totals;

impl es_core::Projector for Totals {
    const NAME: &'static str = "totals";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Statement;

    fn keys(&self, _: &es_core::Recorded<'_, AccountEvent>, keys: &mut Vec<String>) {
        keys.push("all".to_owned());
    }

    fn project(
        &self,
        key: &str,
        view: &mut Option<Statement>,
        event: &es_core::Recorded<'_, AccountEvent>,
    ) -> Result<(), es_core::BoxError> {
        Statements.project(key, view, event)
    }
}
