use std::path::{Path, PathBuf};
use std::sync::Arc;

use es_core::{AnyConsumer, Feed};

#[cfg(feature = "aws")]
use crate::dispensary::backend::DynamoDb;
use crate::dispensary::backend::{Embedded, files_in};
use crate::dispensary::service::Dispensary;

use super::AnyError;
use super::place::{BackendKind, Place};

/// Open data.
pub(super) struct Opened {
    /// Where it is, for people.
    pub(super) place: String,
    /// How to say so on the command line.
    pub(super) arguments: String,
    /// Where the prescription files are.
    pub(super) files: PathBuf,
    pub(super) dispensary: Arc<Dispensary>,
    pub(super) feed: Arc<dyn Feed>,
    kept: Kept,
}

/// What has to be closed in the end.
enum Kept {
    Embedded(Embedded),
    #[cfg(feature = "aws")]
    DynamoDb(DynamoDb),
}

impl Opened {
    /// The data at `place`, which is made if need be.
    pub(super) async fn new(place: Place) -> Result<Self, AnyError> {
        place.check_flags()?;
        let directory = place.directory();
        match place.backend {
            BackendKind::Sqlite => {
                let embedded = Embedded::open(&directory).await?;
                Self::embedded(directory, embedded).await
            }
            BackendKind::Dynamodb => {
                let create_tables = place.makes_tables();
                Self::dynamodb(directory, place, create_tables).await
            }
        }
    }

    /// The data at `place`, which must be there.
    pub(super) async fn existing(place: Place) -> Result<Self, AnyError> {
        place.check_flags()?;
        place.check_named()?;
        let directory = place.directory();
        match place.backend {
            BackendKind::Sqlite => {
                let embedded = Embedded::open_existing(&directory).await?;
                Self::embedded(directory, embedded).await
            }
            BackendKind::Dynamodb => {
                let create_tables = place.dynamodb.create_tables;
                Self::dynamodb(directory, place, create_tables).await
            }
        }
    }

    /// The data at `place`, which is made if need be, but must be named.
    pub(super) async fn named(place: Place) -> Result<Self, AnyError> {
        place.check_flags()?;
        place.check_named()?;
        Self::new(place).await
    }

    async fn embedded(directory: PathBuf, embedded: Embedded) -> Result<Self, AnyError> {
        let directory = std::path::absolute(directory)?;
        let backend = embedded.backend();
        let feed = backend.feed.clone();
        let dispensary = Arc::new(Dispensary::new(backend).await?);
        let place = directory.display().to_string();
        let (arguments, files) = (data_dir_argument(&directory), files_in(&directory));
        Ok(Self { place, arguments, files, dispensary, feed, kept: Kept::Embedded(embedded) })
    }

    #[cfg(feature = "aws")]
    async fn dynamodb(
        directory: PathBuf,
        place: Place,
        create_tables: bool,
    ) -> Result<Self, AnyError> {
        let directory = std::path::absolute(directory)?;
        let options = place.dynamodb.options(create_tables);
        let shown = format!("{}, files in {}", options.place(), directory.display());
        let arguments = format!("{} {}", options.arguments(), data_dir_argument(&directory));
        let dynamodb = DynamoDb::open(&directory, options).await?;
        let backend = dynamodb.backend();
        let feed = backend.feed.clone();
        let dispensary = Arc::new(Dispensary::new(backend).await?);
        let (files, kept) = (files_in(&directory), Kept::DynamoDb(dynamodb));
        Ok(Self { place: shown, arguments, files, dispensary, feed, kept })
    }

    #[cfg(not(feature = "aws"))]
    async fn dynamodb(_: PathBuf, _: Place, _: bool) -> Result<Self, AnyError> {
        let message = "this program was built without DynamoDB: build it with `--features aws`";
        Err(message.into())
    }

    /// The projection or policy of that name.
    pub(super) fn consumer(&self, name: &str) -> Result<&dyn AnyConsumer, AnyError> {
        let consumers = &self.dispensary.consumers;
        if let Some(consumer) = consumers.get(name) {
            return Ok(&**consumer);
        }
        let names: Vec<&str> = consumers.iter().map(|consumer| consumer.id().as_str()).collect();
        let names = names.join(", ");
        Err(format!("there is no projection or policy {name:?}; there are {names}").into())
    }

    /// The one of that name, or all.
    pub(super) fn consumers(&self, name: Option<&str>) -> Result<Vec<&dyn AnyConsumer>, AnyError> {
        match name {
            Some(name) => Ok(vec![self.consumer(name)?]),
            None => Ok(self.dispensary.consumers.iter().map(|consumer| &**consumer).collect()),
        }
    }

    pub(super) async fn close(self) -> Result<(), AnyError> {
        drop(self.dispensary);
        match self.kept {
            Kept::Embedded(embedded) => embedded.close().await?,
            #[cfg(feature = "aws")]
            Kept::DynamoDb(dynamodb) => dynamodb.close().await,
        }
        Ok(())
    }
}

fn data_dir_argument(directory: &Path) -> String {
    format!("--data-dir {}", directory.display())
}
