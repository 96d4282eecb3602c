//! What a number counts: a dose, days, packs.

use super::super::{Course, Form, Period, Reason, Unit, token::Kind, vocabulary::Meaning};
use super::{Reader, number::Span};

impl Reader<'_> {
    pub(super) fn unit(&self, at: usize) -> Option<Unit> {
        match self.kind(at)? {
            Kind::Percent => Some(Unit::Percent),
            Kind::Word(Meaning::Unit(unit)) => Some(unit),
            _ => None,
        }
    }

    /// What is counted after a number, packs included.
    pub(super) fn counted(&self, at: usize) -> Option<Unit> {
        match self.known(at) {
            Some(Meaning::Form(form)) => counted_form(form),
            Some(Meaning::Pack(unit)) => Some(unit),
            Some(Meaning::Dose) => Some(Unit::Dose),
            _ => self.unit(at),
        }
    }

    pub(super) fn amount(&mut self, span: Span) -> Result<(), Reason> {
        let next = span.next;
        match self.kind(next) {
            Some(Kind::Percent | Kind::Word(Meaning::Unit(_))) => self.measured(span),
            Some(Kind::Slash) if matches!(self.kind(next + 1), Some(Kind::Number(_))) => {
                self.measured(span)
            }
            Some(Kind::Dash) if self.known(next + 1) == Some(Meaning::Hourly) => {
                self.hourly(span, next + 2)
            }
            Some(Kind::Word(Meaning::Hourly)) => self.hourly(span, next + 1),
            Some(Kind::Word(Meaning::Form(form))) => match counted_form(form) {
                Some(Unit::Inhaler | Unit::Pen) => self.dispense(span),
                Some(unit) => self.dose(span, Some(unit), next + 1),
                None => Err(Reason::UnexplainedNumber),
            },
            Some(Kind::Word(Meaning::Pack(_))) => self.dispense(span),
            Some(Kind::Word(Meaning::Period(period))) => self.counted_period(span, period),
            Some(Kind::Word(Meaning::Dose)) => {
                self.course(Course::Doses(span.whole_single()?), next + 1)
            }
            Some(Kind::Word(Meaning::Times)) => self.counted_times(span),
            Some(Kind::Word(Meaning::Refills)) => self.refills(span.whole_single()?, next + 1),
            Some(Kind::Word(Meaning::Unsafe)) => Err(Reason::UnsafeAbbreviation),
            // `3mg2`
            Some(Kind::Word(Meaning::Mixed)) => Err(Reason::DoubtfulNumber),
            following => self.bare(span, following),
        }
    }

    /// `6 od`: a number alone is a dose where nothing else can stand.
    pub(super) fn bare(&mut self, span: Span, following: Option<Kind>) -> Result<(), Reason> {
        if self.previous() == Some(Kind::Word(Meaning::Times)) {
            return Err(Reason::UnexplainedNumber);
        }
        let leads_to_timing = match following {
            Some(Kind::Word(known)) => matches!(
                known,
                Meaning::OnceDailyOrRightEye
                    | Meaning::PerDay(_)
                    | Meaning::OnceA(_)
                    | Meaning::Often(_)
                    | Meaning::Every
                    | Meaning::Moment(_)
                    | Meaning::AsNeeded
                    | Meaning::Stat
                    | Meaning::Route(_)
                    | Meaning::By
                    | Meaning::Connector
                    | Meaning::Within
                    | Meaning::Relation(_)
                    | Meaning::Condition
                    | Meaning::Food(_)
                    | Meaning::Alternate
            ),
            Some(Kind::Break) | None => self.directing,
            _ => false,
        };
        let has_product = self.drug.strength.is_some() || self.drug.form.is_some();
        if leads_to_timing && (has_product || self.directing) {
            self.dose(span, None, span.next)
        } else {
            Err(Reason::UnexplainedNumber)
        }
    }

    pub(super) fn counted_period(&mut self, span: Span, period: Period) -> Result<(), Reason> {
        // `review in 7 days` is not a course of seven days.
        let is_point_in_time = matches!(
            self.previous(),
            Some(Kind::Word(Meaning::Within | Meaning::Relation(_) | Meaning::Other))
        );
        if is_point_in_time {
            return Err(Reason::UnexplainedNumber);
        }
        let count = span.whole_single()?;
        let course = match period {
            Period::Hour => return Err(Reason::UnexplainedNumber),
            Period::Day => Course::Days(count),
            Period::Week => Course::Weeks(count),
            Period::Month => Course::Months(count),
        };
        self.course(course, span.next + 1)
    }
}

/// What `2 tablets` or `1 inhaler` counts; `2 cream` counts nothing.
fn counted_form(form: Form) -> Option<Unit> {
    match form {
        Form::Tablet => Some(Unit::Tablet),
        Form::Capsule => Some(Unit::Capsule),
        Form::Drops => Some(Unit::Drop),
        Form::Spray => Some(Unit::Spray),
        Form::Patch => Some(Unit::Patch),
        Form::Sachet => Some(Unit::Sachet),
        Form::Suppository => Some(Unit::Suppository),
        Form::Pessary => Some(Unit::Pessary),
        Form::Lozenge => Some(Unit::Lozenge),
        Form::Nebule => Some(Unit::Nebule),
        Form::Inhaler => Some(Unit::Inhaler),
        Form::Pen => Some(Unit::Pen),
        _ => None,
    }
}
