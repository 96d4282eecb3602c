//! In which form an event goes to a target.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

mod invalid;
mod json_path;
mod template;

pub use invalid::{InvalidInput, NoInput};

use crate::bus_event::BusEvent;
use crate::excerpt::{NAME, excerpt};
use json_path::JsonPath;
use template::Template;

/// The form in which a target gets events: as they are, always the same text, a part of them, or a text that
/// parts are put into; see
/// [input transformation](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html)
/// of EventBridge.
///
/// | field of a target | the target gets |
/// |---|---|
/// | none | the event as JSON |
/// | `input` | this JSON value |
/// | `input_path` | the part of the event that the path leads to |
/// | `input_transformer` | the `input_template`, with the values of the paths in `input_paths_map` for the `<names>` |
///
/// A path is `$`, or has names and places: `$.detail.items[0].id`. A template is JSON when texts stand for its
/// `<names>`. A name outside of quotation marks becomes the JSON of its value. Inside of them it becomes the text,
/// number, truth value or null; what is missing becomes nothing. Reserved names are `aws.events.rule-arn`,
/// `aws.events.rule-name`, `aws.events.event.ingestion-time`, and, outside of quotation marks,
/// `aws.events.event.json`, which is the event, and `aws.events.event`, which is the event without its detail.
///
/// # Not otherwise than EventBridge
///
/// What its documents leave open is refused: wildcards in paths, templates that are no JSON, and names that
/// have no value. A delivery whose path leads nowhere, outside of quotation marks, or whose object or list would
/// stand inside of them, goes to the dead letters.
#[derive(Debug, Clone, PartialEq)]
pub struct Input(Form);

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Event,
    Constant(String),
    Path(JsonPath),
    Transformed { paths: BTreeMap<String, JsonPath>, template: Template },
}

/// The form of an input as EventBridge is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputForm<'a> {
    /// The event as it is.
    Event,
    /// `Input`: this JSON.
    Constant(&'a str),
    /// `InputPath`.
    Path(&'a str),
    /// `InputTransformer`.
    Transformed {
        /// `InputPathsMap`.
        paths: BTreeMap<&'a str, &'a str>,
        /// `InputTemplate`.
        template: &'a str,
    },
}

/// What reserved names stand for, beside the event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) rule_arn: &'a str,
    pub(crate) rule_name: &'a str,
    pub(crate) ingested_at: es_core::Timestamp,
}

impl Input {
    /// The most names of a transformer.
    pub const MAX_PATHS: usize = 100;
    /// The longest template, constant or path, in characters: 8,192, and 256 for a path.
    pub const MAX_TEMPLATE_LEN: usize = 8_192;

    pub(crate) fn event() -> Self {
        Self(Form::Event)
    }

    pub(crate) fn constant(json: &RawValue) -> Result<Self, InvalidInput> {
        check_len(json.get())?;
        Ok(Self(Form::Constant(json.get().to_owned())))
    }

    pub(crate) fn path(path: &str) -> Result<Self, InvalidInput> {
        JsonPath::new(path).map(Form::Path).map(Self)
    }

    pub(crate) fn transformed(
        paths: BTreeMap<String, String>,
        template: &str,
    ) -> Result<Self, InvalidInput> {
        if paths.len() > Self::MAX_PATHS {
            return Err(InvalidInput::TooManyPaths(paths.len()));
        }
        check_len(template)?;
        if let Some(name) = paths.keys().find(|name| !is_free(name)) {
            return Err(InvalidInput::Name(excerpt(name, NAME).to_owned()));
        }
        let paths: BTreeMap<_, _> = paths
            .into_iter()
            .map(|(name, path)| Ok((name, JsonPath::new(&path)?)))
            .collect::<Result<_, InvalidInput>>()?;
        let template = Template::new(template, |name| paths.contains_key(name))?;
        Ok(Self(Form::Transformed { paths, template }))
    }

    /// The form as EventBridge is told it. For those who deploy it.
    pub fn form(&self) -> InputForm<'_> {
        match &self.0 {
            Form::Event => InputForm::Event,
            Form::Constant(json) => InputForm::Constant(json),
            Form::Path(path) => InputForm::Path(path.as_str()),
            Form::Transformed { paths, template } => InputForm::Transformed {
                paths: paths.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect(),
                template: template.as_str(),
            },
        }
    }

    /// What the target gets of the event.
    pub(crate) fn of(
        &self,
        event: &BusEvent,
        around: &Surroundings<'_>,
    ) -> Result<String, NoInput> {
        match &self.0 {
            Form::Event => Ok(event.to_json()),
            Form::Constant(json) => Ok(json.clone()),
            Form::Path(path) => {
                let event = event.to_value();
                let found = path.find(&event).map(Value::to_string);
                found.ok_or_else(|| NoInput::Missing { path: path.as_str().to_owned() })
            }
            Form::Transformed { paths, template } => {
                let event = event.to_value();
                template.filled(&event, paths, around)
            }
        }
    }
}

/// A name that is not reserved.
fn is_free(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.len() <= 256 && name.bytes().all(letter) && !name.starts_with("AWS")
}

fn check_len(text: &str) -> Result<(), InvalidInput> {
    match text.chars().count() {
        1..=Input::MAX_TEMPLATE_LEN => Ok(()),
        _ => Err(InvalidInput::Length),
    }
}
