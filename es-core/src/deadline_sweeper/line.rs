//! Deadlines that wait to fire.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::deadline_store::Deadline;

/// A deadline, behind those that were to be tried earlier.
type Place = (Duration, Deadline);

/// Deadlines that wait for room, in the order in which they are to begin. Of each instance only the first one can
/// be next, so an instance with many deadlines, one of which is slow, makes nobody look through all of them.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: BTreeMap<String, BTreeSet<Place>>,
    /// The first of each instance.
    heads: BTreeSet<Place>,
    len: usize,
}

impl Line {
    /// Puts a deadline in line, unless it is in it.
    pub(super) fn push(&mut self, place: Place) {
        let instance = place.1.instance();
        if !self.waiting.contains_key(instance) {
            self.waiting.insert(instance.to_owned(), BTreeSet::new());
        }
        let Some(line) = self.waiting.get_mut(instance) else { return };
        let head = line.first().cloned();
        if !line.insert(place.clone()) {
            return;
        }
        self.len += 1;
        if head.as_ref().is_none_or(|head| place < *head) {
            head.map(|head| self.heads.remove(&head));
            self.heads.insert(place);
        }
    }

    /// The first one whose instance is not busy.
    pub(super) fn first(&self, is_busy: impl Fn(&str) -> bool) -> Option<&Place> {
        self.heads.iter().find(|(_, deadline)| !is_busy(deadline.instance()))
    }

    /// Takes one that is the first of its instance out of the line.
    pub(super) fn take(&mut self, place: &Place) {
        if !self.heads.remove(place) {
            return;
        }
        self.len -= 1;
        let instance = place.1.instance();
        let Some(line) = self.waiting.get_mut(instance) else { return };
        line.remove(place);
        match line.first() {
            Some(next) => drop(self.heads.insert(next.clone())),
            None => drop(self.waiting.remove(instance)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All of them.
    pub(super) fn into_places(self) -> impl Iterator<Item = Place> {
        self.waiting.into_values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkpoint_store::ConsumerId;
    use crate::clock::Timestamp;
    use crate::deadline_store::DeadlineId;

    fn place(at: u64, instance: u8, due: i64) -> Place {
        let process = ConsumerId::new("checkout").unwrap();
        let due = Timestamp::from_second(due).unwrap();
        let id = DeadlineId::from_bytes([0; 16]);
        let deadline = Deadline::new(process, &format!("i-{instance}"), id, due).unwrap();
        (Duration::from_secs(at), deadline)
    }

    proptest! {
        #[test]
        fn the_next_is_the_first_of_those_that_are_not_busy(
            steps in prop::collection::vec((0u64..3, 0u8..4, 0i64..6, prop::option::of(0u8..5)), 0..60),
        ) {
            let (mut line, mut model) = (Line::default(), BTreeSet::new());
            for (at, instance, due, taken_while_busy) in steps {
                let place = place(at, instance, due);
                line.push(place.clone());
                model.insert(place);
                if let Some(busy) = taken_while_busy {
                    let busy = format!("i-{busy}");
                    let next = line.first(|instance| instance == busy).cloned();
                    let expected = model.iter().find(|(_, deadline)| deadline.instance() != busy);
                    prop_assert_eq!(next.as_ref(), expected);
                    if let Some(next) = next {
                        line.take(&next);
                        model.remove(&next);
                    }
                }
                prop_assert_eq!(line.len(), model.len());
            }
            prop_assert_eq!(line.into_places().collect::<BTreeSet<_>>(), model);
        }
    }
}
