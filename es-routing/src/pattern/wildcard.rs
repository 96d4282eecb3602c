//! Texts of a form.

use super::invalid::PatternFault;

const FORM: PatternFault = PatternFault::WrongForm {
    condition: "wildcard",
    takes: "a text without two * beside each other, and with a backslash before * and backslash only",
};

/// The parts between the wildcards: at least one, the first begins a text and the last ends it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wildcard {
    first: String,
    /// Those after the first.
    others: Vec<String>,
}

impl Wildcard {
    pub(super) fn new(text: &str) -> Result<Self, PatternFault> {
        let mut parts = vec![String::new()];
        let mut letters = text.chars();
        let mut after_wildcard = false;
        while let Some(letter) = letters.next() {
            let letter = match letter {
                '*' if after_wildcard => return Err(FORM),
                '*' => {
                    after_wildcard = true;
                    parts.push(String::new());
                    continue;
                }
                '\\' => letters.next().filter(|it| matches!(it, '*' | '\\')).ok_or(FORM)?,
                letter => letter,
            };
            after_wildcard = false;
            if let Some(part) = parts.last_mut() {
                part.push(letter);
            }
        }
        let others = parts.split_off(1);
        Ok(Self { first: parts.pop().unwrap_or_default(), others })
    }

    /// Each part where it is found first: if the form fits at all, it fits so.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some((last, middle)) = self.others.split_last() else { return text == self.first };
        let Some(mut rest) = text.strip_prefix(self.first.as_str()) else { return false };
        for part in middle {
            match rest.find(part.as_str()) {
                Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}
