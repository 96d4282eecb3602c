use es_core::{Error, PartitionId, Result};

/// Where the commits of a partition are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// In the table.
    Segment(Segment),
    /// In the shard of the table's stream that has the partition's name.
    Shard,
}

/// A segment of a parallel scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Which of them, from 0.
    pub(super) index: u32,
    /// How many there are.
    pub(super) total: u32,
}

impl Source {
    /// What the name of a partition says.
    pub(super) fn of(partition: &PartitionId) -> Result<Self> {
        let name = partition.as_str();
        if let Some(segment) = Segment::named(name) {
            return Ok(Self::Segment(segment));
        }
        if name.starts_with("shardId-") {
            return Ok(Self::Shard);
        }
        Err(Error::Misuse(format!("the feed has no partition {partition}")))
    }
}

impl Segment {
    /// The partitions of a history in so many segments.
    pub(super) fn all_of(total: u32) -> impl Iterator<Item = Result<PartitionId>> {
        (0..total).map(move |index| PartitionId::new(&format!("scan-{index}-of-{total}")))
    }

    fn named(name: &str) -> Option<Self> {
        let (index, total) = name.strip_prefix("scan-")?.split_once("-of-")?;
        let segment = Self { index: index.parse().ok()?, total: total.parse().ok()? };
        // `parse` would also take a sign or zeros before the number.
        let is_so_called =
            format!("{}-of-{}", segment.index, segment.total) == name["scan-".len()..];
        (is_so_called && segment.index < segment.total).then_some(segment)
    }
}

/// Stands for a stream among the parents of its first shards. It is never listed: who has kept the
/// stream's anchors has it as ended, and to all others it says that the stream is not the one that they
/// were reading.
pub(super) fn origin(stream_label: &str) -> Result<PartitionId> {
    PartitionId::new(&format!("stream-{stream_label}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> Result<Source> {
        Source::of(&PartitionId::new(name)?)
    }

    #[test]
    fn segments_have_the_names_that_they_are_listed_under() {
        let listed: Vec<_> = Segment::all_of(3).map(Result::unwrap).collect();
        for (index, partition) in (0..).zip(&listed) {
            let segment = Source::Segment(Segment { index, total: 3 });
            assert_eq!(Source::of(partition).unwrap(), segment);
        }
        assert_eq!(source("shardId-0000-1").unwrap(), Source::Shard);
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "scan-3-of-3",
            "scan-0-of-0",
            "scan-+1-of-3",
            "scan-01-of-3",
            "scan-1",
            "es",
            "stream-x",
        ] {
            assert!(matches!(source(name), Err(Error::Misuse(_))), "{name}");
        }
    }
}
