//! Forms of inputs that cannot be, and inputs that cannot be made.

use super::Input;

/// The form of an input that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// There are two forms.
    #[error("a target has input, input_path or input_transformer, and one of them at most")]
    Several,
    /// It is empty or too long.
    #[error("an input or template has 1 to {limit} characters", limit = Input::MAX_TEMPLATE_LEN)]
    Length,
    /// There are too many names.
    #[error("it has {0} paths, over the limit of {limit}", limit = Input::MAX_PATHS)]
    TooManyPaths(usize),
    /// A name has other characters, or is reserved.
    #[error(
        "the name {0:?} has other characters than ASCII letters, digits, '-' and '_', or is reserved"
    )]
    Name(String),
    /// A path has another form.
    #[error("the path {0:?} is not one of names and places, as $.detail.items[0]")]
    Path(String),
    /// A name in the template has no value.
    #[error("the template has <{0}>, which has no path")]
    UnknownName(String),
    /// The event stands inside of quotation marks.
    #[error("the template has <{0}> inside of quotation marks, where a JSON object cannot be")]
    ObjectInText(String),
    /// It is no JSON when texts stand for its names.
    #[error("the template is not JSON: {0}")]
    NotJson(String),
}

/// An event that a target cannot get in its form. It does not say what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoInput {
    /// A path leads nowhere.
    #[error("the event has nothing at {path}")]
    Missing {
        /// The path.
        path: String,
    },
    /// An object or list would stand inside of quotation marks.
    #[error("what the event has at {path} is no text, and stands inside of quotation marks")]
    NotText {
        /// The path.
        path: String,
    },
}
