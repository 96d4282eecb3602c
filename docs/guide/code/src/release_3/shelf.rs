//! The shelf, on which a returned copy is not due.

use es_core::{BoxError, Projector, Recorded};

use crate::release_2::copy::CopyEvent;
pub use crate::release_2::shelf::ShelfEntry;

#[derive(Debug)]
pub struct Shelf;

impl Projector for Shelf {
    const NAME: &'static str = "shelf";
    const VERSION: u32 = 2;
    const CATEGORIES: &'static [&'static str] = &["copy"];
    const INDEXED_FIELDS: &'static [&'static str] = &["lent_to", "due"];
    type Event = CopyEvent;
    type View = ShelfEntry;

    fn project(
        &self,
        _copy: &str,
        entry: &mut Option<ShelfEntry>,
        event: &Recorded<'_, CopyEvent>,
    ) -> Result<(), BoxError> {
        let entry = entry.get_or_insert_default();
        match &event.event {
            CopyEvent::Acquired { title } => entry.title = title.clone(),
            // ANCHOR: returned
            CopyEvent::Returned { .. } => {
                entry.lent_to = None;
                entry.due = None;
            }
            // ANCHOR_END: returned
            CopyEvent::Lent { reader, due, .. } => {
                entry.lent_to = Some(reader.clone());
                entry.due = Some(*due);
                entry.loans += 1;
            }
        }
        Ok(())
    }
}
