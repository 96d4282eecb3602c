//! Who has what: one document per reader.

// ANCHOR: projector
use std::collections::BTreeSet;

use es_core::{BoxError, Projector, Recorded};

use super::copy::CopyEvent;

#[derive(Debug)]
pub struct Readers;

impl Projector for Readers {
    const NAME: &'static str = "readers";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["copy"];
    type Event = CopyEvent;
    type View = BTreeSet<String>;

    fn keys(&self, event: &Recorded<'_, CopyEvent>, keys: &mut Vec<String>) {
        match &event.event {
            CopyEvent::Acquired { .. } => {}
            CopyEvent::Lent { reader, .. }
            | CopyEvent::Returned { reader, .. } => keys.push(reader.clone()),
        }
    }

    fn project(
        &self,
        _reader: &str,
        copies: &mut Option<BTreeSet<String>>,
        event: &Recorded<'_, CopyEvent>,
    ) -> Result<(), BoxError> {
        let held = copies.get_or_insert_default();
        match &event.event {
            CopyEvent::Acquired { .. } => {}
            CopyEvent::Lent { .. } => {
                held.insert(event.aggregate_id().to_owned());
            }
            CopyEvent::Returned { .. } => {
                held.remove(event.aggregate_id());
            }
        }
        // A reader without copies has no document.
        copies.take_if(|held| held.is_empty());
        Ok(())
    }
}
// ANCHOR_END: projector
