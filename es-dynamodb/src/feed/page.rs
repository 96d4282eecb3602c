use es_core::{Checkpoint, Commit, FeedPage, Result};

use crate::event_log::commit_item::{CommitItem, stream_of};
use crate::item::Item;
use crate::store::DynamoStore;

/// A page has room for one commit more while its bytes are below this. Answers of DynamoDB have 1 MB at
/// most; but the items in them can stand for much more, in continuation items.
const PAGE_BYTES: usize = 4 << 20;

/// The commits of a page, as far as they are gathered.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) commits: Vec<Commit>,
    bytes: usize,
    max_commits: usize,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is in the page.
    Commit,
    /// It is not a commit, but a marker or a continuation item.
    PassedOver,
    /// It begins another page: this one is full, or the commit cannot be read.
    Left,
}

impl Gathered {
    pub(super) fn up_to(max_commits: usize) -> Self {
        Self { commits: Vec::new(), bytes: 0, max_commits }
    }

    /// Takes the next item, completed if its commit does not fit in one.
    ///
    /// # Errors
    ///
    /// Why the commit cannot be read, when it is the first of the page: those before it are delivered.
    pub(super) async fn take(&mut self, store: &DynamoStore, item: Item) -> Result<Taken> {
        match self.next(store, item).await {
            Ok(taken) => Ok(taken),
            Err(_) if !self.commits.is_empty() => Ok(Taken::Left),
            Err(error) => Err(error),
        }
    }

    async fn next(&mut self, store: &DynamoStore, item: Item) -> Result<Taken> {
        let Some(stream) = stream_of(&item)? else { return Ok(Taken::PassedOver) };
        if self.commits.len() >= self.max_commits || self.bytes >= PAGE_BYTES {
            return Ok(Taken::Left);
        }
        let commit = store.complete(CommitItem::read(&stream, item)?).await?;
        self.bytes += commit.events().stored_len() + commit.encoded_metadata().as_str().len();
        self.commits.push(commit);
        Ok(Taken::Commit)
    }
}

/// A page that does not end its partition.
pub(super) fn up_to(checkpoint: Checkpoint, commits: Vec<Commit>) -> FeedPage {
    FeedPage { commits, checkpoint, remaining: None, ended: false }
}

/// The last page of a partition.
pub(super) fn ended(commits: Vec<Commit>) -> FeedPage {
    FeedPage { commits, checkpoint: Checkpoint::end(), remaining: Some(0), ended: true }
}
