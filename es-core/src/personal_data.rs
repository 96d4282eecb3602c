//! Events without what they say about persons.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use crate::codec::{Codec, PayloadError};
use crate::event::{Event, PersonalPart};

/// The content of the event as JSON, without what its type marks as personal; `None` when all of it is.
///
/// # Errors
///
/// When it cannot be written, or fields are marked and it has none: then it is not known what to leave out.
pub(crate) fn without_personal_data<E: Event>(
    event: &E,
) -> Result<Option<Box<RawValue>>, PayloadError> {
    let mut marked = Vec::new();
    for data in E::PERSONAL.iter().filter(|data| data.event == event.name()) {
        match data.part {
            PersonalPart::Everything => return Ok(None),
            PersonalPart::Fields(fields) => marked.extend_from_slice(fields),
        }
    }
    let mut json = Vec::new();
    event.encode(Codec::Json, &mut json)?;
    let text = std::str::from_utf8(&json).map_err(PayloadError::new)?;
    if marked.is_empty() {
        return raw(serde_json::from_str(text)).map(Some);
    }
    let mut fields: BTreeMap<Cow<'_, str>, &RawValue> = match serde_json::from_str(text) {
        Ok(fields) => fields,
        // The error would say what is in it.
        Err(_) => return Err(PayloadError::new("fields of it are personal, and it has no fields")),
    };
    fields.retain(|name, _| !marked.contains(&&**name));
    raw(to_raw_value(&fields)).map(Some)
}

fn raw(json: serde_json::Result<Box<RawValue>>) -> Result<Box<RawValue>, PayloadError> {
    json.map_err(|_| PayloadError::new("its content is not JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoded_events::EncodedEvent;
    use crate::event::{DecodeError, EventSchema, PersonalData};

    /// Written by hand, with a mark that does not fit what it writes.
    struct Counted(u64);

    impl Event for Counted {
        const SCHEMAS: &'static [EventSchema] = &[EventSchema { name: "Counted", version: 1 }];
        const PERSONAL: &'static [PersonalData] =
            &[PersonalData { event: "Counted", part: PersonalPart::Fields(&["by"]) }];

        fn name(&self) -> &'static str {
            "Counted"
        }

        fn schema_version(&self) -> u32 {
            1
        }

        fn encode(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), PayloadError> {
            codec.encode(&self.0, out)
        }

        fn decode(_: EncodedEvent<'_>) -> Result<Self, DecodeError> {
            Err(DecodeError::UnknownName)
        }
    }

    #[test]
    fn where_it_is_not_known_what_to_leave_out_nothing_goes_out() {
        let refused = without_personal_data(&Counted(777_777)).unwrap_err().to_string();
        assert!(refused.contains("personal") && !refused.contains("777"), "{refused}");
    }
}
