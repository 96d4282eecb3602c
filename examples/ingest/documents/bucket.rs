use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::{DocumentError, Documents, ENOUGH, File};

/// The objects of a bucket, which tells the topic itself of new ones.
#[derive(Debug, Clone)]
pub struct Bucket {
    name: String,
    objects: Arc<dyn ObjectStore>,
}

impl Bucket {
    /// The bucket of that name, with these objects.
    pub fn new(name: impl Into<String>, objects: Arc<dyn ObjectStore>) -> Self {
        Self { name: name.into(), objects }
    }

    async fn content(&self, key: &str) -> Result<Option<Vec<u8>>, object_store::Error> {
        // The key as S3 has it, whatever is in it.
        let object = match self.objects.get(&Path::parse(key)?).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            object => object?,
        };
        let mut content = Vec::new();
        let mut chunks = object.into_stream();
        while let Some(chunk) = chunks.try_next().await? {
            content.extend_from_slice(&chunk);
            if content.len() >= ENOUGH {
                content.truncate(ENOUGH);
                break;
            }
        }
        Ok(Some(content))
    }
}

#[async_trait]
impl Documents for Bucket {
    async fn read(&self, file: &File) -> Result<Vec<u8>, DocumentError> {
        let key = match file {
            File::InBucket { bucket, key } if *bucket == self.name => key,
            other => return Err(DocumentError::Elsewhere(other.name().to_owned())),
        };
        match self.content(key).await {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(DocumentError::Missing(key.clone())),
            Err(source) => {
                Err(DocumentError::Unreadable { name: key.clone(), source: source.into() })
            }
        }
    }

    async fn put(&self, name: &str, content: Vec<u8>) -> Result<(), DocumentError> {
        let put = async { self.objects.put(&Path::parse(name)?, content.into()).await };
        match put.await {
            Ok(_) => Ok(()),
            Err(source) => {
                Err(DocumentError::Unwritable { name: name.to_owned(), source: source.into() })
            }
        }
    }
}

#[cfg(test)]
mod tests;
