//! The prescription files, in an object store.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use sha2::{Digest, Sha256};

use super::domain::PrescriptionFile;

/// Keeps prescription files under keys that are made from their content, so that storing one again
/// changes nothing.
#[derive(Debug, Clone)]
pub struct PrescriptionFiles {
    objects: Arc<dyn ObjectStore>,
}

/// Why a file is not taken, or cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It has no content.
    #[error("the file is empty")]
    Empty,
    /// It is too large.
    #[error("the file has {0} bytes; at most {max} are taken", max = PrescriptionFiles::MAX_SIZE)]
    TooLarge(usize),
    /// It is announced as something else than plain text.
    #[error("the file is {0:?}; text/plain is taken")]
    ContentType(String),
    /// It is announced as text and is none.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// It was stored, and is not there any more.
    #[error("the stored file {0} is not there any more")]
    Missing(String),
    /// What is stored is not what was uploaded.
    #[error("the stored file {0} is not what was uploaded")]
    Damaged(String),
    /// The object store failed.
    #[error("the object store failed")]
    Store(#[from] object_store::Error),
}

impl PrescriptionFiles {
    /// The most bytes of a file. Far more than a prescription has; findings may be some forty times as
    /// large as the text, and are stored in one event.
    pub const MAX_SIZE: usize = 16 * 1024;
    const CONTENT_TYPE: &'static str = "text/plain";

    /// Files in `objects`.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self { objects }
    }

    /// Checks a file without storing it.
    ///
    /// # Errors
    ///
    /// [`FileError`] when it is empty, too large, or not plain UTF-8 text.
    pub fn check(content_type: &str, content: &[u8]) -> Result<PrescriptionFile, FileError> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case(Self::CONTENT_TYPE) {
            return Err(FileError::ContentType(content_type.to_owned()));
        }
        if content.is_empty() {
            return Err(FileError::Empty);
        }
        if content.len() > Self::MAX_SIZE {
            return Err(FileError::TooLarge(content.len()));
        }
        if std::str::from_utf8(content).is_err() || content.contains(&0) {
            return Err(FileError::NotText);
        }
        let sha256 = sha256(content);
        Ok(PrescriptionFile {
            key: format!("prescriptions/{sha256}.txt"),
            size: content.len() as u64,
            content_type: Self::CONTENT_TYPE.to_owned(),
            sha256,
        })
    }

    /// Stores a file that was [checked](Self::check).
    ///
    /// # Errors
    ///
    /// [`FileError::Store`].
    pub async fn store(&self, file: &PrescriptionFile, content: Bytes) -> Result<(), FileError> {
        self.objects.put(&Path::from(file.key.as_str()), content.into()).await?;
        Ok(())
    }

    /// The text of a stored file.
    ///
    /// # Errors
    ///
    /// [`FileError::Missing`] when it is not there, [`FileError::Damaged`] when it is not what was
    /// uploaded, [`FileError::Store`].
    pub async fn text(&self, file: &PrescriptionFile) -> Result<String, FileError> {
        let stored = match self.objects.get(&Path::from(file.key.as_str())).await {
            Err(object_store::Error::NotFound { .. }) => {
                return Err(FileError::Missing(file.key.clone()));
            }
            stored => stored?,
        };
        let content = stored.bytes().await?;
        if sha256(&content) != file.sha256 {
            return Err(FileError::Damaged(file.key.clone()));
        }
        String::from_utf8(content.into()).map_err(|_| FileError::NotText)
    }
}

fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}
