//! Looking for a generated commit id from the end of a stream backwards.
//!
//! Generated ids grow along a stream, as a rule: [`CommitId::generate_after`] makes them so. Commits
//! that break it say so ([`IdOrder::OutOfOrder`]). So the first commit that does not, and has a smaller
//! generated id, ends the search: all before it are smaller still.

use es_core::{Commit, CommitId, Head, Result, StreamId, Version};

use super::commit_item::IdOrder;
use super::requests::CommitRange;
use crate::store::DynamoStore;

/// How many commits the requests of a search ask for, one after the other; then as many as there are.
const STEPS: [i32; 2] = [1, 25];

/// What a search has seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// Where the search began: the end of the stream, unless it began before.
    pub(super) end: Option<Head>,
    /// The commit that has the id.
    pub(super) found: Option<Commit>,
    /// How the id would stand behind that end.
    pub(super) order: IdOrder,
}

/// Where a search begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// At the end of the stream, which may settle the matter alone.
    AtTheEnd,
    /// At the commit that begins at this version, which is known not to settle it.
    At(Version),
}

/// One id that is looked for.
#[derive(Debug)]
struct IdSearch {
    id: CommitId,
    order: IdOrder,
}

/// What a commit means for a search that passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// It has the id.
    IsIt,
    /// Neither it nor any before it has the id.
    NotBefore,
    /// It does not have the id, and one before it may.
    GoOn,
}

impl IdSearch {
    fn new(id: CommitId) -> Self {
        Self { id, order: IdOrder::Ascending }
    }

    /// Takes the next commit to the front.
    fn pass(&mut self, id: CommitId, order: IdOrder) -> Passed {
        if id == self.id {
            return Passed::IsIt;
        }
        if !self.id.is_generated() {
            // Its marker tells where it is.
            return Passed::NotBefore;
        }
        if !id.is_generated() {
            return Passed::GoOn;
        }
        if id > self.id {
            self.order = IdOrder::OutOfOrder;
            return Passed::GoOn;
        }
        match order {
            IdOrder::Ascending => Passed::NotBefore,
            IdOrder::OutOfOrder => Passed::GoOn,
        }
    }
}

impl DynamoStore {
    /// Looks for a generated id. For any other id it looks no further than where it begins.
    pub(super) async fn look_back(
        &self,
        stream: &StreamId,
        id: CommitId,
        begin: Begin,
    ) -> Result<Seen> {
        let (last, steps) = match begin {
            Begin::AtTheEnd => (Version::new(u64::MAX), &STEPS[..]),
            Begin::At(version) => (version, &STEPS[1..]),
        };
        let mut search = IdSearch::new(id);
        let mut end = None;
        let mut limits = steps.iter().copied();
        let mut range = Some(CommitRange::backwards_from(stream.clone(), last));
        while let Some(next) = range {
            let page = self.item_page(next.limit(limits.next())).await?;
            for item in page.items {
                let item = self.read_commit_item(stream, item)?;
                end = end.or(Some(item.header.head()));
                match search.pass(item.header.id, item.header.order) {
                    Passed::IsIt => {
                        let found = Some(self.complete(item).await?);
                        return Ok(Seen { end, found, order: search.order });
                    }
                    Passed::NotBefore => {
                        item.check()?;
                        return Ok(Seen { end, found: None, order: search.order });
                    }
                    Passed::GoOn => item.check()?,
                }
            }
            range = page.rest;
        }
        Ok(Seen { end, found: None, order: search.order })
    }
}

#[cfg(test)]
mod tests {
    use es_core::Timestamp;
    use es_core::testing::SeededEntropy;
    use proptest::prelude::*;

    use super::*;

    /// One of few ids, most of them generated.
    fn id(n: u8) -> CommitId {
        let time = Timestamp::from_millisecond(i64::from(n)).expect("a time in range");
        let generated = CommitId::generate(time, &SeededEntropy::new(7));
        if n % 5 == 4 { CommitId::from_bytes([n; 16]) } else { generated }
    }

    fn search(stream: &[(CommitId, IdOrder)], id: CommitId) -> (bool, IdOrder) {
        let mut search = IdSearch::new(id);
        for (passed, order) in stream.iter().rev() {
            match search.pass(*passed, *order) {
                Passed::IsIt => return (true, search.order),
                Passed::NotBefore => break,
                Passed::GoOn => {}
            }
        }
        (false, search.order)
    }

    proptest! {
        /// Whatever generated ids come in whatever order, no one gets into a stream twice.
        #[test]
        fn a_generated_id_is_found_wherever_it_is(ids in prop::collection::vec(0..20_u8, 0..60)) {
            let mut stream: Vec<(CommitId, IdOrder)> = Vec::new();
            for id in ids.into_iter().map(id) {
                let there = stream.iter().any(|(other, _)| *other == id);
                let (found, order) = search(&stream, id);
                if id.is_generated() {
                    prop_assert_eq!(found, there);
                }
                if !there {
                    stream.push((id, order));
                }
            }
        }
    }

    #[test]
    fn a_greater_id_is_settled_by_the_end_alone() {
        let stream = [(id(1), IdOrder::Ascending), (id(2), IdOrder::Ascending)];
        let mut greater = IdSearch::new(id(3));
        assert_eq!(greater.pass(stream[1].0, stream[1].1), Passed::NotBefore);
        assert_eq!(greater.order, IdOrder::Ascending);
    }
}
