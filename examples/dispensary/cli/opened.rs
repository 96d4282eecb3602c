use std::path::{Path, PathBuf};
use std::sync::Arc;

use es_core::{AnyConsumer, Feed};

use crate::dispensary::backend::Embedded;
#[cfg(feature = "aws")]
use crate::dispensary::backend::{DynamoDb, DynamoDbOptions};
use crate::dispensary::service::Dispensary;

use super::AnyError;
use super::place::{BackendKind, Place};

/// Open data.
pub(super) struct Opened {
    /// Where it is, for people.
    pub(super) place: String,
    /// How to say so on the command line.
    pub(super) arguments: String,
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
        let fresh = || {
            let name = format!("dispensary-{}", uuid::Uuid::now_v7().simple());
            std::env::temp_dir().join(name)
        };
        let directory = place.data_dir.clone().unwrap_or_else(fresh);
        match place.checked_backend()? {
            BackendKind::Sqlite => {
                let embedded = Embedded::open(&directory).await?;
                Self::embedded(directory, embedded).await
            }
            BackendKind::Dynamodb => Self::dynamodb(directory, place).await,
        }
    }

    /// The data at `place`, which must be there.
    pub(super) async fn existing(place: Place) -> Result<Self, AnyError> {
        match (place.checked_backend()?, place.named_directory()?) {
            (BackendKind::Sqlite, Some(directory)) => {
                let directory = directory.to_owned();
                let embedded = Embedded::open_existing(&directory).await?;
                Self::embedded(directory, embedded).await
            }
            _ => Self::new(place).await,
        }
    }

    /// The data at `place`, which is made if need be, but must be named.
    pub(super) async fn named(place: Place) -> Result<Self, AnyError> {
        place.checked_backend()?;
        place.named_directory()?;
        Self::new(place).await
    }

    async fn embedded(directory: PathBuf, embedded: Embedded) -> Result<Self, AnyError> {
        let directory = std::path::absolute(directory)?;
        let backend = embedded.backend();
        let feed = backend.feed.clone();
        let dispensary = Arc::new(Dispensary::new(backend).await?);
        let place = directory.display().to_string();
        let arguments = data_dir_argument(&directory);
        Ok(Self { place, arguments, dispensary, feed, kept: Kept::Embedded(embedded) })
    }

    #[cfg(feature = "aws")]
    async fn dynamodb(directory: PathBuf, place: Place) -> Result<Self, AnyError> {
        let directory = std::path::absolute(directory)?;
        let options = place.dynamodb_options();
        let shown = format!("{}, files in {}", options.place(), directory.display());
        let arguments = format!("{} {}", options.arguments(), data_dir_argument(&directory));
        let dynamodb = DynamoDb::open(&directory, options).await?;
        let backend = dynamodb.backend();
        let feed = backend.feed.clone();
        let dispensary = Arc::new(Dispensary::new(backend).await?);
        Ok(Self { place: shown, arguments, dispensary, feed, kept: Kept::DynamoDb(dynamodb) })
    }

    #[cfg(not(feature = "aws"))]
    async fn dynamodb(_: PathBuf, _: Place) -> Result<Self, AnyError> {
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

impl Place {
    fn checked_backend(&self) -> Result<BackendKind, AnyError> {
        match self.misplaced() {
            Some(flag) => Err(format!("{flag} goes with --backend dynamodb").into()),
            None => Ok(self.backend),
        }
    }

    /// The data directory, which must be named unless the data is elsewhere.
    fn named_directory(&self) -> Result<Option<&Path>, AnyError> {
        let is_elsewhere = self.backend == BackendKind::Dynamodb && !self.dynamodb.local;
        match &self.data_dir {
            Some(directory) => Ok(Some(directory)),
            None if is_elsewhere => Ok(None),
            None => Err("--data-dir DIR says whose data this is about".into()),
        }
    }

    #[cfg(feature = "aws")]
    fn dynamodb_options(self) -> DynamoDbOptions {
        let given = self.dynamodb;
        DynamoDbOptions {
            create_tables: given.create_tables || given.local || given.endpoint_url.is_some(),
            table_prefix: given.table_prefix,
            endpoint_url: given.endpoint_url,
            region: given.region,
            profile: given.profile,
            local: given.local,
        }
    }
}
