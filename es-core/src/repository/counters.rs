//! The counters that every load and command has to do with.

use std::marker::PhantomData;

use metrics::{Key, Label, Level, Metadata};

use crate::aggregate::Aggregate;
use crate::telemetry;

/// The same as `metrics::counter!`, whose keys would be put together, allocated and hashed each time, because
/// the category is not known where it is written. Here they are when the program is compiled.
pub(super) struct Counters<A>(PhantomData<A>);

static METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

impl<A: Aggregate> Counters<A> {
    const CATEGORY: &'static [Label] = &[Label::from_static_parts("category", A::CATEGORY)];
    const APPENDED: &'static [Label] = &[
        Label::from_static_parts("category", A::CATEGORY),
        Label::from_static_parts("outcome", "appended"),
    ];

    /// A command appended.
    pub(super) fn appended() {
        count(&const { Key::from_static_parts(telemetry::COMMANDS, Self::APPENDED) }, 1);
    }

    /// A command was decided on a cached state.
    pub(super) fn cache_hit() {
        count(&const { Key::from_static_parts(telemetry::CACHE_HITS, Self::CATEGORY) }, 1);
    }

    /// So many events were read.
    pub(super) fn loaded(events: u64) {
        count(&const { Key::from_static_parts(telemetry::EVENTS_LOADED, Self::CATEGORY) }, events);
    }
}

fn count(key: &Key, number: u64) {
    metrics::with_recorder(|recorder| recorder.register_counter(key, &METADATA)).increment(number);
}
