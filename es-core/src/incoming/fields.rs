//! A first look at a JSON object.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The fields of a JSON object, unread, by which it is recognised. Of a field that is there twice it is
/// the last one.
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// None for what is not a JSON object.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        if !begins_with(text, '{') {
            return None;
        }
        serde_json::from_str(text).ok().map(Self)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether the field is this text.
    pub(super) fn is(&self, name: &str, expected: &str) -> bool {
        let text = |raw: &&'a RawValue| serde_json::from_str::<Cow<'a, str>>(raw.get()).ok();
        self.0.get(name).and_then(text).is_some_and(|text| text == expected)
    }

    /// The elements of the field, if it is a list.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        elements(self.0.get(name)?.get())
    }
}

/// The elements of a JSON array, unread. None for what is not one.
pub(super) fn elements(text: &str) -> Option<Vec<&RawValue>> {
    if !begins_with(text, '[') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Most texts are not JSON, and are not looked at further.
fn begins_with(text: &str, bracket: char) -> bool {
    text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with(bracket)
}
