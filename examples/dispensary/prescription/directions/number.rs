//! Numbers in figures and words, ranges, and fractions that are none.

use super::super::{Amount, Course, Reason, token::Kind, vocabulary::Meaning};
use super::Reader;

/// A number or a range, and the index of the token after it.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) at_least: Amount,
    pub(super) at_most: Amount,
    pub(super) next: usize,
}

impl Span {
    pub(super) fn single(&self) -> Result<Amount, Reason> {
        if self.at_least == self.at_most {
            Ok(self.at_least)
        } else {
            Err(Reason::UnexplainedNumber)
        }
    }

    pub(super) fn whole(&self) -> Result<(u32, u32), Reason> {
        match (self.at_least.as_whole(), self.at_most.as_whole()) {
            (Some(at_least), Some(at_most)) => Ok((at_least, at_most)),
            _ => Err(Reason::DoubtfulNumber),
        }
    }

    pub(super) fn whole_single(&self) -> Result<u32, Reason> {
        self.single()?.as_whole().ok_or(Reason::DoubtfulNumber)
    }
}

impl Reader<'_> {
    /// `1`, `½`, `1/2`, `1 1/2`, `twenty-one`, `one and a half`, `21 (twenty-one)`.
    pub(super) fn single(&self, at: usize) -> Result<Option<(Amount, usize)>, Reason> {
        let Some((amount, next)) = self.plain(at) else {
            return Ok(None);
        };
        Ok(Some((amount, self.past_confirmation(amount, next)?)))
    }

    /// Controlled drugs have their quantity in figures and in words: both must agree.
    pub(super) fn past_confirmation(&self, amount: Amount, at: usize) -> Result<usize, Reason> {
        if self.kind(at) != Some(Kind::Open) {
            return Ok(at);
        }
        match self.plain(at + 1) {
            Some((confirmed, end)) if self.kind(end) == Some(Kind::Close) => {
                if confirmed == amount { Ok(end + 1) } else { Err(Reason::DoubtfulNumber) }
            }
            _ => Ok(at),
        }
    }

    pub(super) fn plain(&self, at: usize) -> Option<(Amount, usize)> {
        match self.kind(at)? {
            Kind::Number(amount) => Some(if let Some(fraction) = self.fraction(at) {
                (fraction, at + 3)
            } else if let Some(fraction) = self.fraction(at + 1) {
                (amount.plus(fraction), at + 4)
            } else {
                (amount, at + 1)
            }),
            Kind::Word(Meaning::Half) => {
                Some((Amount::quarters(2), self.past_word(at + 1, Meaning::Per)))
            }
            Kind::Word(Meaning::Number(tens)) => Some(self.number_words(tens, at + 1)),
            _ => None,
        }
    }

    pub(super) fn number_words(&self, first: u32, next: usize) -> (Amount, usize) {
        let is_half = self.known(next) == Some(Meaning::And)
            && self.known(next + 1) == Some(Meaning::Per)
            && self.known(next + 2) == Some(Meaning::Half);
        match self.known(next) {
            _ if is_half => (Amount::whole(first).plus(Amount::quarters(2)), next + 3),
            Some(Meaning::Hundred) if first < 10 => (Amount::whole(first * 100), next + 1),
            Some(Meaning::Number(ones)) if first >= 20 && ones < 10 => {
                (Amount::whole(first + ones), next + 1)
            }
            _ => (Amount::whole(first), next),
        }
    }

    /// `1/2`, `1/4`, `3/4`. Other fractions are a combined strength or a mistake.
    pub(super) fn fraction(&self, at: usize) -> Option<Amount> {
        let (above, below) = self.ratio(at)?;
        match (above, below) {
            (1, 2) => Some(Amount::quarters(2)),
            (1 | 3, 4) => Some(Amount::quarters(above)),
            _ => None,
        }
    }

    /// `5/7` is five days, `2/52` two weeks, `3/12` three months.
    pub(super) fn short_course(&self, at: usize) -> Option<Course> {
        let (count, denominator) = self.ratio(at)?;
        let course = match denominator {
            7 => Course::Days(count),
            52 => Course::Weeks(count),
            12 => Course::Months(count),
            _ => return None,
        };
        // With a unit it is a combined strength.
        let is_strength = matches!(
            self.kind(at + 3),
            Some(Kind::Word(Meaning::Unit(_) | Meaning::Form(_)) | Kind::Percent | Kind::Slash)
        );
        (!is_strength).then_some(course)
    }

    pub(super) fn ratio(&self, at: usize) -> Option<(u32, u32)> {
        match (self.kind(at)?, self.kind(at + 1)?, self.kind(at + 2)?) {
            (Kind::Number(above), Kind::Slash, Kind::Number(below)) => {
                Some((above.as_whole()?, below.as_whole()?))
            }
            _ => None,
        }
    }

    /// A number or a range: `1-2`, `4 to 6`, `one or two`.
    pub(super) fn span(&self, at: usize) -> Result<Option<Span>, Reason> {
        let Some((at_least, next)) = self.single(at)? else {
            return Ok(None);
        };
        if matches!(self.kind(next), Some(Kind::Dash | Kind::Word(Meaning::To)))
            && let Some((at_most, next)) = self.single(next + 1)?
        {
            return if at_least < at_most {
                Ok(Some(Span { at_least, at_most, next }))
            } else {
                Err(Reason::DoubtfulNumber)
            };
        }
        Ok(Some(Span { at_least, at_most: at_least, next }))
    }
}
