//! Paths into events.

use serde_json::Value;

use super::invalid::InvalidInput;
use crate::excerpt::{NAME, excerpt};

/// A path of names and places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Field(String),
    Element(usize),
}

/// The longest path, in bytes.
const MAX_LEN: usize = 256;

impl JsonPath {
    pub(super) fn new(text: &str) -> Result<Self, InvalidInput> {
        let steps = text.strip_prefix('$').filter(|_| text.len() <= MAX_LEN).and_then(steps);
        match steps {
            Some(steps) => Ok(Self { text: text.to_owned(), steps }),
            None => Err(InvalidInput::Path(excerpt(text, NAME).to_owned())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn find<'a>(&self, event: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(event, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Element(place) => value.get(place),
        })
    }
}

fn steps(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, others) = match rest.strip_prefix('.') {
            Some(named) => {
                let (name, others) = named.split_at(named.find(['.', '[']).unwrap_or(named.len()));
                (field(name)?, others)
            }
            None => {
                let (place, others) = rest.strip_prefix('[')?.split_once(']')?;
                (element(place)?, others)
            }
        };
        steps.push(step);
        rest = others;
    }
    Some(steps)
}

fn field(name: &str) -> Option<Step> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (!name.is_empty() && name.bytes().all(letter)).then(|| Step::Field(name.to_owned()))
}

fn element(place: &str) -> Option<Step> {
    let digits = place.bytes().all(|byte| byte.is_ascii_digit());
    place.parse().ok().filter(|_| digits).map(Step::Element)
}
