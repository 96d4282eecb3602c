use std::sync::Arc;

use crate::command_line::AnyError;
#[cfg(feature = "aws")]
use crate::orders::backend::Aws;
use crate::orders::backend::{Backend, Embedded};
use crate::orders::payments::SimulatedPayments;
use crate::orders::service::Orders;

use super::place::{BackendKind, Place};

/// Open data.
pub(super) struct Opened {
    /// Where it is, for people.
    pub(super) place: String,
    pub(super) backend: Backend,
    pub(super) orders: Orders,
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
    /// The data at `place`, which must be there. Nothing is made, and nothing set up.
    pub(super) async fn existing(place: &Place) -> Result<Self, AnyError> {
        place.check_flags()?;
        place.check_makes_nothing()?;
        place.check_named()?;
        let payments = Arc::default();
        match place.backend {
            BackendKind::Sqlite => {
                let (directory, channels) = (place.directory(), place.channels()?);
                let embedded = Embedded::open_existing(&directory, channels).await?;
                Self::embedded(place, &directory, embedded, payments).await
            }
            BackendKind::Aws => Self::aws(place, false, payments).await,
        }
    }

    /// The data at `place`, which is made if need be, but must be named.
    pub(super) async fn named(place: &Place) -> Result<Self, AnyError> {
        Self::named_with(place, Arc::default()).await
    }

    /// The same, with others who take the money.
    pub(super) async fn named_with(
        place: &Place,
        payments: Arc<SimulatedPayments>,
    ) -> Result<Self, AnyError> {
        place.check_flags()?;
        place.check_named()?;
        Self::new(place, payments).await
    }

    /// The data at `place`, which is made if need be.
    pub(super) async fn new(
        place: &Place,
        payments: Arc<SimulatedPayments>,
    ) -> Result<Self, AnyError> {
        place.check_flags()?;
        match place.backend {
            BackendKind::Sqlite => {
                let (directory, channels) = (place.directory(), place.channels()?);
                let embedded = Embedded::open(&directory, channels).await?;
                Self::embedded(place, &directory, embedded, payments).await
            }
            BackendKind::Aws => Self::aws(place, true, payments).await,
        }
    }

    async fn embedded(
        place: &Place,
        directory: &std::path::Path,
        embedded: Embedded,
        payments: Arc<SimulatedPayments>,
    ) -> Result<Self, AnyError> {
        let directory = std::path::absolute(directory)?;
        let backend = embedded.backend();
        let orders = Orders::new(backend.clone(), place.ttl_days, payments).await?;
        Ok(Self {
            place: directory.display().to_string(),
            backend,
            orders,
            kept: Kept::Embedded(embedded),
        })
    }

    #[cfg(feature = "aws")]
    async fn aws(
        place: &Place,
        makes: bool,
        payments: Arc<SimulatedPayments>,
    ) -> Result<Self, AnyError> {
        let options = place.aws_options(makes)?;
        let name = options.place();
        let backend = Aws::open(options).await?.backend();
        let orders = Orders::new(backend.clone(), place.ttl_days, payments).await?;
        Ok(Self { place: name, backend, orders, kept: Kept::Aws })
    }

    #[cfg(not(feature = "aws"))]
    async fn aws(_: &Place, _: bool, _: Arc<SimulatedPayments>) -> Result<Self, AnyError> {
        Err("this program was built without AWS: build it with `--features aws`".into())
    }

    pub(super) async fn close(self) -> Result<(), AnyError> {
        drop((self.orders, self.backend));
        match self.kept {
            Kept::Embedded(embedded) => embedded.close().await?,
            #[cfg(feature = "aws")]
            Kept::Aws => {}
        }
        Ok(())
    }
}
