//! Texts compared whatever their case.

use super::invalid::PatternFault;

/// A text, with each letter in lower and upper case. As Event Ruler has it, the letters of the pattern decide:
/// `Σ` is `σ`, and not `ς`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct IgnoringCase(Vec<(char, char)>);

impl IgnoringCase {
    pub(super) fn new(text: &str) -> Result<Self, PatternFault> {
        text.chars().map(cases).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is(&self, text: &str) -> bool {
        let mut rest = text.chars();
        self.same_as(&mut rest) && rest.next().is_none()
    }

    pub(super) fn begins(&self, text: &str) -> bool {
        self.same_as(&mut text.chars())
    }

    pub(super) fn ends(&self, text: &str) -> bool {
        let mut letters = text.chars().rev();
        self.0.iter().rev().all(|cases| letters.next().is_some_and(|letter| is_one(letter, *cases)))
    }

    fn same_as(&self, letters: &mut impl Iterator<Item = char>) -> bool {
        self.0.iter().all(|cases| letters.next().is_some_and(|letter| is_one(letter, *cases)))
    }
}

fn is_one(letter: char, (lower, upper): (char, char)) -> bool {
    letter == lower || letter == upper
}

fn cases(letter: char) -> Result<(char, char), PatternFault> {
    let only = |mut letters: std::iter::Peekable<Box<dyn Iterator<Item = char>>>| {
        letters.next().filter(|_| letters.peek().is_none())
    };
    let lower: Box<dyn Iterator<Item = char>> = Box::new(letter.to_lowercase());
    let upper: Box<dyn Iterator<Item = char>> = Box::new(letter.to_uppercase());
    only(lower.peekable()).zip(only(upper.peekable())).ok_or(PatternFault::Case(letter))
}
