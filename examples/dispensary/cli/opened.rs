use std::path::PathBuf;
use std::sync::Arc;

use es_core::AnyConsumer;

use crate::dispensary::service::{Dispensary, Embedded};

use super::AnyError;

/// An open data directory.
pub(super) struct Opened {
    pub(super) directory: PathBuf,
    pub(super) dispensary: Arc<Dispensary>,
    embedded: Embedded,
}

impl Opened {
    /// The given directory, made if need be, or a fresh one.
    pub(super) async fn new(data_dir: Option<PathBuf>) -> Result<Self, AnyError> {
        let fresh = || {
            let name = format!("dispensary-{}", uuid::Uuid::now_v7().simple());
            std::env::temp_dir().join(name)
        };
        let directory = data_dir.unwrap_or_else(fresh);
        let embedded = Embedded::open(&directory).await?;
        Self::with(directory, embedded).await
    }

    /// The given directory, which must have data.
    pub(super) async fn existing(data_dir: Option<PathBuf>) -> Result<Self, AnyError> {
        let directory = data_dir.ok_or("--data-dir DIR says whose data this is about")?;
        let embedded = Embedded::open_existing(&directory).await?;
        Self::with(directory, embedded).await
    }

    async fn with(directory: PathBuf, embedded: Embedded) -> Result<Self, AnyError> {
        let directory = std::path::absolute(directory)?;
        let dispensary = Arc::new(Dispensary::new(embedded.backend()).await?);
        Ok(Self { directory, dispensary, embedded })
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
        Ok(self.embedded.close().await?)
    }
}
