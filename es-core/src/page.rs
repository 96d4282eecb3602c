//! What a read gives at a time.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::{slice, vec};

use crate::commit::Commit;

/// Some commits of a stream, in the order of the read. Dereferences to a slice of them.
///
/// A store that keeps commits in memory hands out [those that it has](Self::shared): then reading copies
/// nothing and counts no references, however many commits there are.
///
/// ```
/// use es_core::Page;
///
/// let page = Page::from(vec![]);
/// assert!(page.is_empty());
/// ```
#[derive(Clone, Default)]
pub struct Page(Commits);

#[derive(Clone)]
enum Commits {
    Owned(Vec<Commit>),
    Shared(Arc<Vec<Commit>>, Range<usize>),
}

impl Default for Commits {
    fn default() -> Self {
        Self::Owned(Vec::new())
    }
}

impl Page {
    /// The commits in `range` of those that a store keeps; those of the range that it does not have are
    /// left out.
    pub fn shared(commits: Arc<Vec<Commit>>, range: Range<usize>) -> Self {
        let end = range.end.min(commits.len());
        Self(Commits::Shared(commits, range.start.min(end)..end))
    }

    /// The commits as a vector of their own.
    pub fn into_vec(self) -> Vec<Commit> {
        match self.0 {
            Commits::Owned(commits) => commits,
            Commits::Shared(commits, range) => commits[range].to_vec(),
        }
    }
}

impl Deref for Page {
    type Target = [Commit];

    fn deref(&self) -> &[Commit] {
        match &self.0 {
            Commits::Owned(commits) => commits,
            Commits::Shared(commits, range) => &commits[range.clone()],
        }
    }
}

impl From<Vec<Commit>> for Page {
    fn from(commits: Vec<Commit>) -> Self {
        Self(Commits::Owned(commits))
    }
}

impl FromIterator<Commit> for Page {
    fn from_iter<I: IntoIterator<Item = Commit>>(commits: I) -> Self {
        Vec::from_iter(commits).into()
    }
}

impl Extend<Commit> for Page {
    fn extend<I: IntoIterator<Item = Commit>>(&mut self, more: I) {
        let mut commits = std::mem::take(self).into_vec();
        commits.extend(more);
        *self = commits.into();
    }
}

impl IntoIterator for Page {
    type Item = Commit;
    type IntoIter = vec::IntoIter<Commit>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a Page {
    type Item = &'a Commit;
    type IntoIter = slice::Iter<'a, Commit>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Page {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Page {}

impl PartialEq<Vec<Commit>> for Page {
    fn eq(&self, other: &Vec<Commit>) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&**self).finish()
    }
}
