//! Views that are folded in memory for as long as there is room, and then written: how rebuilds go over a log.
//!
//! | file | what it is about |
//! |---|---|
//! | `pass` | from page to page; when to save, and what is left to the steps |
//! | `views` | the views of a pass: folding a page into them, and saving them |
//! | `pages` | reading, and decoding, meanwhile |
//! | `streams` | the order within streams |
//! | `group` | views of the same type of events: their events are decoded once |
//! | `documents` | the documents of one view, and how much memory they take |

mod documents;
mod group;
mod pages;
mod pass;
mod streams;
mod views;

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use crate::checkpoint_store::ConsumerId;
use crate::event::UnknownEvents;
use crate::projector::Projector;
use crate::view_store::{ViewName, ViewStore};

use documents::Documents;
use group::{EventGroup, FoldOf, Group};

pub(super) use pass::{End, Pass};
pub(super) use views::{Building, BuiltFrom};

/// A view that is folded in memory.
pub struct InMemory {
    /// Views of which all of this is the same have the same events.
    events: EventsOf,
    /// A `Box<dyn FoldOf<E>>` for the type of events.
    fold: Box<dyn Any + Send>,
    new_group: fn(EventsOf, ConsumerId) -> Box<dyn Group>,
}

/// Which events a view is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EventsOf {
    type_id: TypeId,
    categories: &'static [&'static str],
    unknown: UnknownEvents,
}

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").field("events", &self.events).finish_non_exhaustive()
    }
}

impl InMemory {
    pub(super) fn of<P: Projector>(
        projector: Arc<P>,
        views: Arc<dyn ViewStore>,
        view: ViewName,
    ) -> Self {
        let events = EventsOf {
            type_id: TypeId::of::<P::Event>(),
            categories: P::CATEGORIES,
            unknown: projector.unknown_events(),
        };
        let fold: Box<dyn FoldOf<P::Event>> = Box::new(Documents::new(projector, views, view));
        let new_group = |events, consumer| -> Box<dyn Group> {
            Box::new(EventGroup::<P::Event>::new(events, consumer))
        };
        Self { events, fold: Box::new(fold), new_group }
    }
}
