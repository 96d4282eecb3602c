//! Listing and counting dead letters.

use std::collections::BTreeMap;

use es_core::{
    ConsumerId, DeadLetter, DeadLetterCount, DeadLetterQuery, DeadLetterState, Error, Result,
    StreamId,
};
use futures::future::try_join_all;

use super::control::Control;
use super::letter_changes::{PARKED_LETTERS, parked_of};
use super::letter_item::{behind_letter, letter_places, letters_of, read_place, records_of};
use crate::item::{Item, TakeAttribute};
use crate::partition_query::PartitionQuery;
use crate::store::DynamoStore;
use crate::tables::SORT_KEY;

/// How many partitions are read at a time.
const CONCURRENCY: usize = 8;

impl DynamoStore {
    pub(super) async fn list_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        let what = format!("listing the dead letters of {consumer}");
        let control = self.control(consumer).await?;
        let letters = match query.state {
            DeadLetterState::Parked => {
                self.letters_in(&what, letters_of(&control.book), query).await?
            }
            DeadLetterState::First => self.first_letters(&what, &control, query).await?,
            DeadLetterState::Dropped => self.records(&what, &control, query).await?,
        };
        let mut listed = Vec::with_capacity(letters.len());
        for letter in letters {
            // Only of a large commit this is a request.
            listed.push(self.letter(letter).await?);
        }
        Ok(listed)
    }

    /// The letters of one partition that match.
    async fn letters_in(
        &self,
        what: &str,
        partition: String,
        asked: &DeadLetterQuery,
    ) -> Result<Vec<Item>> {
        let after = asked.after.as_ref().map(|(stream, version)| behind_letter(stream, *version));
        let (from, to) = match &asked.stream {
            Some(stream) => {
                let [from, to] = letter_places(stream);
                (Some(from).max(after), Some(to))
            }
            None => (after, None),
        };
        let mut query = PartitionQuery::new(&self.tables().state, partition).limit(asked.limit);
        if let Some(from) = from {
            query = query.from(from);
        }
        if let Some(to) = to {
            query = query.to(to);
        }
        self.query(what, query).await
    }

    /// The records of all record books. Of two about the same commit the one in the later book counts.
    async fn records(
        &self,
        what: &str,
        control: &Control,
        asked: &DeadLetterQuery,
    ) -> Result<Vec<Item>> {
        let mut records = BTreeMap::new();
        for books in control.record_books.chunks(CONCURRENCY) {
            let books = books.iter().map(|book| self.letters_in(what, records_of(book), asked));
            for record in try_join_all(books).await?.into_iter().flatten() {
                records.insert(sort_key(&record).to_owned(), record);
            }
        }
        Ok(records.into_values().take(asked.limit).collect())
    }

    /// The first letter of each stream that waits, behind the place that is asked for.
    async fn first_letters(
        &self,
        what: &str,
        control: &Control,
        asked: &DeadLetterQuery,
    ) -> Result<Vec<Item>> {
        let mut listed = Vec::new();
        let mut from = asked.after.as_ref().map(|(stream, _)| stream.to_string());
        while listed.len() < asked.limit {
            let room = CONCURRENCY.min(asked.limit - listed.len());
            let streams = self.waiting_streams(what, control, asked, from, room).await?;
            let Some(last) = streams.last() else { break };
            from = Some(format!("{last}\u{1}"));
            let firsts = streams.into_iter().map(async |stream| {
                let first = DeadLetterQuery::default().stream(stream).limit(1);
                self.letters_in(what, letters_of(&control.book), &first).await
            });
            for first in try_join_all(firsts).await?.into_iter().flatten() {
                let place = read_place(sort_key(&first))?;
                if asked.after.as_ref().is_none_or(|after| place > *after) {
                    listed.push(first);
                }
            }
        }
        Ok(listed)
    }

    /// Streams that wait, from one on.
    async fn waiting_streams(
        &self,
        what: &str,
        control: &Control,
        asked: &DeadLetterQuery,
        from: Option<String>,
        limit: usize,
    ) -> Result<Vec<StreamId>> {
        let mut query = PartitionQuery::new(&self.tables().state, parked_of(&control.book))
            .attributes(&[SORT_KEY])
            .limit(limit);
        let only = asked.stream.as_ref().map(|stream| stream.to_string());
        if let Some(only) = &only {
            query = query.to(only);
        }
        if let Some(from) = only.max(from) {
            query = query.from(from);
        }
        let streams = self.query(what, query).await?;
        streams.iter().map(|item| waiting_stream(&control.consumer, item)).collect()
    }

    pub(super) async fn count_letters(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        let control = self.control(consumer).await?;
        self.count_parked(&control).await
    }

    /// How many letters are parked in the consumer's book.
    pub(super) async fn count_parked(&self, control: &Control) -> Result<DeadLetterCount> {
        let what = format!("counting the dead letters of {}", control.consumer);
        let query = PartitionQuery::new(&self.tables().state, parked_of(&control.book));
        let mut count = DeadLetterCount::default();
        for mut item in self.query(&what, query).await? {
            let stream = sort_key(&item).to_owned();
            let letters: u64 = item.take_number(PARKED_LETTERS).map_err(|reason| {
                let consumer = &control.consumer;
                let what = format!("the number of dead letters of {consumer} in {stream}");
                Error::Corrupt { what, reason }
            })?;
            count.streams += 1;
            count.letters += letters;
        }
        Ok(count)
    }
}

fn waiting_stream(consumer: &ConsumerId, item: &Item) -> Result<StreamId> {
    sort_key(item).parse().map_err(|error: Error| Error::Corrupt {
        what: format!("the name of a stream that waits for {consumer}"),
        reason: error.to_string(),
    })
}

/// DynamoDB gives no item without its key.
fn sort_key(item: &Item) -> &str {
    item.get(SORT_KEY).and_then(|sort| sort.as_s().ok()).map_or("", String::as_str)
}
