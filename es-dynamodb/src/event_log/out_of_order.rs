//! Heads whose ids tell nothing about what is before them.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use es_core::{CommitId, Head};

use super::commit_item::IdOrder;

/// How many ids are noted. A stream with more of them is one that was imported, or of a clock that was
/// far ahead.
const MAX_NOTED: usize = 10_000;

/// The ids of the commits with [`IdOrder::OutOfOrder`] that were read or written here.
///
/// A commit behind one of them can have a greater id than it, and still not the greatest of the stream.
/// Its writer must look, or later searches would stop at it and miss what is before. As trusted heads
/// come from reads, the writer has come across the item of each.
#[derive(Debug, Default)]
pub(crate) struct OutOfOrderIds(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    ids: HashSet<CommitId>,
    /// There were too many to note them all: any head may be one of them.
    are_more: bool,
}

impl OutOfOrderIds {
    /// Notes what an item says.
    pub(super) fn note(&self, id: CommitId, order: IdOrder) {
        if order == IdOrder::Ascending {
            return;
        }
        let mut noted = self.noted();
        if noted.ids.len() < MAX_NOTED {
            noted.ids.insert(id);
        } else {
            noted.are_more |= !noted.ids.contains(&id);
        }
    }

    /// Whether a stream may have greater ids before `head` than that one's.
    pub(super) fn may_have(&self, head: Head) -> bool {
        let noted = self.noted();
        noted.are_more || noted.ids.contains(&head.commit_id())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use es_core::Version;

    use super::*;

    fn id(n: usize) -> CommitId {
        CommitId::from_bytes((n as u128).to_be_bytes())
    }

    fn head(n: usize) -> Head {
        Head::from_stored(id(n), Version::FIRST, Version::FIRST)
    }

    #[test]
    fn when_there_are_too_many_any_head_may_be_one_of_them() {
        let ids = OutOfOrderIds::default();
        ids.note(id(MAX_NOTED + 1), IdOrder::Ascending);
        for n in (0..MAX_NOTED).chain(0..MAX_NOTED) {
            ids.note(id(n), IdOrder::OutOfOrder);
        }
        assert!(ids.may_have(head(7)) && !ids.may_have(head(MAX_NOTED + 1)));
        ids.note(id(MAX_NOTED), IdOrder::OutOfOrder);
        assert!(ids.may_have(head(7)) && ids.may_have(head(MAX_NOTED + 1)));
    }
}
