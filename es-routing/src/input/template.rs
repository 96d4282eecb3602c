//! Texts that parts of an event are put into.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::Surroundings;
use super::invalid::{InvalidInput, NoInput};
use super::json_path::JsonPath;
use crate::excerpt::{NAME, excerpt};

/// A template, in parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Reference { to: Reference, quoted: bool },
}

#[derive(Debug, Clone, PartialEq)]
enum Reference {
    Path(String),
    RuleArn,
    RuleName,
    IngestionTime,
    Event,
    EventWithoutDetail,
}

impl Template {
    pub(super) fn new(text: &str, is_known: impl Fn(&str) -> bool) -> Result<Self, InvalidInput> {
        let parts = parts(text, is_known)?;
        let template = Self { text: text.to_owned(), parts };
        template.check_json()?;
        Ok(template)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// That it is JSON, with a text for each name.
    fn check_json(&self) -> Result<(), InvalidInput> {
        let sample: String = self.parts.iter().map(Part::sample).collect();
        let parsed = serde_json::from_str::<serde::de::IgnoredAny>(&sample);
        parsed.map(drop).map_err(|error| InvalidInput::NotJson(error.to_string()))
    }

    pub(super) fn filled(
        &self,
        event: &Value,
        paths: &BTreeMap<String, JsonPath>,
        around: &Surroundings<'_>,
    ) -> Result<String, NoInput> {
        let mut filled = String::with_capacity(self.text.len());
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Reference { to, quoted } => {
                    let path = to.path(paths);
                    let value = to.value(event, path, around);
                    let path = path.map_or("$", JsonPath::as_str);
                    write_value(&mut filled, value.as_ref(), *quoted, path)?;
                }
            }
        }
        Ok(filled)
    }
}

impl Part {
    fn sample(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Reference { quoted: true, .. } => "x",
            Self::Reference { quoted: false, .. } => "\"x\"",
        }
    }
}

impl Reference {
    fn path<'a>(&self, paths: &'a BTreeMap<String, JsonPath>) -> Option<&'a JsonPath> {
        match self {
            Self::Path(name) => paths.get(name),
            _ => None,
        }
    }

    fn value(
        &self,
        event: &Value,
        path: Option<&JsonPath>,
        around: &Surroundings<'_>,
    ) -> Option<Value> {
        match self {
            Self::Path(_) => path?.find(event).cloned(),
            Self::RuleArn => Some(around.rule_arn.into()),
            Self::RuleName => Some(around.rule_name.into()),
            Self::IngestionTime => Some(around.ingested_at.to_string().into()),
            Self::Event => Some(event.clone()),
            Self::EventWithoutDetail => {
                let mut event = event.clone();
                event.as_object_mut()?.remove("detail");
                Some(event)
            }
        }
    }
}

fn write_value(
    filled: &mut String,
    value: Option<&Value>,
    quoted: bool,
    path: &str,
) -> Result<(), NoInput> {
    // Writing to a text does not fail.
    let _ = match (value, quoted) {
        (Some(value), false) => write!(filled, "{value}"),
        (None, false) => return Err(NoInput::Missing { path: path.to_owned() }),
        (None, true) => Ok(()),
        (Some(Value::Object(_) | Value::Array(_)), true) => {
            return Err(NoInput::NotText { path: path.to_owned() });
        }
        (Some(text @ Value::String(_)), true) => {
            let quoted = text.to_string();
            let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            filled.write_str(inner.unwrap_or_default())
        }
        (Some(value), true) => write!(filled, "{value}"),
    };
    Ok(())
}

/// The texts, and the references between them. A `<` that begins no name stands for itself.
fn parts(text: &str, is_known: impl Fn(&str) -> bool) -> Result<Vec<Part>, InvalidInput> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if letter == '<'
            && let Some((written, after)) = name_at(rest)
        {
            let to = reference(written, &is_known)?;
            if quoted && matches!(to, Reference::Event | Reference::EventWithoutDetail) {
                return Err(InvalidInput::ObjectInText(written.to_owned()));
            }
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Reference { to, quoted });
            rest = after;
            continue;
        }
        if letter == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = letter == '\\' && !escaped;
        plain.push(letter);
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
    }
    parts.push(Part::Text(plain));
    Ok(parts)
}

fn name_at(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('<')?.split_once('>')?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!name.is_empty() && name.bytes().all(letter)).then_some((name, after))
}

fn reference(written: &str, is_known: impl Fn(&str) -> bool) -> Result<Reference, InvalidInput> {
    match written {
        "aws.events.rule-arn" => Ok(Reference::RuleArn),
        "aws.events.rule-name" => Ok(Reference::RuleName),
        "aws.events.event.ingestion-time" => Ok(Reference::IngestionTime),
        "aws.events.event.json" => Ok(Reference::Event),
        "aws.events.event" => Ok(Reference::EventWithoutDetail),
        name if is_known(name) => Ok(Reference::Path(name.to_owned())),
        unknown => Err(InvalidInput::UnknownName(excerpt(unknown, NAME).to_owned())),
    }
}
