//! What is wrong with a pattern.

use super::EventPattern;

/// A pattern that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event pattern{} is not taken: {fault}", at(.place))]
#[non_exhaustive]
pub struct InvalidPattern {
    /// The field whose condition it is, as `detail.state`; empty for the pattern as a whole.
    pub place: String,
    /// What is wrong.
    pub fault: PatternFault,
}

fn at(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(" at {place}") }
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternFault {
    /// It is no JSON.
    #[error("it is not JSON: {0}")]
    Json(String),
    /// It is too long.
    #[error("it has {0} bytes, over the limit of {limit}", limit = EventPattern::MAX_LEN)]
    TooLong(usize),
    /// Written out, it has too many alternatives.
    #[error("its $or come to more than {limit} alternatives", limit = EventPattern::MAX_ALTERNATIVES)]
    TooManyAlternatives,
    /// Written out, it has too many conditions.
    #[error("its alternatives come to more than {limit} conditions", limit = EventPattern::MAX_CONDITIONS)]
    TooManyConditions,
    /// The pattern, or what stands for a field, is neither an object of fields nor a list of conditions.
    #[error("a field has an object of fields, or a list of conditions")]
    NotAField,
    /// An object has no fields, or a list no conditions.
    #[error("an empty object or list would match nothing")]
    Empty,
    /// One object has a field twice.
    #[error("the field {0:?} is there twice")]
    Twice(String),
    /// A field is asked for beside and inside `$or`, or in two of them.
    #[error("the field {0:?} is asked for in two places of one alternative")]
    TwicePerAlternative(String),
    /// A name has a dot.
    #[error("EventBridge takes the dot in {0:?} for the way into an object: write the object")]
    DottedName(String),
    /// `$or` has less than two objects, or names in them are those of conditions.
    #[error("$or has at least two objects, whose fields have not the names of conditions")]
    NotAlternatives,
    /// A condition is a list, or an object with other than one field.
    #[error("a condition is a value, or an object with one field that names it")]
    NotACondition,
    /// There is no such condition.
    #[error("there is no condition {0:?}")]
    UnknownCondition(String),
    /// A condition has another form.
    #[error("{condition} takes {takes}")]
    WrongForm {
        /// The condition, as it is written.
        condition: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// A number that EventBridge does not compare exactly.
    #[error("the number {0} is beyond ±5,000,000,000 or has more than six places after the point")]
    Number(String),
    /// A number that is written in another form than the shortest.
    #[error(
        "write the number {written} as {shortest}: texts of numbers are not compared everywhere alike"
    )]
    NumberForm {
        /// As it is written.
        written: String,
        /// As it should be.
        shortest: String,
    },
    /// A letter whose other case is not one letter.
    #[error("the other case of {0:?} is not one letter: it cannot be compared")]
    Case(char),
}

impl PatternFault {
    pub(super) fn at(self, place: &[&str]) -> InvalidPattern {
        InvalidPattern { place: place.join("."), fault: self }
    }
}
