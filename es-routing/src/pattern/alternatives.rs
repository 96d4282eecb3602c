//! A pattern with each `$or` written out.

use super::EventPattern;
use super::fields::{Field, Fields};
use super::invalid::{InvalidPattern, PatternFault};

pub(super) fn single(name: &str, field: Field) -> Fields {
    Fields([(name.to_owned(), field)].into())
}

/// Each of the one with each of the other.
pub(super) fn combined(
    all: Vec<Fields>,
    choices: &[Fields],
    place: &[&str],
) -> Result<Vec<Fields>, InvalidPattern> {
    // Before they are written out.
    if all.len().saturating_mul(choices.len()) > EventPattern::MAX_ALTERNATIVES {
        return Err(PatternFault::TooManyAlternatives.at(place));
    }
    let conditions = |of: &[Fields]| of.iter().map(Fields::conditions).sum::<usize>();
    if conditions(&all) * choices.len() + conditions(choices) * all.len()
        > EventPattern::MAX_CONDITIONS
    {
        return Err(PatternFault::TooManyConditions.at(place));
    }
    let mut combined = Vec::with_capacity(all.len() * choices.len());
    for mut fields in all {
        if let Some((last, others)) = choices.split_last() {
            for choice in others {
                combined.push(both(fields.clone(), choice, place)?);
            }
            fields = both(fields, last, place)?;
        }
        combined.push(fields);
    }
    Ok(combined)
}

fn both(mut fields: Fields, choice: &Fields, place: &[&str]) -> Result<Fields, InvalidPattern> {
    merge(&mut fields, choice.clone()).map_err(|fault| fault.at(place))?;
    Ok(fields)
}

fn merge(into: &mut Fields, other: Fields) -> Result<(), PatternFault> {
    for (name, field) in other.0 {
        match (into.0.get_mut(&name), field) {
            (None, field) => {
                into.0.insert(name, field);
            }
            (Some(Field::Object(fields)), Field::Object(others)) => merge(fields, others)?,
            _ => return Err(PatternFault::TwicePerAlternative(name)),
        }
    }
    Ok(())
}
