//! Where the files are: the watched directory, or a bucket.

mod bucket;
mod directory;

use std::fmt::Debug;

use async_trait::async_trait;

use super::reading::Document;

pub use bucket::Bucket;
pub use directory::{Directory, FileState, Files};

/// Which file a message tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    /// One of the watched directory.
    InDirectory {
        /// Its name.
        name: String,
    },
    /// An object of a bucket.
    InBucket {
        /// The bucket's name.
        bucket: String,
        /// The object's key.
        key: String,
    },
}

impl File {
    /// Its name, or the object's key.
    pub fn name(&self) -> &str {
        match self {
            Self::InDirectory { name } | Self::InBucket { key: name, .. } => name,
        }
    }
}

/// Gives the contents of the files that messages tell of.
#[async_trait]
pub trait Documents: Debug + Send + Sync + 'static {
    /// What is in the file, as far as it matters: one byte more than a document may have is enough to see
    /// that it has too many.
    ///
    /// # Errors
    ///
    /// [`DocumentError`].
    async fn read(&self, file: &File) -> Result<Vec<u8>, DocumentError>;

    /// Puts a file where others put theirs, in one step: nobody sees a half of it.
    ///
    /// # Errors
    ///
    /// [`DocumentError`].
    async fn put(&self, name: &str, content: Vec<u8>) -> Result<(), DocumentError>;
}

/// As much of a file as is read.
const ENOUGH: usize = Document::MAX_SIZE + 1;

/// Why there is no content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// There is no such file; it may have been removed since.
    #[error("the file {0:?} is not there")]
    Missing(String),
    /// It is not one of those that are taken here.
    #[error("the file {0:?} is not where files are taken from")]
    Elsewhere(String),
    /// It cannot be read now.
    #[error("the file {name:?} cannot be read")]
    Unreadable {
        /// Its name.
        name: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It cannot be put there now.
    #[error("the file {name:?} cannot be written")]
    Unwritable {
        /// Its name.
        name: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl DocumentError {
    /// Whether trying again can help by itself. A file that is missing has to be put back first.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Unwritable { .. })
    }
}
