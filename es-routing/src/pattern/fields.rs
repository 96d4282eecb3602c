//! The fields of a pattern against those of an event.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::condition::Condition;
use super::presence::Compared;
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
    /// The number of the field among the [absences](super::presence::Absences), if one condition is that it is not
    /// there.
    pub(super) or_absent: Option<usize>,
}

impl Fields {
    pub(super) fn match_event(&self, event: &Compared<'_>) -> Result<bool, Undecidable> {
        self.match_value(Some(event.event()), event)
    }

    /// How many conditions these are, and objects on the way to them: both take memory and steps.
    pub(super) fn conditions(&self) -> usize {
        let conditions = |field: &Field| match field {
            Field::Object(fields) => 1 + fields.conditions(),
            Field::Value(one_of) => one_of.count(),
        };
        self.0.values().map(conditions).sum()
    }

    /// Whether `value`, somewhere in `event`, is an object with such fields, or a list with one.
    fn match_value(
        &self,
        value: Option<&Value>,
        event: &Compared<'_>,
    ) -> Result<bool, Undecidable> {
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
        event: &Compared<'_>,
    ) -> Result<bool, Undecidable> {
        for (name, field) in &self.0 {
            event.steps(1);
            let value = object.and_then(|object| object.get(name));
            let holds = match field {
                Field::Value(one_of) => one_of.holds_for(value, event)?,
                Field::Object(fields) => {
                    object.map_or(Ok(()), |object| event.check_names(object, name))?;
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
    fn count(&self) -> usize {
        let listed: usize = self.conditions.iter().map(Condition::count).sum();
        listed + usize::from(self.or_absent.is_some())
    }

    fn holds_for(&self, value: Option<&Value>, event: &Compared<'_>) -> Result<bool, Undecidable> {
        let takes = |value: &Value| {
            self.conditions.iter().any(|condition| {
                event.steps(condition.count());
                condition.holds_for(value)
            })
        };
        if value.is_some_and(|value| event.any_value(value, &takes)) {
            return Ok(true);
        }
        match self.or_absent {
            // That it is not there means: nowhere, also not in other elements of a list.
            Some(number) => Ok(!event.is_present(number)?),
            None => Ok(false),
        }
    }
}
