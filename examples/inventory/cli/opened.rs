use std::sync::Arc;

use async_trait::async_trait;
use es_core::Error;

use crate::command_line::AnyError;
use crate::inventory::backend::{Backend, Embedded};
use crate::inventory::clock::SkippingClock;
use crate::inventory::domain::Money;
use crate::inventory::payments::{Answer, PaymentProvider};
use crate::inventory::service::Inventory;

use super::place::Place;

/// Open data.
pub(super) struct Opened {
    /// Where it is, for people.
    pub(super) place: String,
    pub(super) backend: Backend,
    pub(super) clock: Arc<SkippingClock>,
    embedded: Embedded,
}

impl Opened {
    /// The data at `place`, which is made if need be.
    pub(super) async fn new(place: &Place) -> Result<Self, AnyError> {
        let (directory, clock) = (place.directory(), Arc::new(SkippingClock::default()));
        let embedded = Embedded::open(&directory, clock.clone()).await?;
        let place = std::path::absolute(directory)?.display().to_string();
        Ok(Self { place, backend: embedded.backend(), clock, embedded })
    }

    /// The data at `place`, which must be there. Nothing is made.
    pub(super) async fn existing(place: &Place) -> Result<Self, AnyError> {
        place.check_named()?;
        let (directory, clock) = (place.directory(), Arc::new(SkippingClock::default()));
        let embedded = Embedded::open_existing(&directory, clock.clone()).await?;
        let place = std::path::absolute(directory)?.display().to_string();
        Ok(Self { place, backend: embedded.backend(), clock, embedded })
    }

    /// The system, to look at it: nobody takes money there.
    pub(super) async fn to_look_at(&self) -> Result<Inventory, AnyError> {
        let (backend, clock) = (self.backend.clone(), self.clock.clone());
        let inventory = Inventory::new(backend, Arc::new(Nobody), clock).await?;
        inventory.catch_up_views().await?;
        Ok(inventory)
    }

    pub(super) async fn close(self) -> Result<(), AnyError> {
        drop(self.backend);
        Ok(self.embedded.close().await?)
    }
}

/// Takes no money, where nothing is to be done.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl PaymentProvider for Nobody {
    async fn charge(&self, _: &str, _: &str, _: Money) -> Result<Answer, Error> {
        Err(Error::Misuse("nobody takes money here".to_owned()))
    }

    async fn take_back(&self, _: &str) -> Result<Option<Money>, Error> {
        Err(Error::Misuse("nobody gives money back here".to_owned()))
    }
}
