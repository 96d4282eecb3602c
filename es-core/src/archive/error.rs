use std::io;

use crate::error::Error;
use crate::stream_id::StreamId;
use crate::version::Version;

/// Why an archive could not be written, read or imported. Lines are counted from 1, the header's.
///
/// Texts never say what a payload says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file, or whatever it is, cannot be written or read.
    #[error("the archive cannot be written or read")]
    Io(#[from] io::Error),
    /// The log or the feed that is exported cannot be read.
    #[error("the log cannot be read")]
    Log(#[from] Error),
    /// A commit does not fit in a line of [`MAX_LINE_LEN`](super::MAX_LINE_LEN) bytes.
    #[error("the commit of {stream} at version {version} is too large for an archive")]
    TooLarge {
        /// The commit's stream.
        stream: StreamId,
        /// Where it begins.
        version: Version,
    },
    /// The first line is no header.
    #[error("this is no archive of a log: it does not begin with a header")]
    NotAnArchive,
    /// The archive was written by a version of the framework that this one does not understand.
    #[error("the archive has format {found}, and this program understands {supported}: update it")]
    UnsupportedFormat {
        /// The format found.
        found: u32,
        /// The newest format that this program can read.
        supported: u32,
    },
    /// A line is not what was written.
    #[error("line {line} of the archive is damaged: {reason}")]
    Damaged {
        /// The line.
        line: u64,
        /// What does not fit.
        reason: String,
    },
    /// A line has a commit that does not come next in its stream: a line is missing, twice, or in a
    /// wrong place.
    #[error(
        "line {line} of the archive has {stream} at version {found} where {expected} comes next"
    )]
    OutOfOrder {
        /// The line.
        line: u64,
        /// The commit's stream.
        stream: StreamId,
        /// The version that comes next in it.
        expected: Version,
        /// The version at which the commit begins.
        found: Version,
    },
    /// The archive has no end: it was not written to its end, or not copied whole.
    #[error("the archive is cut off behind line {line}")]
    Truncated {
        /// The last line that is whole.
        line: u64,
    },
    /// What the archive has is not what its end lists.
    #[error("the archive's end lists {listed} as its {what}, and it has {found}")]
    Mismatch {
        /// What differs, as "number of commits".
        what: &'static str,
        /// What the end lists.
        listed: String,
        /// What was found.
        found: String,
    },
    /// The store has another commit where the archive's belongs; it was left as it is.
    #[error(
        "line {line} of the archive has another commit than the store for {stream} at version {version}: {reason}"
    )]
    Occupied {
        /// The line.
        line: u64,
        /// The commit's stream.
        stream: StreamId,
        /// Where it begins.
        version: Version,
        /// What the store said.
        reason: String,
    },
    /// The store did not take a line's commit for another reason.
    #[error("the commit in line {line} of the archive cannot be appended")]
    Append {
        /// The line.
        line: u64,
        /// The store's error.
        source: Error,
    },
}

impl ArchiveError {
    /// Whether doing the same again can help without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Log(source) | Self::Append { source, .. } => source.is_transient(),
            _ => false,
        }
    }
}
