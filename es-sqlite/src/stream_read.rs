//! One read of a stream under way.
//!
//! A read begins with a small page, which is all that most streams have. From the second page on the next one
//! is read while the caller looks into the one before, if connections are free: to find rows and to decode
//! events then take place at the same time.

use es_core::{Error, ReadStream, Result};

use crate::readers::{HandedOver, Readers, in_snapshot};
use crate::stream_pages::{Cursor, Page};

pub(crate) struct StreamRead<'a> {
    readers: &'a Readers,
    next: Next,
}

enum Next {
    First(Cursor),
    At(Cursor),
    /// It is being read.
    Ahead(HandedOver<Page>),
    /// There is damage behind the commits that were delivered.
    Failed(Error),
    Ended,
}

impl<'a> StreamRead<'a> {
    pub(crate) fn new(readers: &'a Readers, query: ReadStream) -> Self {
        Self { readers, next: Next::First(Cursor::new(query)) }
    }

    /// The next page, and how the read goes on.
    pub(crate) async fn next_page(mut self) -> Option<(Result<es_core::Page>, Self)> {
        let next = std::mem::replace(&mut self.next, Next::Ended);
        let ahead = !matches!(next, Next::First(_));
        let page = match next {
            Next::First(cursor) => self.first(cursor).await,
            Next::At(cursor) => {
                self.readers.run(move |db| in_snapshot(db, |db| cursor.page(db))).await
            }
            Next::Ahead(page) => page.result().await,
            Next::Failed(error) => Err(error),
            Next::Ended => return None,
        };
        let mut page = match page {
            Ok(page) => page,
            Err(error) => return Some((Err(error), self)),
        };
        if let Some(cursor) = page.take_next() {
            self.next = if ahead { self.go_on(cursor) } else { Next::At(cursor) };
        }
        let (commits, damage) = page.into_commits();
        match (damage, commits.is_empty()) {
            (Some(error), true) => {
                self.next = Next::Ended;
                return Some((Err(error), self));
            }
            (Some(error), false) => self.next = Next::Failed(error),
            // A page without commits is always the last.
            (None, true) => return None,
            (None, false) => {}
        }
        Some((Ok(commits.into()), self))
    }

    async fn first(&self, cursor: Cursor) -> Result<Page> {
        let small = cursor.clone();
        self.readers
            .run_small(
                move |db| small.small_page(db),
                move |db| in_snapshot(db, |db| cursor.page(db)),
            )
            .await
    }

    fn go_on(&self, cursor: Cursor) -> Next {
        let ahead = self.readers.run_ahead(|| {
            let cursor = cursor.clone();
            move |db: &_| in_snapshot(db, |db| cursor.page(db))
        });
        ahead.map_or(Next::At(cursor), Next::Ahead)
    }
}
