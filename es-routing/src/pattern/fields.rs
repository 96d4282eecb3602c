//! The fields of a pattern against those of an event.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::condition::Condition;
use super::undecidable::Undecidable;

/// What a pattern without `$or` asks of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Fields(pub(super) BTreeMap<String, Field>);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    Object(Fields),
    Value(OneOf),
}

/// Conditions of which one has to hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OneOf {
    pub(super) conditions: Vec<Condition>,
    /// Where the field is, if one condition is that it is not there.
    pub(super) or_absent: Option<Vec<String>>,
}

impl Fields {
    pub(super) fn match_event(&self, event: &Value) -> Result<bool, Undecidable> {
        self.match_value(Some(event), event)
    }

    /// Whether `value`, somewhere in `event`, is an object with such fields, or a list with one.
    fn match_value(&self, value: Option<&Value>, event: &Value) -> Result<bool, Undecidable> {
        match value {
            Some(Value::Object(object)) => self.match_object(Some(object), event),
            Some(Value::Array(elements)) => {
                for element in elements {
                    if self.match_value(Some(element), event)? {
                        return Ok(true);
                    }
                }
                self.match_object(None, event)
            }
            _ => self.match_object(None, event),
        }
    }

    /// Without an object all fields have to be absent.
    fn match_object(
        &self,
        object: Option<&Map<String, Value>>,
        event: &Value,
    ) -> Result<bool, Undecidable> {
        for (name, field) in &self.0 {
            let value = object.and_then(|object| object.get(name));
            let holds = match field {
                Field::Value(one_of) => one_of.holds_for(value, event)?,
                Field::Object(fields) => {
                    object.map_or(Ok(()), |object| check_names(object, name))?;
                    fields.match_value(value, event)?
                }
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl OneOf {
    fn holds_for(&self, value: Option<&Value>, event: &Value) -> Result<bool, Undecidable> {
        if value.is_some_and(|value| any_value(value, &|value| self.takes(value))) {
            return Ok(true);
        }
        match &self.or_absent {
            // That it is not there means: nowhere, also not in other elements of a list.
            Some(path) => Ok(!is_present(Some(event), path)?),
            None => Ok(false),
        }
    }

    fn takes(&self, value: &Value) -> bool {
        self.conditions.iter().any(|condition| condition.holds_for(value))
    }
}

/// Whether one of the values does: of a list the elements, also of lists in it. Objects are no values.
fn any_value(value: &Value, does: &impl Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| any_value(element, does)),
        Value::Object(_) => false,
        value => does(value),
    }
}

/// Whether there is a value at the end of the path.
fn is_present(value: Option<&Value>, path: &[String]) -> Result<bool, Undecidable> {
    let Some(value) = value else { return Ok(false) };
    let Some((name, rest)) = path.split_first() else { return Ok(any_value(value, &|_| true)) };
    match value {
        Value::Object(object) => {
            if !rest.is_empty() {
                check_names(object, name)?;
            }
            is_present(object.get(name), rest)
        }
        Value::Array(elements) => {
            for element in elements {
                if is_present(Some(element), path)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// That no name begins with this one and a dot.
fn check_names(object: &Map<String, Value>, name: &str) -> Result<(), Undecidable> {
    let is_inside =
        |other: &String| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    match object.keys().any(is_inside) {
        true => Err(Undecidable { field: name.to_owned() }),
        false => Ok(()),
    }
}
