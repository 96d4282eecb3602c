//! The books that consumers were last seen with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use es_core::ConsumerId;

/// Guesses the book of a consumer, so that its control item and what is in its book can be read in one
/// request. The control item is the truth: a wrong guess costs one request more.
#[derive(Debug, Default)]
pub(crate) struct KnownBooks {
    books: Mutex<HashMap<ConsumerId, String>>,
}

impl KnownBooks {
    /// The book that the consumer was last seen with; its first one if it never was.
    pub(super) fn of(&self, consumer: &ConsumerId) -> String {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.get(consumer).cloned().unwrap_or_else(|| consumer.to_string())
    }

    pub(super) fn learn(&self, consumer: &ConsumerId, book: &str) {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.insert(consumer.clone(), book.to_owned());
    }
}
