//! Fields that must not be there.

use std::cell::OnceCell;

use serde_json::{Map, Value};

use super::undecidable::Undecidable;

/// The paths of all fields that a pattern would have absent, each once.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Absences(Vec<Vec<String>>);

impl Absences {
    /// The number of a path.
    pub(super) fn number(&mut self, path: &[&str]) -> usize {
        self.0.iter().position(|known| known == path).unwrap_or_else(|| {
            self.0.push(path.iter().map(|&name| name.to_owned()).collect());
            self.0.len() - 1
        })
    }
}

/// An event that a pattern is compared with.
///
/// That a field is absent means: in the whole event. Who looked for it again at each element of a list would take
/// a square of steps, so it is looked for once.
pub(super) struct Compared<'a> {
    event: &'a Value,
    absences: &'a Absences,
    present: Vec<OnceCell<Result<bool, Undecidable>>>,
    #[cfg(test)]
    steps: std::cell::Cell<usize>,
}

impl<'a> Compared<'a> {
    pub(super) fn new(event: &'a Value, absences: &'a Absences) -> Self {
        Self {
            event,
            absences,
            present: vec![OnceCell::new(); absences.0.len()],
            #[cfg(test)]
            steps: std::cell::Cell::new(0),
        }
    }

    pub(super) fn event(&self) -> &'a Value {
        self.event
    }

    /// Whether the field with this number has a value anywhere.
    pub(super) fn is_present(&self, number: usize) -> Result<bool, Undecidable> {
        let (Some(path), Some(known)) = (self.absences.0.get(number), self.present.get(number))
        else {
            return Ok(false);
        };
        known.get_or_init(|| self.has_value_at(self.event, path)).clone()
    }

    fn has_value_at(&self, value: &Value, path: &[String]) -> Result<bool, Undecidable> {
        self.steps(1);
        let Some((name, rest)) = path.split_first() else {
            return Ok(self.any_value(value, &|_| true));
        };
        match value {
            Value::Object(object) => {
                if !rest.is_empty() {
                    self.check_names(object, name)?;
                }
                object.get(name).map_or(Ok(false), |value| self.has_value_at(value, rest))
            }
            Value::Array(elements) => {
                for element in elements {
                    if self.has_value_at(element, path)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// Whether one of the values does: of a list the elements, also of lists in it. Objects are no values.
    pub(super) fn any_value(&self, value: &Value, does: &impl Fn(&Value) -> bool) -> bool {
        self.steps(1);
        match value {
            Value::Array(elements) => elements.iter().any(|element| self.any_value(element, does)),
            Value::Object(_) => false,
            value => does(value),
        }
    }

    /// That no name begins with this one and a dot.
    pub(super) fn check_names(
        &self,
        object: &Map<String, Value>,
        name: &str,
    ) -> Result<(), Undecidable> {
        self.steps(object.len());
        let is_inside =
            |other: &String| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        match object.keys().any(is_inside) {
            true => Err(Undecidable { field: name.to_owned() }),
            false => Ok(()),
        }
    }

    /// Counts what is looked at, for tests of how much that is.
    #[cfg(test)]
    pub(super) fn steps(&self, more: usize) {
        self.steps.set(self.steps.get() + more);
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests count here")]
    pub(super) fn steps(&self, _more: usize) {}

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.steps.get()
    }
}
