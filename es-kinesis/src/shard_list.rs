//! The shards of a data stream.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use es_core::{Error, Result};
use tokio::sync::Mutex;

use crate::data_stream::DataStream;
use crate::hash_key::HashKeyRange;

/// How long a list is good for.
const LISTED_FOR: Duration = Duration::from_secs(5);

/// The last list. Who finds it too old makes a new one, while others wait for it.
#[derive(Debug, Default)]
pub(crate) struct ShardLists(Mutex<Option<(Duration, Arc<ShardList>)>>);

/// The shards that still have records, and those that may get some, as they were at one time.
#[derive(Debug)]
pub(crate) struct ShardList {
    shards: Vec<Shard>,
}

/// A part of the stream, with the records of a range of hash keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) id: String,
    /// The shards that it came from: one after a split, two after a merge, none at the stream's beginning.
    pub(crate) parents: Vec<String>,
    pub(crate) hash_keys: HashKeyRange,
    /// Whether it takes records.
    pub(crate) is_open: bool,
}

impl DataStream {
    /// The shards, as they were a short while ago.
    pub(crate) async fn shards(&self) -> Result<Arc<ShardList>> {
        let mut last = self.shard_lists().0.lock().await;
        let now = self.clock().monotonic();
        if let Some((at, list)) = &*last
            && now.saturating_sub(*at) < LISTED_FOR
        {
            return Ok(Arc::clone(list));
        }
        let list = Arc::new(self.list_shards().await?);
        *last = Some((now, Arc::clone(&list)));
        Ok(list)
    }

    /// Lets the next list be a new one: there are other shards now.
    pub(crate) async fn forget_shards(&self) {
        *self.shard_lists().0.lock().await = None;
    }

    async fn list_shards(&self) -> Result<ShardList> {
        let (mut shards, mut next) = (Vec::new(), None);
        loop {
            let request = self.client().list_shards();
            // The token stands for the stream, and both together are refused.
            let request = match next {
                None => request.stream_name(self.name()),
                Some(token) => request.next_token(token),
            };
            let what = format!("listing the shards of {}", self.name());
            let page = request.send().await.map_err(|error| self.failed(&what, error))?;
            for shard in page.shards.unwrap_or_default() {
                shards.push(shard_of(shard)?);
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(ShardList { shards });
            }
        }
    }
}

impl ShardList {
    #[cfg(test)]
    pub(crate) fn of(shards: Vec<Shard>) -> Self {
        Self { shards }
    }

    pub(crate) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    pub(crate) fn shard(&self, id: &str) -> Option<&Shard> {
        self.shards.iter().find(|shard| shard.id == id)
    }

    /// The parents that are not there any more: all their records have expired.
    pub(crate) fn gone_parents(&self) -> impl Iterator<Item = &str> {
        let ids: HashSet<&str> = self.shards.iter().map(|shard| &*shard.id).collect();
        let parents: HashSet<&str> =
            self.shards.iter().flat_map(|shard| &shard.parents).map(|id| &**id).collect();
        parents.into_iter().filter(move |id| !ids.contains(id))
    }
}

fn shard_of(shard: aws_sdk_kinesis::types::Shard) -> Result<Shard> {
    let corrupt =
        |reason: String| Error::Corrupt { what: format!("shard {}", shard.shard_id), reason };
    let range = shard.hash_key_range.as_ref();
    let range = range.ok_or_else(|| corrupt("it has no range of hash keys".to_owned()))?;
    let hash_keys = HashKeyRange::parse(&range.starting_hash_key, &range.ending_hash_key)
        .map_err(|error| corrupt(error.to_string()))?;
    let numbers = shard.sequence_number_range.as_ref();
    let is_open = numbers.is_none_or(|range| range.ending_sequence_number.is_none());
    let parents = shard.parent_shard_id.into_iter().chain(shard.adjacent_parent_shard_id);
    Ok(Shard { id: shard.shard_id, parents: parents.collect(), hash_keys, is_open })
}
