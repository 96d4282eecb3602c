//! The shelf: one document per copy.

// ANCHOR: document
use es_core::{BoxError, Projector, Recorded};
use serde::{Deserialize, Serialize};

use super::copy::CopyEvent;

/// What the desk sees of a copy.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShelfEntry {
    pub title: String,
    pub lent_to: Option<String>,
    pub loans: u32,
}
// ANCHOR_END: document

// ANCHOR: projector
#[derive(Debug)]
pub struct Shelf;

impl Projector for Shelf {
    const NAME: &'static str = "shelf";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["copy"];
    const INDEXED_FIELDS: &'static [&'static str] = &["lent_to"];
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
            CopyEvent::Lent { reader, .. } => {
                entry.lent_to = Some(reader.clone());
                entry.loans += 1;
            }
            CopyEvent::Returned { .. } => entry.lent_to = None,
        }
        Ok(())
    }
}
// ANCHOR_END: projector

#[cfg(test)]
// ANCHOR: test
mod tests {
    use es_core::testing::GivenEvents;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_returned_copy_is_on_the_shelf() {
        let on = date(2026, 3, 2);
        let reader = || "ada".to_owned();
        GivenEvents::nothing()
            .and("copy", "c-3", [CopyEvent::Acquired { title: "Emma".into() }])
            .and(
                "copy",
                "c-3",
                [CopyEvent::Lent { reader: reader(), on, weeks: 4 }],
            )
            .and("copy", "c-3", [CopyEvent::Returned { reader: reader(), on }])
            .project_with(Shelf)
            .then_view(
                "c-3",
                ShelfEntry { title: "Emma".into(), lent_to: None, loans: 1 },
            )
            .then_no_view("c-4");
    }
}
// ANCHOR_END: test
