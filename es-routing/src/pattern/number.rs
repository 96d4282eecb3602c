//! Numbers in conditions.

use serde_json::value::RawValue;

use super::invalid::PatternFault;
use crate::excerpt::{NAME, excerpt};

/// What EventBridge's documents say that numbers are compared for exactly.
const LARGEST: f64 = 5.0e9;
const PLACES: usize = 6;

/// A number of a pattern.
pub(super) fn number(raw: &RawValue) -> Result<f64, PatternFault> {
    let written = || PatternFault::Number(shortened(raw.get()));
    let number: f64 = serde_json::from_str(raw.get()).map_err(|_| written())?;
    let places = shortest(number).split_once('.').map_or(0, |(_, places)| places.len());
    match number.abs() <= LARGEST && places <= PLACES {
        true => Ok(number),
        false => Err(written()),
    }
}

/// A number that stands for itself. Whether `300.0` is `300` differs between EventBridge's documents and its
/// engine.
pub(super) fn value(raw: &RawValue) -> Result<f64, PatternFault> {
    let number = number(raw)?;
    let shortest = shortest(number);
    match raw.get() == shortest {
        true => Ok(number),
        false => Err(PatternFault::NumberForm { written: shortened(raw.get()), shortest }),
    }
}

fn shortest(number: f64) -> String {
    // Not as "-0".
    format!("{}", number + 0.0)
}

fn shortened(text: &str) -> String {
    excerpt(text, NAME).to_owned()
}

/// A range of numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Range {
    lower: Option<Bound>,
    upper: Option<Bound>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bound {
    number: f64,
    inclusive: bool,
}

const FORM: PatternFault = PatternFault::WrongForm {
    condition: "numeric",
    takes: "\"=\", \"<\", \"<=\", \">\" or \">=\" and a number; after \">\" or \">=\" also \"<\" or \"<=\" and \
            a larger one",
};

impl Range {
    /// From the elements of the list.
    pub(super) fn new(elements: &[&RawValue]) -> Result<Self, PatternFault> {
        match elements {
            [operator, bound] => Self::of_one(&text(operator)?, number(bound)?),
            [above, bottom, below, top] => {
                let lower = Self::of_one(&text(above)?, number(bottom)?)?;
                let upper = Self::of_one(&text(below)?, number(top)?)?;
                match (lower, upper) {
                    (
                        Self { lower: Some(lower), upper: None },
                        Self { lower: None, upper: Some(upper) },
                    ) if lower.number < upper.number => {
                        Ok(Self { lower: Some(lower), upper: Some(upper) })
                    }
                    _ => Err(FORM),
                }
            }
            _ => Err(FORM),
        }
    }

    fn of_one(operator: &str, number: f64) -> Result<Self, PatternFault> {
        let bound = |inclusive| Some(Bound { number, inclusive });
        match operator {
            "=" => Ok(Self { lower: bound(true), upper: bound(true) }),
            "<" => Ok(Self { lower: None, upper: bound(false) }),
            "<=" => Ok(Self { lower: None, upper: bound(true) }),
            ">" => Ok(Self { lower: bound(false), upper: None }),
            ">=" => Ok(Self { lower: bound(true), upper: None }),
            _ => Err(FORM),
        }
    }

    pub(super) fn contains(&self, number: f64) -> bool {
        let is_at = |bound: Bound| bound.inclusive && number == bound.number;
        self.lower.is_none_or(|lower| number > lower.number || is_at(lower))
            && self.upper.is_none_or(|upper| number < upper.number || is_at(upper))
    }
}

fn text(raw: &RawValue) -> Result<String, PatternFault> {
    serde_json::from_str(raw.get()).map_err(|_| FORM)
}
