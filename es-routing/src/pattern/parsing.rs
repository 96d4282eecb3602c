//! From JSON to a compiled pattern.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::EventPattern;
use super::alternatives::{combined, single};
use super::condition::{Condition, TextCondition};
use super::fields::{Field, Fields, OneOf};
use super::ignoring_case::IgnoringCase;
use super::invalid::{InvalidPattern, PatternFault};
use super::ip_range::IpRange;
use super::number::{self, Range};
use super::presence::Absences;
use super::wildcard::Wildcard;
use crate::excerpt::{NAME, REASON, excerpt};

const OR: &str = "$or";

/// Names that conditions have, or may have one day: Event Ruler takes a `$or` with such names in it for a field.
const CONDITIONS: [&str; 24] = [
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exactly",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

type Parsed<T> = Result<T, InvalidPattern>;

/// The pattern without white space.
pub(super) fn without_white_space(json: &str) -> Parsed<String> {
    // Before anything is made of it.
    check_len(json.bytes().filter(|byte| !byte.is_ascii_whitespace()).count())?;
    let value: Value = serde_json::from_str(json).map_err(|error| not_json(&error))?;
    let compact = value.to_string();
    check_len(compact.len())?;
    Ok(compact)
}

fn check_len(len: usize) -> Parsed<()> {
    if len > EventPattern::MAX_LEN {
        return Err(PatternFault::TooLong(len).at(&[]));
    }
    Ok(())
}

fn not_json(error: &serde_json::Error) -> InvalidPattern {
    json_fault(error).at(&[])
}

fn json_fault(error: &serde_json::Error) -> PatternFault {
    PatternFault::Json(excerpt(&error.to_string(), REASON).to_owned())
}

/// The pattern with each `$or` written out.
pub(super) fn alternatives(json: &str) -> Parsed<(Vec<Fields>, Absences)> {
    let raw: &RawValue = serde_json::from_str(json).map_err(|error| not_json(&error))?;
    let mut absences = Absences::default();
    Ok((object(raw, &[], &mut absences)?, absences))
}

/// The alternatives of an object of the pattern, which stands at `place`.
fn object(raw: &RawValue, place: &[&str], absences: &mut Absences) -> Parsed<Vec<Fields>> {
    let entries = entries(raw, place)?;
    let mut alternatives = vec![Fields::default()];
    for (name, value) in &entries {
        let place = &[place, &[name.as_str()]].concat();
        let choices = match value.get().as_bytes().first() {
            _ if name == OR => choices(value, place, absences)?,
            _ if name.contains('.') => {
                return Err(PatternFault::DottedName(name.clone()).at(place));
            }
            Some(b'{') => {
                let inner = object(value, place, absences)?.into_iter();
                inner.map(|fields| single(name, Field::Object(fields))).collect()
            }
            Some(b'[') => vec![single(name, Field::Value(one_of(value, place, absences)?))],
            _ => return Err(PatternFault::NotAField.at(place)),
        };
        alternatives = combined(alternatives, &choices, place)?;
    }
    Ok(alternatives)
}

/// The alternatives of a `$or`.
fn choices(raw: &RawValue, place: &[&str], absences: &mut Absences) -> Parsed<Vec<Fields>> {
    let outer = place.split_last().map(|(_, outer)| outer).unwrap_or_default();
    let fault = || PatternFault::NotAlternatives.at(place);
    let objects: Vec<&RawValue> = list(raw).ok_or_else(fault)?;
    let mut choices = Vec::new();
    for choice in &objects {
        if !choice.get().starts_with('{') {
            return Err(fault());
        }
        let names = entries(choice, place)?;
        if names.iter().any(|(name, _)| CONDITIONS.contains(&name.as_str())) {
            return Err(fault());
        }
        choices.extend(object(choice, outer, absences)?);
    }
    if objects.len() < 2 { Err(fault()) } else { Ok(choices) }
}

/// The conditions of a field.
fn one_of(raw: &RawValue, place: &[&str], absences: &mut Absences) -> Parsed<OneOf> {
    let elements = list(raw).ok_or_else(|| PatternFault::NotAField.at(place))?;
    if elements.is_empty() {
        return Err(PatternFault::Empty.at(place));
    }
    let mut one_of = OneOf { conditions: Vec::with_capacity(elements.len()), or_absent: None };
    for element in elements {
        match condition(element, place)? {
            Some(condition) => one_of.conditions.push(condition),
            None => one_of.or_absent = Some(absences.number(place)),
        }
    }
    Ok(one_of)
}

/// One condition; `None` is that there is no such field.
fn condition(raw: &RawValue, place: &[&str]) -> Parsed<Option<Condition>> {
    let parsed = match raw.get().as_bytes().first() {
        Some(b'{') => {
            let entries = entries(raw, place)?;
            let [(name, value)] = entries.as_slice() else {
                return Err(PatternFault::NotACondition.at(place));
            };
            named(name, value)
        }
        Some(b'[') => Err(PatternFault::NotACondition),
        Some(b'"' | b't' | b'f' | b'n') => value(raw).map(Some),
        _ => number::value(raw).map(|number| Some(Condition::Number(number))),
    };
    parsed.map_err(|fault| fault.at(place))
}

fn value(raw: &RawValue) -> Result<Condition, PatternFault> {
    let value: Value = serde_json::from_str(raw.get()).map_err(|error| json_fault(&error))?;
    Ok(Condition::Is(value))
}

fn named(name: &str, raw: &RawValue) -> Result<Option<Condition>, PatternFault> {
    let condition = match name {
        "exists" => return exists(raw),
        "anything-but" => anything_but(raw)?,
        "numeric" => Condition::Numeric(Range::new(&list(raw).unwrap_or_default())?),
        "cidr" => Condition::Cidr(IpRange::new(&text(raw).unwrap_or_default())?),
        "prefix" => Condition::Text(one_end(
            raw,
            "prefix",
            TextCondition::Prefix,
            TextCondition::PrefixIgnoringCase,
        )?),
        "suffix" => Condition::Text(one_end(
            raw,
            "suffix",
            TextCondition::Suffix,
            TextCondition::SuffixIgnoringCase,
        )?),
        "equals-ignore-case" => {
            let takes =
                PatternFault::WrongForm { condition: "equals-ignore-case", takes: "a text" };
            let letters = IgnoringCase::new(&text(raw).ok_or(takes)?)?;
            Condition::Text(TextCondition::IsIgnoringCase(letters))
        }
        "wildcard" => {
            let takes = PatternFault::WrongForm { condition: "wildcard", takes: "a text" };
            let wildcard = Wildcard::new(&text(raw).ok_or(takes)?)?;
            Condition::Text(TextCondition::Wildcard(wildcard))
        }
        unknown => {
            return Err(PatternFault::UnknownCondition(excerpt(unknown, NAME).to_owned()));
        }
    };
    Ok(Some(condition))
}

fn exists(raw: &RawValue) -> Result<Option<Condition>, PatternFault> {
    match raw.get() {
        "true" => Ok(Some(Condition::AnyValue)),
        "false" => Ok(None),
        _ => Err(PatternFault::WrongForm { condition: "exists", takes: "true or false" }),
    }
}

/// `prefix` or `suffix`.
fn one_end(
    raw: &RawValue,
    condition: &'static str,
    exact: fn(String) -> TextCondition,
    ignoring_case: fn(IgnoringCase) -> TextCondition,
) -> Result<TextCondition, PatternFault> {
    const TAKES: &str = "a text, or an object with equals-ignore-case and a text";
    let fault = || PatternFault::WrongForm { condition, takes: TAKES };
    if let Some(text) = text(raw) {
        return Ok(exact(text));
    }
    let entries = entries(raw, &[]).map_err(|_| fault())?;
    match entries.as_slice() {
        [(name, value)] if name == "equals-ignore-case" => {
            IgnoringCase::new(&text(value).ok_or_else(fault)?).map(ignoring_case)
        }
        _ => Err(fault()),
    }
}

const ANYTHING_BUT: PatternFault = PatternFault::WrongForm {
    condition: "anything-but",
    takes: "a text, a number, a list of either, or an object with prefix, suffix, equals-ignore-case or \
            wildcard and one or several texts",
};

fn anything_but(raw: &RawValue) -> Result<Condition, PatternFault> {
    if raw.get().starts_with('{') {
        let entries = entries(raw, &[]).map_err(|_| ANYTHING_BUT)?;
        return match entries.as_slice() {
            [(name, value)] => no_such_text(name, value),
            _ => Err(ANYTHING_BUT),
        };
    }
    let excluded = list(raw).unwrap_or_else(|| vec![raw]);
    if let Some(texts) = excluded.iter().map(|raw| text(raw)).collect::<Option<Vec<_>>>() {
        let texts = texts.into_iter().map(TextCondition::Is).collect::<Vec<_>>();
        return if texts.is_empty() { Err(ANYTHING_BUT) } else { Ok(Condition::NotText(texts)) };
    }
    let is_number =
        |raw: &&RawValue| raw.get().starts_with(|it: char| it == '-' || it.is_ascii_digit());
    if !excluded.iter().all(is_number) {
        return Err(ANYTHING_BUT);
    }
    excluded.into_iter().map(number::value).collect::<Result<_, _>>().map(Condition::NotNumber)
}

fn no_such_text(name: &str, raw: &RawValue) -> Result<Condition, PatternFault> {
    let texts = list(raw).unwrap_or_else(|| vec![raw]);
    let texts: Vec<String> =
        texts.into_iter().map(text).collect::<Option<_>>().ok_or(ANYTHING_BUT)?;
    // An empty one of the others would exclude every text, or none: Ruler refuses it.
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err(ANYTHING_BUT);
    }
    let condition = |text: String| match name {
        "prefix" => Ok(TextCondition::Prefix(text)),
        "suffix" => Ok(TextCondition::Suffix(text)),
        "equals-ignore-case" => IgnoringCase::new(&text).map(TextCondition::IsIgnoringCase),
        "wildcard" => Wildcard::new(&text).map(TextCondition::Wildcard),
        _ => Err(ANYTHING_BUT),
    };
    texts.into_iter().map(condition).collect::<Result<_, _>>().map(Condition::NotText)
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn list(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

/// The fields of an object, which are at least one, each once.
fn entries<'a>(raw: &'a RawValue, place: &[&str]) -> Parsed<Vec<(String, &'a RawValue)>> {
    let entries: Entries<'a> =
        serde_json::from_str(raw.get()).map_err(|_| PatternFault::NotAField.at(place))?;
    let mut names = BTreeSet::new();
    match entries.0.iter().find(|(name, _)| !names.insert(name)) {
        Some((twice, _)) => Err(PatternFault::Twice(twice.clone()).at(place)),
        None if entries.0.is_empty() => Err(PatternFault::Empty.at(place)),
        None => Ok(entries.0),
    }
}

/// The fields of an object as they are written, also those that are there twice.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsWritten;

        impl<'de> Visitor<'de> for AsWritten {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(AsWritten)
    }
}
