use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use es_core::{AnyConsumer, Consumers, Feed};

use crate::command_line::AnyError;
#[cfg(feature = "aws")]
use crate::dispensary::backend::{Aws, DynamoDb};
use crate::dispensary::backend::{Embedded, files_in};
use crate::dispensary::service::Dispensary;

use super::place::{BackendKind, Place};

/// Open data.
pub(super) struct Opened {
    /// Where it is, for people.
    pub(super) place: String,
    /// How to say so on the command line.
    pub(super) arguments: String,
    /// Where the prescription files are.
    pub(super) files: Files,
    pub(super) dispensary: Arc<Dispensary>,
    pub(super) feed: Arc<dyn Feed>,
    kept: Kept,
}

/// Where the prescription files are.
pub(super) enum Files {
    Directory(PathBuf),
    #[cfg(feature = "aws")]
    Bucket(String),
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => write!(f, "the directory {}", directory.display()),
            #[cfg(feature = "aws")]
            Self::Bucket(bucket) => write!(f, "the bucket {bucket}"),
        }
    }
}

/// What has to be closed in the end.
enum Kept {
    Embedded(Embedded),
    #[cfg(feature = "aws")]
    DynamoDb(DynamoDb),
    #[cfg(feature = "aws")]
    Aws(Aws),
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
            BackendKind::Dynamodb | BackendKind::Aws => {
                let create_tables = place.makes_tables();
                Self::on_tables(directory, place, create_tables).await
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
            BackendKind::Dynamodb | BackendKind::Aws => {
                let create_tables = place.dynamodb.create_tables;
                Self::on_tables(directory, place, create_tables).await
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
        let arguments = data_dir_argument(&directory);
        let files = Files::Directory(files_in(&directory));
        Ok(Self { place, arguments, files, dispensary, feed, kept: Kept::Embedded(embedded) })
    }

    #[cfg(feature = "aws")]
    async fn on_tables(
        directory: PathBuf,
        place: Place,
        create_tables: bool,
    ) -> Result<Self, AnyError> {
        let directory = std::path::absolute(directory)?;
        let Place { backend, dynamodb, aws, .. } = place;
        let tables = dynamodb.options(create_tables);
        let bucket = aws.bucket.clone();
        let (place, arguments, backend, kept) = if backend == BackendKind::Aws {
            let options = aws.options(tables);
            let (place, arguments) = (options.place(), options.arguments());
            let aws = Aws::open(&directory, options).await?;
            (place, arguments, aws.backend(), Kept::Aws(aws))
        } else {
            let (place, arguments) = (tables.place(), tables.arguments());
            let dynamodb = DynamoDb::open(&directory, tables).await?;
            (place, arguments, dynamodb.backend(), Kept::DynamoDb(dynamodb))
        };
        let (files, argument) = match bucket {
            Some(bucket) => {
                let argument = format!("--bucket {bucket}");
                (Files::Bucket(bucket), argument)
            }
            None => (Files::Directory(files_in(&directory)), data_dir_argument(&directory)),
        };
        let place = format!("{place}, files in {files}");
        let arguments = format!("{arguments} {argument}");
        let feed = backend.feed.clone();
        let dispensary = Arc::new(Dispensary::new(backend).await?);
        Ok(Self { place, arguments, files, dispensary, feed, kept })
    }

    #[cfg(not(feature = "aws"))]
    async fn on_tables(_: PathBuf, _: Place, _: bool) -> Result<Self, AnyError> {
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

    /// The projections of these names, or all.
    pub(super) fn projections(&self, names: &[String]) -> Result<Consumers, AnyError> {
        let all = self.dispensary.projections();
        if names.is_empty() {
            return Ok(all);
        }
        let found = names.iter().map(|name| match all.get(name) {
            Some(projection) => Ok(projection.clone()),
            None => {
                let names: Vec<&str> = all.iter().map(|view| view.id().as_str()).collect();
                Err(format!("there is no view {name:?}; there are {}", names.join(", ")).into())
            }
        });
        found.collect()
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
            #[cfg(feature = "aws")]
            Kept::Aws(aws) => aws.close().await,
        }
        Ok(())
    }
}

fn data_dir_argument(directory: &Path) -> String {
    format!("--data-dir {}", directory.display())
}
