use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::commit::Commit;
use crate::stream_id::StreamId;
use crate::version::{Head, Version};

/// Where each stream has come to. A stream's name is kept as 128 bits of its SHA-256, so that a name of
/// 250 bytes takes no more memory than one of ten.
#[derive(Debug, Default)]
pub(super) struct StreamEnds(HashMap<[u8; 16], Head>);

impl StreamEnds {
    /// The version that comes next in a stream.
    pub(super) fn next(&self, stream: &StreamId) -> Version {
        self.0.get(&key(stream)).map_or(Version::FIRST, |head| head.version().next())
    }

    /// Moves a stream on by the commit that comes next in it, and returns where the stream ended
    /// before.
    pub(super) fn advance(&mut self, commit: &Commit) -> Result<Option<Head>, OutOfOrder> {
        let key = key(commit.stream());
        let end = self.0.get(&key).copied();
        let expected = end.map_or(Version::FIRST, |head| head.version().next());
        if commit.first_version() != expected {
            return Err(OutOfOrder { expected });
        }
        self.0.insert(key, commit.head());
        Ok(end)
    }
}

/// A commit does not come next in its stream.
#[derive(Debug)]
pub(super) struct OutOfOrder {
    /// The version that does.
    pub(super) expected: Version,
}

fn key(stream: &StreamId) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&Sha256::digest(stream.as_str())[..16]);
    key
}
