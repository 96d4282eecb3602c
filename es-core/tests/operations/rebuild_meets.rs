//! What a rebuild meets in a log, it takes as following takes it.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Faults, FaultyViewStore};
use es_core::{
    BoxError, Consumers, Event, Projection, Projector, Recorded, UnknownEvents, ViewQuery,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::moody::{account, append_to, credit};
use crate::support::AccountEvent;

/// The last amount of each account; one of 57 is nothing that can be written, and of 58 none that has a document.
#[derive(Debug)]
struct Delicate;

#[derive(Debug, Default, PartialEq, Deserialize)]
struct Last {
    amount: u64,
}

impl Serialize for Last {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written {
            amount: u64,
        }
        match self.amount {
            57 => Err(serde::ser::Error::custom("57 is not written")),
            amount => Written { amount }.serialize(to),
        }
    }
}

impl Projector for Delicate {
    const NAME: &'static str = "delicate";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Last;

    fn keys(&self, event: &Recorded<'_, AccountEvent>, keys: &mut Vec<String>) {
        assert_ne!(amount(event), 58, "it has no document");
        keys.push(event.aggregate_id().to_owned());
    }

    fn project(
        &self,
        _: &str,
        view: &mut Option<Last>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        *view = Some(Last { amount: amount(event) });
        Ok(())
    }
}

fn amount(event: &Recorded<'_, AccountEvent>) -> u64 {
    match event.event {
        AccountEvent::Credited { amount } | AccountEvent::Debited { amount } => amount,
    }
}

async fn documents<P: Projector>(view: &Projection<P>) -> Vec<(String, P::View)>
where
    P::View: DeserializeOwned + Serialize,
{
    view.view().list(&ViewQuery::default()).await.unwrap()
}

#[tokio::test]
async fn a_document_that_cannot_be_written_parks_what_made_it() {
    let store = MemoryStore::new();
    for n in 1..=20 {
        credit(&store, ["a", "b"][n % 2], n as u64).await;
    }
    credit(&store, "a", 57).await;
    let delicate = Projection::on(Delicate, Arc::new(store)).unwrap().with_batch_size(5);
    let done = delicate.rebuild(|_| {}).await.unwrap();
    assert_eq!((done.applied, done.parked), (20, 1));
    let (a, b) = (Last { amount: 20 }, Last { amount: 19 });
    assert_eq!(documents(&delicate).await, [("a".to_owned(), a), ("b".to_owned(), b)]);
}

#[tokio::test]
async fn a_panic_about_the_keys_of_an_event_parks_it() {
    let store = MemoryStore::new();
    for n in 1..=20 {
        credit(&store, ["a", "b"][n % 2], n as u64).await;
    }
    for amount in [58, 59] {
        credit(&store, "a", amount).await;
    }
    credit(&store, "b", 60).await;
    let delicate = Projection::on(Delicate, Arc::new(store)).unwrap().with_batch_size(5);
    let done = delicate.rebuild(|_| {}).await.unwrap();
    assert_eq!((done.applied, done.parked), (21, 2));
    let (a, b) = (Last { amount: 20 }, Last { amount: 60 });
    assert_eq!(documents(&delicate).await, [("a".to_owned(), a), ("b".to_owned(), b)]);
}

#[derive(Debug, Event)]
#[event(prefix = "Account")]
enum OfOwners {
    Renamed { owner: String },
}

/// The credits, whatever else there is.
#[derive(Debug)]
struct CreditsOnly<const VERSION: u32>;

impl<const V: u32> Projector for CreditsOnly<V> {
    const NAME: &'static str = "credits_only";
    const VERSION: u32 = V;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = u64;

    fn unknown_events(&self) -> UnknownEvents {
        UnknownEvents::Skip
    }

    fn project(
        &self,
        _: &str,
        view: &mut Option<u64>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        *view.get_or_insert_default() += amount(event);
        Ok(())
    }
}

#[tokio::test]
async fn events_that_a_view_skips_when_it_follows_it_skips_when_it_is_rebuilt() {
    let store = MemoryStore::new();
    for n in 1..=20 {
        append_to(&store, &account("a"), &[AccountEvent::Credited { amount: n }]).await;
        let owner = format!("owner {n}");
        append_to(&store, &account("a"), &[OfOwners::Renamed { owner }]).await;
    }
    let faults = Faults::none();
    let views = Arc::new(FaultyViewStore::new(Arc::new(store.clone()), faults.clone()));
    let shared = Arc::new(store);
    let one = Projection::new(CreditsOnly::<1>, shared.clone(), shared.clone(), views);
    let one = Arc::new(one.unwrap().with_batch_size(7));
    let two = Arc::new(Projection::on(CreditsOnly::<2>, shared).unwrap().with_batch_size(7));
    let both = Consumers::new().with(one.clone()).with(two.clone());
    let done = both.rebuild(|_, _| {}).await.unwrap();
    // Nothing of a skipped event has an effect, and it is taken care of.
    assert_eq!(done.iter().map(|done| done.applied).collect::<Vec<_>>(), [40, 40]);
    assert_eq!(documents(&one).await, [("a".to_owned(), 20 * 21 / 2)]);
    assert_eq!(documents(&two).await, [("a".to_owned(), 20 * 21 / 2)]);
    assert_eq!(faults.calls(Call::WriteDocuments), 1, "none of it is left to steps");
}

/// The accounts that were credited and not debited since.
#[derive(Debug)]
struct Credited;

impl Projector for Credited {
    const NAME: &'static str = "credited";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = u64;

    fn project(
        &self,
        _: &str,
        view: &mut Option<u64>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        *view = match event.event {
            AccountEvent::Credited { amount } => Some(amount),
            AccountEvent::Debited { .. } => None,
        };
        Ok(())
    }
}

#[tokio::test]
async fn a_document_that_was_saved_on_the_way_can_be_removed_later() {
    for memory in [0, usize::MAX] {
        let store = MemoryStore::new();
        for (id, event) in [
            ("a", AccountEvent::Credited { amount: 1 }),
            ("b", AccountEvent::Credited { amount: 2 }),
            ("a", AccountEvent::Debited { amount: 1 }),
            ("c", AccountEvent::Debited { amount: 3 }),
        ] {
            append_to(&store, &account(id), &[event]).await;
        }
        let credited = Projection::on(Credited, Arc::new(store)).unwrap();
        let credited = credited.with_batch_size(1).with_rebuild_memory(memory);
        credited.rebuild(|_| {}).await.unwrap();
        assert_eq!(documents(&credited).await, [("b".to_owned(), 2)], "{memory}");
    }
}
