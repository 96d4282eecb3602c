//! What `#[event(union)]` works out while the program is compiled.

use crate::event::{EventSchema, PersonalData, PersonalPart};

/// The names of one part of a union.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// What the part writes.
    pub schemas: &'static [EventSchema],
    /// What it reads beside that.
    pub aliases: &'static [&'static str],
    /// What of its events is personal data.
    pub personal: &'static [PersonalData],
}

impl Part {
    const fn len(&self) -> usize {
        self.schemas.len() + self.aliases.len()
    }

    const fn name(&self, index: usize) -> &'static str {
        if index < self.schemas.len() {
            self.schemas[index].name
        } else {
            self.aliases[index - self.schemas.len()]
        }
    }
}

/// How many schemas the parts have together.
pub const fn schema_count(parts: &[Part]) -> usize {
    let (mut count, mut part) = (0, 0);
    while part < parts.len() {
        count += parts[part].schemas.len();
        part += 1;
    }
    count
}

/// The schemas of all parts; `N` is their number.
pub const fn schemas<const N: usize>(parts: &[Part]) -> [EventSchema; N] {
    let mut all = [EventSchema { name: "", version: 0 }; N];
    let (mut next, mut part) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].schemas.len() {
            all[next] = parts[part].schemas[index];
            next += 1;
            index += 1;
        }
        part += 1;
    }
    all
}

/// How many aliases the parts have together.
pub const fn alias_count(parts: &[Part]) -> usize {
    let (mut count, mut part) = (0, 0);
    while part < parts.len() {
        count += parts[part].aliases.len();
        part += 1;
    }
    count
}

/// The aliases of all parts; `N` is their number.
pub const fn aliases<const N: usize>(parts: &[Part]) -> [&'static str; N] {
    let mut all = [""; N];
    let (mut next, mut part) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].aliases.len() {
            all[next] = parts[part].aliases[index];
            next += 1;
            index += 1;
        }
        part += 1;
    }
    all
}

/// How many of the parts' events have personal data.
pub const fn personal_count(parts: &[Part]) -> usize {
    let (mut count, mut part) = (0, 0);
    while part < parts.len() {
        count += parts[part].personal.len();
        part += 1;
    }
    count
}

/// What of the events of all parts is personal data; `N` is the number of such events.
pub const fn personal<const N: usize>(parts: &[Part]) -> [PersonalData; N] {
    let mut all = [PersonalData { event: "", part: PersonalPart::Everything }; N];
    let (mut next, mut part) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].personal.len() {
            all[next] = parts[part].personal[index];
            next += 1;
            index += 1;
        }
        part += 1;
    }
    all
}

/// Stops the compiler when two parts have a name in common: it would not be clear whose event a
/// stored one is.
pub const fn assert_distinct(parts: &[Part]) {
    let mut part = 0;
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            let name = parts[part].name(index);
            let mut other = part + 1;
            while other < parts.len() {
                if has(&parts[other], name) {
                    refuse(name);
                }
                other += 1;
            }
            index += 1;
        }
        part += 1;
    }
}

const fn has(part: &Part, name: &str) -> bool {
    let mut index = 0;
    while index < part.len() {
        if same(part.name(index), name) {
            return true;
        }
        index += 1;
    }
    false
}

pub(crate) const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// A constant can panic with one string only, so it is put together by hand.
const fn refuse(name: &str) -> ! {
    const BEFORE: &str = "two parts of this union have the stored name `";
    const AFTER: &str = "`: a stored event must belong to one of them";
    let mut message = [0; 256];
    let len = write(&mut message, 0, BEFORE.as_bytes());
    let len = write(&mut message, len, name.as_bytes());
    let len = write(&mut message, len, AFTER.as_bytes());
    match core::str::from_utf8(message.split_at(len).0) {
        Ok(message) => panic!("{}", message),
        Err(_) => panic!("two parts of this union have a stored name in common"),
    }
}

/// Names have 128 bytes at most, so a message fits; a longer one is cut.
const fn write(message: &mut [u8; 256], mut at: usize, text: &[u8]) -> usize {
    let mut index = 0;
    while index < text.len() && at < message.len() {
        message[at] = text[index];
        at += 1;
        index += 1;
    }
    at
}
