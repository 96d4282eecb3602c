//! How often and when.

use super::super::{Form, Period, Reason, Timing, token::Kind, vocabulary::Meaning};
use super::{Reader, number::Span};

impl Reader<'_> {
    /// `3 times a day`, `2x daily`, `2-3 times per week`.
    pub(super) fn counted_times(&mut self, span: Span) -> Result<(), Reason> {
        let (at_least, at_most) = span.whole()?;
        let (period, next) = self.each(span.next + 1).ok_or(Reason::UnexplainedNumber)?;
        self.times(at_least, at_most, period, next)
    }

    /// `a day`, `per week`, `/day`, `daily`.
    pub(super) fn each(&self, at: usize) -> Option<(Period, usize)> {
        match self.kind(at)? {
            Kind::Word(Meaning::OnceA(period)) => Some((period, at + 1)),
            Kind::Slash | Kind::Word(Meaning::Per | Meaning::Every | Meaning::Within) => {
                let at = self.past_word(at + 1, Meaning::Per);
                match self.known(at)? {
                    Meaning::Period(period) => Some((period, at + 1)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub(super) fn hourly(&mut self, span: Span, next: usize) -> Result<(), Reason> {
        let (at_least, at_most) = span.whole()?;
        self.timing(every(at_least, at_most, Period::Hour), next)
    }

    pub(super) fn often(&mut self, times: u32) -> Result<(), Reason> {
        let next = self.at + 1;
        if let Some((period, next)) = self.each(next) {
            return self.times(times, times, period, next);
        }
        if times > 1 {
            return Err(Reason::UnexplainedNumber);
        }
        match self.kind(next) {
            // `once at night`, `once every 12 hours`: what follows says how often.
            Some(Kind::Word(
                Meaning::Connector | Meaning::Within | Meaning::Every | Meaning::Moment(_),
            )) => self.skip_to(next),
            _ => self.timing(Timing::Once, next),
        }
    }

    /// `every 4-6 hours`, `q8h`, `every other day`, `every night`, `every week`.
    pub(super) fn every(&mut self) -> Result<(), Reason> {
        let at = self.at + 1;
        if let Some(span) = self.span(at)? {
            let Some(Meaning::Period(period)) = self.known(span.next) else {
                return Err(Reason::UnexplainedNumber);
            };
            let (at_least, at_most) = span.whole()?;
            return self.timing(every(at_least, at_most, period), span.next + 1);
        }
        match self.known(at) {
            Some(Meaning::Alternate) if self.is_period(at + 1, Period::Day) => {
                self.timing(every(2, 2, Period::Day), at + 2)
            }
            Some(Meaning::Period(Period::Hour)) => self.timing(every(1, 1, Period::Hour), at + 1),
            Some(Meaning::Period(period)) => self.times(1, 1, period, at + 1),
            Some(Meaning::Moment(moment)) => self.moment(moment, at + 1),
            _ => self.remark(true),
        }
    }

    pub(super) fn once_daily_or_right_eye(&mut self) -> Result<(), Reason> {
        if matches!(self.drug.form, Some(Form::EyeDrops | Form::EyeOintment)) {
            return Err(Reason::UnsafeAbbreviation);
        }
        self.times(1, 1, Period::Day, self.at + 1)
    }

    pub(super) fn times(
        &mut self,
        at_least: u32,
        at_most: u32,
        period: Period,
        next: usize,
    ) -> Result<(), Reason> {
        self.timing(Timing::Times { at_least, at_most, period }, next)
    }
}

pub(super) fn every(at_least: u32, at_most: u32, period: Period) -> Timing {
    Timing::Every { at_least, at_most, period }
}
