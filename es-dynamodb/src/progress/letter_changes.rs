//! What a step does with the dead letters of a stream.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use es_core::{DeadLetter, DeadLetterChange, Dropped, StreamId, Version};

use super::control::Control;
use super::letter_item::{into_record, letter_place, letters_of, parked_item};
use super::write::Write;
use crate::event_log::commit_item::Encoded;
use crate::item::{Item, key, number};

/// The partition of the streams that wait in a book, each with the number of its letters.
pub(super) fn parked_of(book: &str) -> String {
    format!("parked#{book}")
}

/// The number of a stream's letters, in its item of [`parked_of`].
pub(super) const PARKED_LETTERS: &str = "letters";

/// The parked letters of a stream, and what changes made of them.
#[derive(Debug)]
pub(super) struct ChangedLetters<'a> {
    stored: BTreeSet<Version>,
    parked: BTreeMap<Version, Parked<'a>>,
    records: BTreeMap<Version, Record<'a>>,
    is_changed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Parked<'a> {
    /// As it is in the table.
    Stored {
        last: Version,
    },
    New(&'a DeadLetter),
}

#[derive(Debug, Clone, Copy)]
struct Record<'a> {
    letter: Parked<'a>,
    dropped: &'a Dropped,
}

impl<'a> ChangedLetters<'a> {
    /// The letters that are in the table, by their first version, with their last.
    pub(super) fn of(stored: BTreeMap<Version, Version>) -> Self {
        let as_stored = |(first, last)| (first, Parked::Stored { last });
        Self {
            stored: stored.keys().copied().collect(),
            parked: stored.into_iter().map(as_stored).collect(),
            records: BTreeMap::new(),
            is_changed: false,
        }
    }

    /// Makes a change, after those before it.
    pub(super) fn make(&mut self, change: &'a DeadLetterChange) {
        match change {
            DeadLetterChange::Park(letter) => {
                self.parked.insert(letter.commit.first_version(), Parked::New(letter));
                self.is_changed = true;
            }
            DeadLetterChange::Remove { version, .. } => {
                self.is_changed |= self.parked.remove(version).is_some();
            }
            DeadLetterChange::Drop { version, dropped, .. } => {
                if let Some(letter) = self.parked.remove(version) {
                    self.records.insert(*version, Record { letter, dropped });
                    self.is_changed = true;
                }
            }
        }
    }

    /// Whether anything is to be written. Removing what is not there changes nothing.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// The last version that is parked: commits of a stream follow each other, so the letter that begins
    /// last ends last.
    pub(super) fn parked_through(&self) -> Version {
        match self.parked.last_key_value() {
            Some((_, Parked::Stored { last })) => *last,
            Some((_, Parked::New(letter))) => letter.commit.last_version(),
            None => Version::ZERO,
        }
    }

    /// The letters in the table that become records: their items are needed whole.
    pub(super) fn dropped_as_stored(&self) -> impl Iterator<Item = Version> {
        let stored = |(version, record): (&Version, &Record<'_>)| {
            matches!(record.letter, Parked::Stored { .. }).then_some(*version)
        };
        self.records.iter().filter_map(stored)
    }

    /// What is to be written beside the stream's own item, and the pieces of large commits that must be
    /// there before. `stored` has the letters of [`dropped_as_stored`](Self::dropped_as_stored), by their
    /// places. One that is missing there was removed since, and the stream's own item refuses the step.
    pub(super) fn writes(
        &self,
        table: &str,
        control: &Control,
        stream: &StreamId,
        stored: &mut HashMap<String, Item>,
    ) -> (Vec<Write>, Vec<Item>) {
        let (mut writes, mut all_pieces) = (Vec::new(), Vec::new());
        let mut encode = |letter| {
            let Encoded { item, pieces } = parked_item(&control.book, letter);
            all_pieces.extend(pieces);
            item
        };
        for (version, Record { letter, dropped }) in &self.records {
            let parked = match letter {
                Parked::Stored { .. } => stored.remove(&letter_place(stream, *version)),
                Parked::New(letter) => Some(encode(letter)),
            };
            if let Some(parked) = parked {
                let record = into_record(parked, control.record_book(), dropped);
                writes.push(Write::put(table, record));
            }
        }
        for letter in self.parked.values() {
            if let Parked::New(letter) = letter {
                writes.push(Write::put(table, encode(letter)));
            }
        }
        for &version in self.stored.iter().filter(|version| !self.parked.contains_key(version)) {
            let place = letter_place(stream, version);
            writes.push(Write::delete(table, key(letters_of(&control.book), place)));
        }
        writes.extend(self.count(table, &control.book, stream));
        (writes, all_pieces)
    }

    /// Puts the stream among those that wait, or takes it out.
    fn count(&self, table: &str, book: &str, stream: &StreamId) -> Option<Write> {
        let mut item = key(parked_of(book), stream.as_str());
        match self.parked.len() {
            letters if letters == self.stored.len() => None,
            0 => Some(Write::delete(table, item)),
            letters => {
                item.insert(PARKED_LETTERS.to_owned(), number(letters));
                Some(Write::put(table, item))
            }
        }
    }
}
