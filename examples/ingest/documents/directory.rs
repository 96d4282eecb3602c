use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use async_trait::async_trait;
use tokio::io::AsyncReadExt as _;

use super::{DocumentError, Documents, ENOUGH, File};

/// The files of a directory: not those of directories in it, no links, and nothing whose name begins with a
/// dot, as of files that are being written.
#[derive(Debug, Clone)]
pub struct Directory(PathBuf);

/// A file as a look at the directory shows it. Where it is the same as before, so is the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// When it was written last.
    pub modified: SystemTime,
}

/// What a look at the directory shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// The files, in the order of their names.
    pub files: Vec<FileState>,
    /// The names of those whose names are no text: no message can name them.
    pub no_texts: BTreeSet<OsString>,
}

impl Directory {
    /// The files in `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The files that are there now.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub async fn files(&self) -> io::Result<Files> {
        let mut found = Files::default();
        let mut entries = tokio::fs::read_dir(&self.0).await?;
        while let Some(entry) = entries.next_entry().await? {
            // It may have gone since.
            let Ok(metadata) = entry.metadata().await else { continue };
            if !metadata.is_file() {
                continue;
            }
            match entry.file_name().into_string() {
                Ok(name) if is_taken(&name) => {
                    let (size, modified) = (metadata.len(), metadata.modified()?);
                    found.files.push(FileState { name, size, modified });
                }
                Ok(_) => {}
                Err(name) if name.as_encoded_bytes().starts_with(b".") => {}
                Err(name) => drop(found.no_texts.insert(name)),
            }
        }
        found.files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// What is in one of them, up to the most that is read; `None` when it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn content(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.0.join(name);
        // A link could lead anywhere.
        match tokio::fs::symlink_metadata(&path).await {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let file = match tokio::fs::File::open(&path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut content = Vec::new();
        file.take(ENOUGH as u64).read_to_end(&mut content).await?;
        Ok(Some(content))
    }
}

/// Messages come from outside: a name must not lead out of the directory.
fn is_taken(name: &str) -> bool {
    !name.starts_with('.') && Path::new(name).file_name().is_some_and(|file| file == name)
}

#[async_trait]
impl Documents for Directory {
    async fn read(&self, file: &File) -> Result<Vec<u8>, DocumentError> {
        let name = match file {
            File::InDirectory { name } if is_taken(name) => name,
            other => return Err(DocumentError::Elsewhere(other.name().to_owned())),
        };
        match self.content(name).await {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(DocumentError::Missing(name.clone())),
            Err(source) => {
                Err(DocumentError::Unreadable { name: name.clone(), source: source.into() })
            }
        }
    }

    async fn put(&self, name: &str, content: Vec<u8>) -> Result<(), DocumentError> {
        if !is_taken(name) {
            return Err(DocumentError::Elsewhere(name.to_owned()));
        }
        let half = self.0.join(format!(".{name}.part"));
        let put = async {
            tokio::fs::write(&half, content).await?;
            tokio::fs::rename(&half, self.0.join(name)).await
        };
        put.await.map_err(|source| DocumentError::Unwritable {
            name: name.to_owned(),
            source: source.into(),
        })
    }
}

#[cfg(test)]
mod tests;
