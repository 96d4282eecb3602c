//! The messages of one queue, found by their place, by when they are visible, and by their age.

use std::collections::{BTreeMap, BTreeSet};

use super::queue::Stored;
use crate::clock::Timestamp;

/// A receive looks at what it gives, not at the whole queue: with many messages it would take long.
#[derive(Default)]
pub(super) struct Messages {
    /// By place, which is the order of their coming.
    by_place: BTreeMap<u64, Stored>,
    by_visibility: BTreeSet<(Timestamp, u64)>,
    by_age: BTreeSet<(Timestamp, u64)>,
}

impl Messages {
    pub(super) fn insert(&mut self, place: u64, message: Stored) {
        self.by_visibility.insert((message.visible_at(), place));
        self.by_age.insert((message.enqueued_at(), place));
        self.by_place.insert(place, message);
    }

    pub(super) fn remove(&mut self, place: u64) -> Option<Stored> {
        let message = self.by_place.remove(&place)?;
        self.by_visibility.remove(&(message.visible_at(), place));
        self.by_age.remove(&(message.enqueued_at(), place));
        Some(message)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn get(&self, place: u64) -> Option<&Stored> {
        self.by_place.get(&place)
    }

    /// Changes a message, but not when it came.
    pub(super) fn change<T>(
        &mut self,
        place: u64,
        change: impl FnOnce(&mut Stored) -> T,
    ) -> Option<T> {
        let message = self.by_place.get_mut(&place)?;
        let before = message.visible_at();
        let result = change(message);
        if message.visible_at() != before {
            self.by_visibility.remove(&(before, place));
            self.by_visibility.insert((message.visible_at(), place));
        }
        Some(result)
    }

    /// Removes those that came at `oldest` or before.
    pub(super) fn forget(&mut self, oldest: Timestamp) {
        while let Some(&(enqueued_at, place)) = self.by_age.first()
            && enqueued_at <= oldest
        {
            self.remove(place);
        }
    }

    /// All of them, in the order of their coming.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Stored)> {
        self.by_place.iter().map(|(&place, message)| (place, message))
    }

    /// The places of those that are visible at `now`, the longest visible first.
    pub(super) fn visible(&self, now: Timestamp) -> impl Iterator<Item = u64> {
        self.by_visibility.range(..=(now, u64::MAX)).map(|&(_, place)| place)
    }

    /// Those that are not, and until when.
    pub(super) fn hidden(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, &Stored)> {
        let hidden = self.by_visibility.range((now, u64::MAX)..);
        hidden.filter_map(|(until, place)| Some((*until, self.by_place.get(place)?)))
    }

    /// How many are visible at `now`.
    pub(super) fn count_visible(&self, now: Timestamp) -> usize {
        self.by_place.len() - self.hidden(now).count()
    }
}
