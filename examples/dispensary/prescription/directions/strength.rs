//! The strength of a product, and how to tell it from a dose.

use super::super::{
    Amount, Measure, Period, Quantity, Reason, Strength, Unit, token::Kind, vocabulary::Meaning,
};
use super::{Reader, number::Span};

impl Reader<'_> {
    /// An amount with a unit: a strength while the product is described, a dose afterwards.
    pub(super) fn measured(&mut self, span: Span) -> Result<(), Reason> {
        let (strength, next) = self.strength_at(span)?;
        let single = match (&strength, self.unit(span.next)) {
            (Strength { parts, per: None }, Some(unit)) if parts.len() == 1 => Some(unit),
            _ => None,
        };
        let is_range = span.at_least != span.at_most;
        let Some(unit) = single else {
            return if is_range {
                Err(Reason::UnexplainedNumber)
            } else {
                self.strength(strength, next)
            };
        };
        if matches!(self.known(next), Some(Meaning::Pack(_))) {
            // `30 g tube`
            let quantity = Quantity { amount: span.single()?, unit: Some(unit) };
            return self.quantity(quantity, next + 1);
        }
        if is_range || self.is_dose(&strength, unit) {
            return self.dose(span, Some(unit), next);
        }
        self.strength(strength, next)
    }

    pub(super) fn is_dose(&self, measured: &Strength, unit: Unit) -> bool {
        match unit {
            Unit::Percent => false,
            Unit::Milligram
            | Unit::Microgram
            | Unit::Gram
            | Unit::Millimole
            | Unit::Unit
            | Unit::InternationalUnit => {
                self.directing
                    || self.drug.strength.as_ref().is_some_and(|strength| {
                        strength.per.is_some() || strength.parts == measured.parts
                    })
            }
            _ => true,
        }
    }

    /// `500 mg`, `500/125 mg`, `20 mg/12.5 mg`, `250 mg/5 mL`, `100 units/mL`, `1%`.
    pub(super) fn strength_at(&self, span: Span) -> Result<(Strength, usize), Reason> {
        let mut amounts = vec![(span.at_least, self.unit(span.next))];
        let mut next = span.next + usize::from(self.unit(span.next).is_some());
        let mut per = None;
        while matches!(self.kind(next), Some(Kind::Slash | Kind::Plus)) && per.is_none() {
            let amount = match self.kind(next + 1) {
                Some(Kind::Number(amount)) => Some(amount),
                _ => None,
            };
            let at = next + 1 + usize::from(amount.is_some());
            let container = self.container(at, amount);
            match (container, amount) {
                (Some(unit), _) if amounts.iter().any(|(_, unit)| unit.is_some()) => {
                    per = Some(Measure { amount: amount.unwrap_or(Amount::whole(1)), unit });
                    next = at + 1;
                }
                (_, Some(amount)) => {
                    let unit = self.unit(at);
                    amounts.push((amount, unit));
                    next = at + usize::from(unit.is_some());
                }
                // `3 mL/day`: the frequency follows.
                (_, None) if matches!(self.known(at), Some(Meaning::Period(_))) => break,
                // `10 mg/kg`
                _ => return Err(Reason::UnexplainedNumber),
            }
        }
        Ok((Strength { parts: with_units(amounts)?, per }, next))
    }

    /// The unit after a slash that holds the active ingredients instead of being one.
    pub(super) fn container(&self, at: usize, amount: Option<Amount>) -> Option<Unit> {
        match self.kind(at)? {
            Kind::Word(Meaning::Period(Period::Hour)) => Some(Unit::Hour),
            Kind::Word(Meaning::Dose) => Some(Unit::Dose),
            Kind::Word(Meaning::Unit(Unit::Millilitre)) => Some(Unit::Millilitre),
            Kind::Word(Meaning::Unit(Unit::Puff)) => Some(Unit::Puff),
            // `20 mg/g` is a concentration, `1 g/200 mg` a combination.
            Kind::Word(Meaning::Unit(Unit::Gram))
                if amount.is_none_or(|amount| amount == Amount::whole(1)) =>
            {
                Some(Unit::Gram)
            }
            _ => None,
        }
    }
}

/// Gives `500/125 mg` the unit of its last part; without any unit nothing is certain.
fn with_units(amounts: Vec<(Amount, Option<Unit>)>) -> Result<Vec<Measure>, Reason> {
    let mut parts = Vec::with_capacity(amounts.len());
    let mut following = None;
    for (amount, unit) in amounts.into_iter().rev() {
        following = unit.or(following);
        let unit = following.ok_or(Reason::UnexplainedNumber)?;
        parts.push(Measure { amount, unit });
    }
    parts.reverse();
    Ok(parts)
}
