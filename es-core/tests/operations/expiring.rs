//! Documents are there until their time has come.

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{BoxError, Clock as _, Projection, Projector, Recorded, Repository, ViewQuery};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use crate::support::{Account, AccountCommand, AccountEvent};

/// What was credited, for as many seconds as it is worth.
#[derive(Debug)]
struct Coupons;

#[derive(Debug, Serialize, Deserialize)]
struct Coupon {
    worth: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<f64>,
}

impl Projector for Coupons {
    const NAME: &'static str = "coupons";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    const EXPIRES_BY: Option<&'static str> = Some("valid_until");
    type Event = AccountEvent;
    type View = Coupon;

    fn project(
        &self,
        _: &str,
        coupon: &mut Option<Coupon>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        if let AccountEvent::Credited { amount } = event.event {
            let until = event.recorded_at().as_second() as f64 + amount as f64 + 0.5;
            let valid_until = (amount < 1000).then_some(until);
            *coupon = Some(Coupon { worth: amount, valid_until });
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_document_is_shown_until_its_second_has_come() {
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let store = Arc::new(MemoryStore::new());
    let accounts = Repository::<Account>::new(store.clone()).with_clock(clock.clone());
    for (id, worth) in [("a", 10), ("b", 20), ("c", 5_000), ("d", 10), ("e", 20)] {
        accounts.execute(id, AccountCommand::Credit(worth)).await.unwrap();
    }
    let coupons = Projection::on(Coupons, store).unwrap().with_clock(clock.clone());
    coupons.catch_up().await.unwrap();
    let there = async |limit| -> String {
        let listed = coupons.view().list(&ViewQuery::default().limit(limit)).await.unwrap();
        listed.into_iter().map(|(key, _)| key).collect()
    };
    let in_pages_of_two = async || -> String {
        let pages = coupons.view().all(ViewQuery::default().limit(2));
        pages.map_ok(|(key, _)| key).try_collect().await.unwrap()
    };
    let begin = clock.now();
    for (seconds, all, first_two) in
        [(9, "abcde", "ab"), (10, "bce", "bc"), (19, "bce", "bc"), (20, "c", "c"), (9999, "c", "c")]
    {
        let passed = clock.now().duration_since(begin).unsigned_abs();
        clock.advance(Duration::from_secs(seconds) - passed);
        assert_eq!((&*there(100).await, &*there(2).await), (all, first_two), "after {seconds} s");
        assert_eq!(in_pages_of_two().await, all, "after {seconds} s");
        for id in ["a", "b", "c", "d", "e"] {
            let found = coupons.view().get(id).await.unwrap();
            assert_eq!(found.is_some(), all.contains(id), "{id} after {seconds} s");
        }
    }
}
