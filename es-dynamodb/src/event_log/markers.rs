//! Markers: where commits are whose ids do not grow along their stream.
//!
//! A commit whose id is not a UUIDv7 is written together with a marker. Both are new or neither is, so
//! such an id is once in a stream, under whatever head it comes.
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | the stream |
//! | `sk` | N | negative, made of the commit id: see [`sort_key`] |
//! | `i` | B | the commit id |
//! | `f` | N | the first version of the commit |

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{Commit, CommitId, Error, Result, StreamId, Version};

use crate::item::{Item, TakeAttribute as _, binary, number, text};
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

const COMMIT_ID: &str = "i";
const FIRST_VERSION: &str = "f";

/// The marker of a commit.
pub(super) fn marker_of(commit: &Commit) -> Item {
    Item::from([
        (PARTITION_KEY.to_owned(), text(commit.stream().as_str())),
        (SORT_KEY.to_owned(), sort_key(commit.id())),
        (COMMIT_ID.to_owned(), binary(*commit.id().as_bytes())),
        (FIRST_VERSION.to_owned(), number(commit.first_version())),
    ])
}

/// A number that no other id has. DynamoDB keeps 38 digits of a number and a power of ten: 126 bits of
/// the id are in the digits, the first two are the power. With a first digit that is not 0 the digits
/// cannot be mistaken for others with another power.
fn sort_key(id: CommitId) -> AttributeValue {
    const LEADING: u128 = 10_u128.pow(37);
    let bits = u128::from_be_bytes(*id.as_bytes());
    let (power, digits) = (bits >> 126, bits & (u128::MAX >> 2));
    let zeros = "0".repeat(usize::try_from(power).unwrap_or_default());
    AttributeValue::N(format!("-{}{zeros}", LEADING + digits))
}

/// Where the commit is that a marker in `stream` stands for.
pub(super) fn place_in(stream: &StreamId, mut marker: Item) -> Result<Version> {
    let version = marker.take_number::<u64>(FIRST_VERSION).map_err(|reason| Error::Corrupt {
        what: format!("the marker of a commit id in {stream}"),
        reason,
    })?;
    Ok(Version::new(version))
}

impl DynamoStore {
    /// The commit with this id, if there is a marker for it.
    pub(super) async fn find_marked(
        &self,
        stream: &StreamId,
        id: CommitId,
    ) -> Result<Option<Commit>> {
        let Some(marker) = self.log_item(stream, sort_key(id)).await? else { return Ok(None) };
        let version = place_in(stream, marker)?;
        self.marked_commit(stream, id, version).await.map(Some)
    }

    /// The commit that a marker says is at `version`.
    pub(super) async fn marked_commit(
        &self,
        stream: &StreamId,
        id: CommitId,
        version: Version,
    ) -> Result<Commit> {
        let damaged = |reason: &str| Error::CorruptCommit {
            stream: stream.clone(),
            version,
            reason: reason.to_owned(),
        };
        let Some(item) = self.commit_item(stream, version).await? else {
            return Err(damaged("it is missing, and its id is marked"));
        };
        let commit = self.complete(item).await?;
        if commit.id() != id {
            return Err(damaged("it does not have the id whose marker names it"));
        }
        Ok(commit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(bits: u128) -> String {
        let key = sort_key(CommitId::from_bytes(bits.to_be_bytes()));
        key.as_n().cloned().unwrap()
    }

    #[test]
    fn ids_that_differ_in_their_first_bits_have_different_keys() {
        let keys: std::collections::HashSet<_> = (0..4)
            .flat_map(|first| [0, 1, u128::MAX >> 2].map(|rest| key(first << 126 | rest)))
            .collect();
        assert_eq!(keys.len(), 12);
        assert_eq!(key(0), format!("-1{}", "0".repeat(37)));
        assert_eq!(key(1 << 126), format!("-1{}", "0".repeat(38)));
    }

    proptest! {
        #[test]
        fn an_id_fits_in_the_digits_of_a_number(bits in any::<u128>(), other in any::<u128>()) {
            let digits = key(bits);
            let significant = digits.trim_start_matches('-').trim_end_matches('0');
            prop_assert!(significant.len() <= 38, "{digits}");
            prop_assert_eq!(bits == other, digits == key(other));
        }
    }
}
