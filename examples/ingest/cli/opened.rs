use std::path::Path;
use std::sync::Arc;

use es_core::Backoff;

use crate::command_line::AnyError;
#[cfg(feature = "aws")]
use crate::ingest::backend::Aws;
use crate::ingest::backend::Embedded;
use crate::ingest::service::{Ingest, Options};
use crate::ingest::stations::KnownStations;

use super::place::{BackendKind, Place};

/// Open data.
pub(super) struct Opened {
    /// Where it is, for people.
    pub(super) place: String,
    /// How to say so on the command line.
    pub(super) arguments: String,
    pub(super) ingest: Arc<Ingest>,
    kept: Kept,
}

/// What has to be closed in the end.
enum Kept {
    Embedded(Embedded),
    /// Nothing of it: there are connections only.
    #[cfg(feature = "aws")]
    Aws(Aws),
}

/// How submissions are processed, where they are. Commands that only look, or publish, need none of it.
pub(super) fn not_processing() -> Options {
    Options { keep: Options::KEEP, backoff: Backoff::default(), register: Arc::new(KnownStations) }
}

impl Opened {
    /// The data at `place`, which must be there. Nothing is made, and nothing set up.
    pub(super) async fn existing(place: &Place) -> Result<Self, AnyError> {
        place.check_flags()?;
        place.check_makes_nothing()?;
        place.check_named()?;
        let options = not_processing();
        match place.backend {
            BackendKind::Sqlite => {
                let (data, names) = (place.directory()?, place.names()?);
                let watched = place.watched(&data);
                let embedded = Embedded::open_existing(&data, watched, names).await?;
                Self::embedded(place, &data, embedded, options).await
            }
            BackendKind::Aws => Self::aws(place, false, options).await,
        }
    }

    /// The data at `place`, which is made if need be, but must be named.
    pub(super) async fn named(place: &Place, options: Options) -> Result<Self, AnyError> {
        place.check_flags()?;
        place.check_named()?;
        Self::new(place, options).await
    }

    /// The data at `place`, which is made if need be.
    pub(super) async fn new(place: &Place, options: Options) -> Result<Self, AnyError> {
        place.check_flags()?;
        match place.backend {
            BackendKind::Sqlite => {
                let (data, names) = (place.directory()?, place.names()?);
                let embedded = Embedded::open(&data, place.watched(&data), names).await?;
                Self::embedded(place, &data, embedded, options).await
            }
            BackendKind::Aws => Self::aws(place, true, options).await,
        }
    }

    async fn embedded(
        place: &Place,
        data: &Path,
        embedded: Embedded,
        options: Options,
    ) -> Result<Self, AnyError> {
        let ingest = Arc::new(Ingest::new(embedded.backend(), options).await?);
        let arguments = place.embedded_arguments(data);
        let place = data.display().to_string();
        Ok(Self { place, arguments, ingest, kept: Kept::Embedded(embedded) })
    }

    #[cfg(feature = "aws")]
    async fn aws(place: &Place, makes: bool, options: Options) -> Result<Self, AnyError> {
        let of_aws = place.aws_options(makes)?;
        let (place, arguments) = (of_aws.place(), of_aws.arguments());
        let aws = Aws::open(of_aws).await?;
        let ingest = Arc::new(Ingest::new(aws.backend(), options).await?);
        Ok(Self { place, arguments, ingest, kept: Kept::Aws(aws) })
    }

    #[cfg(not(feature = "aws"))]
    async fn aws(_: &Place, _: bool, _: Options) -> Result<Self, AnyError> {
        Err("this program was built without AWS: build it with `--features aws`".into())
    }

    /// That there is a place for files: for who reads them or puts them there.
    pub(super) async fn check_files(&self) -> Result<(), AnyError> {
        match &self.kept {
            // The directory was made.
            Kept::Embedded(_) => Ok(()),
            #[cfg(feature = "aws")]
            Kept::Aws(aws) => Ok(aws.check_bucket().await?),
        }
    }

    pub(super) async fn close(self) -> Result<(), AnyError> {
        drop(self.ingest);
        match self.kept {
            Kept::Embedded(embedded) => embedded.close().await?,
            #[cfg(feature = "aws")]
            Kept::Aws(_) => {}
        }
        Ok(())
    }
}
