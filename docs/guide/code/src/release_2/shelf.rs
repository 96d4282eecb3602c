//! The shelf, with due days.

use es_core::{BoxError, Projector, Recorded};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::copy::CopyEvent;

// ANCHOR: document
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShelfEntry {
    pub title: String,
    pub lent_to: Option<String>,
    pub due: Option<Date>,
    pub loans: u32,
}
// ANCHOR_END: document

#[derive(Debug)]
pub struct Shelf;

// ANCHOR: projector
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
            CopyEvent::Lent { reader, due, .. } => {
                entry.lent_to = Some(reader.clone());
                entry.due = Some(*due);
                entry.loans += 1;
            }
            CopyEvent::Returned { .. } => entry.lent_to = None,
        }
        Ok(())
    }
}
// ANCHOR_END: projector
