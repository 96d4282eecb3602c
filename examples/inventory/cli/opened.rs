use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use es_core::Error;

use crate::aws::{BackendKind, Place};
use crate::command_line::AnyError;
#[cfg(feature = "aws")]
use crate::inventory::backend::{Aws, AwsOptions};
use crate::inventory::backend::{Backend, Embedded};
use crate::inventory::clock::SkippingClock;
use crate::inventory::domain::Money;
use crate::inventory::payments::{Answer, NotTakenBack, PaymentProvider};
use crate::inventory::service::Inventory;

use super::{MAKERS, PROGRAM};

/// Open data.
pub(super) struct Opened {
    /// Where it is, for people.
    pub(super) place: String,
    pub(super) backend: Backend,
    pub(super) clock: Arc<SkippingClock>,
    kept: Kept,
}

/// What has to be closed in the end.
enum Kept {
    Embedded(Embedded),
    /// Nothing: there are connections only.
    #[cfg(feature = "aws")]
    Aws,
}

impl Opened {
    /// The data at `place`, which is made if need be.
    pub(super) async fn new(place: &Place) -> Result<Self, AnyError> {
        place.check_flags()?;
        match place.backend {
            BackendKind::Sqlite => {
                let (directory, clock) =
                    (place.directory(PROGRAM), Arc::new(SkippingClock::default()));
                let embedded = Embedded::open(&directory, clock.clone()).await?;
                Self::embedded(&directory, embedded, clock)
            }
            BackendKind::Aws => Self::aws(place, true).await,
        }
    }

    /// The data at `place`, which must be there. Nothing is made.
    pub(super) async fn existing(place: &Place) -> Result<Self, AnyError> {
        place.check_flags()?;
        place.check_makes_nothing(MAKERS)?;
        place.check_named()?;
        match place.backend {
            BackendKind::Sqlite => {
                let (directory, clock) =
                    (place.directory(PROGRAM), Arc::new(SkippingClock::default()));
                let embedded = Embedded::open_existing(&directory, clock.clone()).await?;
                Self::embedded(&directory, embedded, clock)
            }
            BackendKind::Aws => Self::aws(place, false).await,
        }
    }

    fn embedded(
        directory: &Path,
        embedded: Embedded,
        clock: Arc<SkippingClock>,
    ) -> Result<Self, AnyError> {
        let place = std::path::absolute(directory)?.display().to_string();
        Ok(Self { place, backend: embedded.backend(), clock, kept: Kept::Embedded(embedded) })
    }

    #[cfg(feature = "aws")]
    async fn aws(place: &Place, makes: bool) -> Result<Self, AnyError> {
        let options = AwsOptions {
            prefix: place.aws.prefix(PROGRAM),
            connection: place.aws.connection.clone(),
            create: place.aws.makes(),
        };
        let place = options.place();
        let aws = match makes {
            true => Aws::open(options).await?,
            false => Aws::open_existing(options).await?,
        };
        Ok(Self { place, backend: aws.backend(), clock: Arc::default(), kept: Kept::Aws })
    }

    #[cfg(not(feature = "aws"))]
    async fn aws(_: &Place, _: bool) -> Result<Self, AnyError> {
        Err("this program was built without AWS: build it with `--features aws`".into())
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
        match self.kept {
            Kept::Embedded(embedded) => embedded.close().await?,
            #[cfg(feature = "aws")]
            Kept::Aws => {}
        }
        Ok(())
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

    async fn take_back(&self, _: &str) -> Result<Option<Money>, NotTakenBack> {
        Err(Error::Misuse("nobody gives money back here".to_owned()).into())
    }
}
