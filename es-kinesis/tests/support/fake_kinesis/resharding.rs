//! Splits and merges that come in between.

use serde_json::Value;

use super::asked::Asked;
use super::hash_key;
use super::model::Model;
use super::moment::Moment;
use super::reading::Place;
use super::stream::Stream;

/// How many open shards are split further: a long test would have ever more.
const MOST_OPEN_SHARDS: usize = 16;

impl Model {
    /// Splits a shard that a request is about, or merges it with a neighbour, if it can be done.
    pub(super) fn reshape_for(
        &mut self,
        operation: &str,
        asked: &Value,
        is_split: bool,
        rng: &mut fastrand::Rng,
    ) -> bool {
        let now = self.now();
        let Some((stream, shard)) = self.concerned(operation, Asked(asked), now, rng) else {
            return false;
        };
        if is_split { split(stream, &shard, now) } else { merge(stream, &shard, now, rng) }
    }

    /// The stream and the open shard that a request is about, or another open one if it is closed.
    fn concerned(
        &mut self,
        operation: &str,
        asked: Asked<'_>,
        now: Moment,
        rng: &mut fastrand::Rng,
    ) -> Option<(&mut Stream, String)> {
        let place = asked.text("ShardIterator").and_then(|iterator| Place::opened(iterator, now));
        let name = place.as_ref().map_or_else(|_| asked.stream(), |place| Ok(&place.stream));
        let stream = self.stream_mut(name.ok()?, now).ok()?;
        let shard = match operation {
            "GetRecords" => place.ok()?.shard,
            "PutRecords" => {
                let entry = rng.choice(asked.list("Records").ok()?)?;
                stream.shard_of(hash_key_of(Asked(entry))?).id()
            }
            _ => stream.shard_of(hash_key_of(asked)?).id(),
        };
        let open: Vec<_> = stream.open_shards().iter().map(|shard| shard.id()).collect();
        let shard = if open.contains(&shard) { shard } else { rng.choice(open)? };
        Some((stream, shard))
    }
}

fn split(stream: &mut Stream, shard: &str, now: Moment) -> bool {
    if stream.open_shards().len() >= MOST_OPEN_SHARDS {
        return false;
    }
    let middle = stream.shard(shard, now).map(|shard| hash_key::middle(&shard.hash_keys));
    middle.and_then(|middle| stream.split(shard, middle, now)).is_ok()
}

fn merge(stream: &mut Stream, shard: &str, now: Moment, rng: &mut fastrand::Rng) -> bool {
    let open: Vec<_> = stream.open_shards().iter().map(|shard| shard.id()).collect();
    let pairs = open.windows(2).filter(|pair| pair.iter().any(|id| id == shard));
    let Some([low, high]) = rng.choice(pairs.collect::<Vec<_>>()) else { return false };
    stream.merge(low, high, now).is_ok()
}

fn hash_key_of(entry: Asked<'_>) -> Option<u128> {
    match entry.optional_text("ExplicitHashKey") {
        Some(explicit) => hash_key::parse(explicit).ok(),
        None => entry.text("PartitionKey").ok().map(hash_key::hash_key),
    }
}
