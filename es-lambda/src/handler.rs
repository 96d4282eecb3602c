//! Which function of a program a process is.

use std::ffi::OsString;

/// The variable in which Lambda says it: the `Handler` that the function was made with.
const VARIABLE: &str = "_HANDLER";

/// The name of the function that this process is, among those of its program: what a template says as `Handler`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerName(String);

/// Why a process does not know which function it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The environment does not say it, as outside of Lambda.
    #[error("{VARIABLE} is not set: Lambda says there which function this process is")]
    Unset,
    /// What the environment says is no text.
    #[error("{VARIABLE} is no text: {0:?}")]
    NotText(OsString),
    /// The program has no such function.
    #[error("this program has no function {handler:?}, which {VARIABLE} asks for")]
    Unknown {
        /// What the template says.
        handler: String,
    },
}

impl HandlerName {
    pub(crate) fn of_this_process() -> Result<Self, HandlerError> {
        Self::of(std::env::var_os(VARIABLE))
    }

    fn of(value: Option<OsString>) -> Result<Self, HandlerError> {
        let value = value.filter(|value| !value.is_empty()).ok_or(HandlerError::Unset)?;
        value.into_string().map(Self).map_err(HandlerError::NotText)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The error of a program that has no function of this name.
    pub fn unknown(&self) -> HandlerError {
        HandlerError::Unknown { handler: self.0.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_what_the_environment_says() {
        let handler = HandlerName::of(Some("projector".into())).unwrap();
        assert_eq!(handler.as_str(), "projector");
    }

    #[test]
    fn no_handler_and_an_empty_one_are_none() {
        for value in [None, Some(OsString::new())] {
            assert_eq!(HandlerName::of(value), Err(HandlerError::Unset));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_handler_that_is_no_text_is_an_error() {
        use std::os::unix::ffi::OsStringExt as _;
        let value = OsString::from_vec(vec![b'a', 0xFF]);
        assert_eq!(HandlerName::of(Some(value.clone())), Err(HandlerError::NotText(value)));
    }

    #[test]
    fn a_handler_that_the_program_does_not_have_is_named() {
        let error = HandlerName::of(Some("projektor".into())).unwrap().unknown();
        let said = "this program has no function \"projektor\", which _HANDLER asks for";
        assert_eq!(error.to_string(), said);
    }
}
