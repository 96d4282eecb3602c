use std::path::Path;
use std::sync::Arc;

use crate::aws::{BackendKind, Place};
use crate::command_line::AnyError;
use crate::users::backend::Embedded;
#[cfg(feature = "aws")]
use crate::users::backend::{Aws, AwsOptions};
use crate::users::service::Users;

use super::{MAKERS, PROGRAM};

/// Open data.
pub(super) struct Opened {
    /// Where it is, for people.
    pub(super) place: String,
    pub(super) users: Arc<Users>,
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
                let directory = place.directory(PROGRAM);
                Self::embedded(&directory, Embedded::open(&directory).await?).await
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
                let directory = place.directory(PROGRAM);
                Self::embedded(&directory, Embedded::open_existing(&directory).await?).await
            }
            BackendKind::Aws => Self::aws(place, false).await,
        }
    }

    async fn embedded(directory: &Path, embedded: Embedded) -> Result<Self, AnyError> {
        let place = std::path::absolute(directory)?.display().to_string();
        let users = Arc::new(Users::new(embedded.backend()).await?);
        Ok(Self { place, users, kept: Kept::Embedded(embedded) })
    }

    #[cfg(feature = "aws")]
    async fn aws(place: &Place, makes: bool) -> Result<Self, AnyError> {
        let options = AwsOptions {
            table_prefix: place.aws.prefix(PROGRAM),
            connection: place.aws.connection.clone(),
            create: makes && place.aws.makes(),
        };
        let place = options.place();
        let users = Arc::new(Users::new(Aws::open(options).await?.backend()).await?);
        Ok(Self { place, users, kept: Kept::Aws })
    }

    #[cfg(not(feature = "aws"))]
    async fn aws(_: &Place, _: bool) -> Result<Self, AnyError> {
        Err("this program was built without AWS: build it with `--features aws`".into())
    }

    pub(super) async fn close(self) -> Result<(), AnyError> {
        drop(self.users);
        match self.kept {
            Kept::Embedded(embedded) => embedded.close().await?,
            #[cfg(feature = "aws")]
            Kept::Aws => {}
        }
        Ok(())
    }
}
