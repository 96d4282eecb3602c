//! What says something about a person. `Debug` shows none of it, so that it gets into no log by chance.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most characters of a name, and of an address.
const LONGEST: usize = 200;

/// What a user is called: 1 to 200 characters, not all of them white space, none of them a control character.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
// What is stored was checked by the rules of its time, and is read whatever they are now.
#[serde(transparent)]
pub struct Name(String);

/// Nobody can be called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is blank, longer than {LONGEST} characters, or has control characters")]
pub struct InvalidName;

impl Name {
    /// The name that somebody gave.
    ///
    /// # Errors
    ///
    /// [`InvalidName`].
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let is_blank = name.trim().is_empty();
        match !is_blank && name.chars().count() <= LONGEST && !name.chars().any(char::is_control) {
            true => Ok(Self(name.to_owned())),
            false => Err(InvalidName),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(..)")
    }
}

/// Where a user is written to: at most 200 characters, `name@domain` as far as one can tell without writing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
// As with names.
#[serde(transparent)]
pub struct Email(String);

/// Nobody can be written to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is longer than {LONGEST} characters, or has not the form name@domain")]
pub struct InvalidEmail;

impl Email {
    /// The address that somebody gave.
    ///
    /// # Errors
    ///
    /// [`InvalidEmail`].
    pub fn new(email: &str) -> Result<Self, InvalidEmail> {
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
        };
        match email.rsplit_once('@') {
            Some((name, domain))
                if is_part(name) && is_part(domain) && email.chars().count() <= LONGEST =>
            {
                Ok(Self(email.to_owned()))
            }
            _ => Err(InvalidEmail),
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_in_any_script_and_without_controls() {
        for name in ["Ada Example", "名前", "O'Neill", &"é".repeat(LONGEST)] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
        for name in ["", " \t", "a\nb", "a\u{0}", "a\u{85}", &"é".repeat(LONGEST + 1)] {
            assert_eq!(Name::new(name), Err(InvalidName), "{name:?}");
        }
    }

    #[test]
    fn an_address_has_a_name_and_a_domain() {
        for email in ["a@b", "ada.example+users@example.org", "ä@ö"] {
            assert_eq!(Email::new(email).unwrap().as_str(), email);
        }
        let long = format!("{}@b", "a".repeat(LONGEST));
        for email in ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n", "a\u{85}@b", &long] {
            assert_eq!(Email::new(email), Err(InvalidEmail), "{email:?}");
        }
    }

    #[test]
    fn debug_output_says_nothing_of_a_person() {
        let shown = format!(
            "{:?} {:?}",
            Name::new("Ada Example").unwrap(),
            Email::new("ada@example.org").unwrap()
        );
        assert_eq!(shown, "Name(..) Email(..)");
    }
}
