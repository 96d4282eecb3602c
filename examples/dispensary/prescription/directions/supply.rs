//! How much is dispensed, how often again, and how much is allowed in a day.

use super::super::{Amount, Part, Period, Quantity, Reason, token::Kind, vocabulary::Meaning};
use super::{Reader, number::Span, statement::set};

impl Reader<'_> {
    /// `Disp: #21`, `Qty 100 mL`; as a plain word (`dispense as written`) a remark.
    pub(super) fn dispense_label(&mut self) -> Result<(), Reason> {
        self.end_remark();
        let next = self.past(self.past(self.at + 1, Kind::Colon), Kind::Hash);
        if self.short_course(next).is_some() {
            return self.skip_to(next);
        }
        match self.span(next)? {
            Some(span) if matches!(self.known(span.next), Some(Meaning::Period(_))) => {
                self.skip_to(next)
            }
            Some(span) => self.dispense(span),
            None => self.remark(true),
        }
    }

    pub(super) fn dispense(&mut self, span: Span) -> Result<(), Reason> {
        self.end_remark();
        let unit = self.counted(span.next);
        if matches!(self.known(span.next), Some(Meaning::Times)) {
            // `2 x 100 mL`: packs of packs are left to the pharmacist.
            return Err(Reason::UnexplainedNumber);
        }
        let next = span.next + usize::from(unit.is_some());
        let next = if matches!(self.known(next), Some(Meaning::Pack(_))) { next + 1 } else { next };
        let amount = span.single()?;
        let next = self.past_confirmation(amount, next)?;
        self.quantity(Quantity { amount, unit }, next)
    }

    /// `Refills: 2`, `repeat x 5`, `refills none`.
    pub(super) fn refills_label(&mut self) -> Result<(), Reason> {
        self.end_remark();
        let next = self.past(self.at + 1, Kind::Colon);
        let next = self.past_word(next, Meaning::Times);
        if self.known(next) == Some(Meaning::Not) {
            return self.refills(0, next + 1);
        }
        match self.single(next)? {
            Some((amount, next)) => {
                let refills = amount.as_whole().ok_or(Reason::DoubtfulNumber)?;
                self.refills(refills, self.past_word(next, Meaning::Times))
            }
            None => self.remark(true),
        }
    }

    /// `no refills`, `no more than 8 in 24 hours`, `not to exceed 4 tablets per day`.
    pub(super) fn negation(&mut self) -> Result<(), Reason> {
        let next = self.at + 1;
        if self.known(next) == Some(Meaning::Refills) {
            return self.refills(0, next + 1);
        }
        let next = self.past_word(next, Meaning::To);
        if self.known(next) == Some(Meaning::More) {
            return self.daily_maximum(self.past_word(next + 1, Meaning::Than));
        }
        self.remark(true)
    }

    /// `max 8 tablets in 24 hours`, `maximum 4 g daily`.
    pub(super) fn daily_maximum(&mut self, at: usize) -> Result<(), Reason> {
        self.end_remark();
        let at = self.past(self.past_word(at, Meaning::Dose), Kind::Colon);
        let at = self.past_word(at, Meaning::Connector);
        let span = self.span(at)?.ok_or(Reason::UnexplainedNumber)?;
        let unit = self.counted(span.next);
        let next = span.next + usize::from(unit.is_some());
        let next = self.a_day(next).ok_or(Reason::UnexplainedNumber)?;
        let maximum = Quantity { amount: span.single()?, unit };
        set(&mut self.drug.daily_maximum, maximum, Part::DailyMaximum)?;
        self.skip_to(next)
    }

    /// `a day`, `daily`, `in 24 hours`, `/24h`.
    pub(super) fn a_day(&self, at: usize) -> Option<usize> {
        if let Some((Period::Day, next)) = self.each(at) {
            return Some(next);
        }
        let leads =
            matches!(self.kind(at)?, Kind::Slash | Kind::Word(Meaning::Within | Meaning::Per));
        let next = self.past_word(at + 1, Meaning::Per);
        let is_24 = self.kind(next) == Some(Kind::Number(Amount::whole(24)));
        (leads && is_24 && self.is_period(next + 1, Period::Hour)).then_some(next + 2)
    }
}
