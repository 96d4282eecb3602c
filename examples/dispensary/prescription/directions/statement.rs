//! Fields are stated once: a second, different statement is a contradiction.

use super::super::{
    Course, Dose, Food, Form, Frequency, Moment, Part, Quantity, Reason, Route, Spread, Strength,
    Timing, Unit, vocabulary::Meaning,
};
use super::{Reader, number::Span};

impl Reader<'_> {
    pub(super) fn form(&mut self, form: Form, next: usize) -> Result<(), Reason> {
        // `avoid heat on the patch`
        let is_mentioned = self.remark.has_content || self.drug.form.is_some_and(|own| own != form);
        if self.directing && is_mentioned {
            return self.remark(true);
        }
        self.end_remark();
        set(&mut self.drug.form, form, Part::Form)?;
        self.skip_to(next)
    }

    pub(super) fn strength(&mut self, strength: Strength, next: usize) -> Result<(), Reason> {
        set(&mut self.drug.strength, strength, Part::Strength)?;
        self.skip_to(next)
    }

    pub(super) fn dose(
        &mut self,
        span: Span,
        unit: Option<Unit>,
        next: usize,
    ) -> Result<(), Reason> {
        let dose = Dose::Counted { at_least: span.at_least, at_most: span.at_most, unit };
        set(&mut self.drug.dose, dose, Part::Dose)?;
        self.directing = true;
        self.skip_to(next)
    }

    pub(super) fn spread(&mut self, known: Meaning) -> Result<(), Reason> {
        let spread = if known == Meaning::Liberally { Spread::Liberally } else { Spread::Thinly };
        set(&mut self.drug.dose, Dose::Spread(spread), Part::Dose)?;
        self.directing = true;
        self.skip_to(self.past_word(self.at + 1, Meaning::Layer))
    }

    pub(super) fn route(&mut self, route: Route, next: usize) -> Result<(), Reason> {
        set(&mut self.drug.route, route, Part::Route)?;
        self.skip_to(next)
    }

    pub(super) fn food(&mut self, food: Food, next: usize) -> Result<(), Reason> {
        set(&mut self.drug.food, food, Part::Food)?;
        self.skip_to(next)
    }

    pub(super) fn course(&mut self, course: Course, next: usize) -> Result<(), Reason> {
        set(&mut self.drug.duration, course, Part::Duration)?;
        self.skip_to(next)
    }

    pub(super) fn quantity(&mut self, quantity: Quantity, next: usize) -> Result<(), Reason> {
        set(&mut self.drug.quantity, quantity, Part::Quantity)?;
        self.skip_to(next)
    }

    pub(super) fn refills(&mut self, refills: u32, next: usize) -> Result<(), Reason> {
        set(&mut self.drug.refills, refills, Part::Refills)?;
        self.skip_to(next)
    }

    pub(super) fn timing(&mut self, timing: Timing, next: usize) -> Result<(), Reason> {
        set(&mut self.frequency().timing, timing, Part::Frequency)?;
        self.directing = true;
        self.skip_to(next)
    }

    pub(super) fn moment(&mut self, moment: Moment, next: usize) -> Result<(), Reason> {
        let moments = &mut self.frequency().moments;
        if !moments.contains(&moment) {
            moments.push(moment);
        }
        self.directing = true;
        self.skip_to(next)
    }

    pub(super) fn as_needed(&mut self, next: usize) -> Result<(), Reason> {
        self.frequency().as_needed = true;
        self.skip_to(next)
    }

    pub(super) fn frequency(&mut self) -> &mut Frequency {
        self.drug.frequency.get_or_insert_default()
    }
}

pub(super) fn set<T: PartialEq>(field: &mut Option<T>, value: T, part: Part) -> Result<(), Reason> {
    match field {
        Some(written) if *written != value => Err(Reason::Contradictory(part)),
        _ => {
            *field = Some(value);
            Ok(())
        }
    }
}
