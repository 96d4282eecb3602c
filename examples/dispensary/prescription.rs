//! Reads the text of a prescription.
//!
//! [`parse`] is deterministic and pure: the same text always gives the same [`Findings`], on every
//! machine, whatever else happens. It understands what clinics write — labelled headers, Latin
//! abbreviations, `5/7` for five days, directions on following lines — and it *never guesses*: a
//! field that is not written stays empty, and a line that cannot be read with certainty is handed
//! to a human as an [`UnreadableLine`] instead of being half understood. Every line ends up in
//! exactly one place: part of an item, unreadable, or heading.

mod amount;
mod directions;
mod drug;
mod heading;
mod token;
mod unreadable;
mod vocabulary;
mod wording;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::{
    amount::{Amount, InvalidAmount},
    drug::{
        Course, Dose, Food, Form, Frequency, Measure, Moment, Period, PrescribedDrug, Quantity,
        Route, Spread, Strength, Timing, Unit,
    },
    unreadable::{Part, Reason, UnreadableLine},
};

use self::heading::{Heading, Label, has_drug_label, heading, unambiguous_date, without_marker};

/// What was found in the text of a prescription.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Findings {
    /// The patient, if named legibly.
    pub patient: Option<PatientHeader>,
    /// Who prescribed, as written.
    pub prescriber: Option<String>,
    /// Date of the prescription as `YYYY-MM-DD`, if it can be read in one way only.
    pub date: Option<String>,
    /// The line that cancels the prescription, as written. Nothing may be dispensed then, whatever
    /// `items` says.
    pub cancelled: Option<String>,
    /// The drugs, in the order written.
    pub items: Vec<PrescribedDrug>,
    /// Lines that a human must look at, in the order written.
    pub unreadable: Vec<UnreadableLine>,
}

/// The patient as named in the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientHeader {
    /// Name as written.
    pub name: String,
    /// Date of birth as `YYYY-MM-DD`, if it can be read in one way only.
    pub date_of_birth: Option<String>,
}

/// Reads a prescription. Takes time linear in the length of the text and never panics.
#[must_use]
pub fn parse(text: &str) -> Findings {
    let lines = || (1_u32..).zip(text.lines());
    let letterhead_ends = lines().find(|(_, line)| names_the_patient(line)).map_or(0, |(at, _)| at);
    let mut sheet = Sheet::default();
    for (number, line) in lines() {
        sheet.read(Line { number, written: line, in_letterhead: number < letterhead_ends });
    }
    sheet.into_findings()
}

fn names_the_patient(line: &str) -> bool {
    match heading(line.trim()) {
        Some(Heading::Fields(fields)) => fields.iter().any(|(label, _)| *label == Label::Patient),
        _ => false,
    }
}

#[derive(Clone, Copy)]
struct Line<'a> {
    number: u32,
    written: &'a str,
    /// Above the patient's name, where clinics print their name and address.
    in_letterhead: bool,
}

impl Line<'_> {
    fn text(&self) -> &str {
        self.written.trim()
    }

    fn indent(&self) -> usize {
        self.written.len() - self.written.trim_start().len()
    }
}

/// The state between two lines.
#[derive(Default)]
struct Sheet<'a> {
    findings: Findings,
    date_of_birth: Option<String>,
    above: Above<'a>,
}

/// What directions on the next line would belong to.
#[derive(Default)]
enum Above<'a> {
    #[default]
    Nothing,
    Item(Box<PrescribedDrug>, Vec<Line<'a>>),
    /// An item that cannot be read because of this line; its directions must not be taken for
    /// those of the drug before it.
    Unreadable(u32),
}

impl<'a> Sheet<'a> {
    fn read(&mut self, line: Line<'a>) {
        if line.text().is_empty() {
            return;
        }
        match heading(line.text()) {
            Some(Heading::Cancelled) => {
                self.findings.cancelled.get_or_insert_with(|| line.text().to_owned());
            }
            Some(Heading::Fields(fields)) => self.fields(line, fields),
            Some(Heading::Ruler) => {}
            Some(Heading::Boilerplate) if !directions::concerns_drugs(line.text()) => {}
            _ if self.is_letterhead(line) => {}
            _ => self.content(line),
        }
    }

    /// Nothing printed stands below the first drug, or beside the label of one.
    fn is_letterhead(&self, line: Line<'_>) -> bool {
        line.in_letterhead
            && matches!(self.above, Above::Nothing)
            && !has_drug_label(line.text())
            && !directions::concerns_drugs(line.text())
    }

    fn fields(&mut self, line: Line<'_>, fields: Vec<(Label, &str)>) {
        for (label, value) in fields {
            if value.is_empty() {
                continue;
            }
            match label {
                Label::Patient if is_illegible(value) => {
                    self.report(line, Reason::Illegible);
                    return;
                }
                Label::Patient => {
                    self.findings.patient.get_or_insert_with(|| PatientHeader {
                        name: value.to_owned(),
                        date_of_birth: None,
                    });
                }
                Label::DateOfBirth => self.date_of_birth = unambiguous_date(value),
                Label::Prescriber if !is_illegible(value) => {
                    self.findings.prescriber.get_or_insert_with(|| value.to_owned());
                }
                Label::Date => self.findings.date = unambiguous_date(value),
                Label::Prescriber | Label::Other => {}
            }
        }
    }

    fn content(&mut self, line: Line<'a>) {
        let text = without_marker(line.text());
        match token::tokens(text) {
            Ok(tokens) if tokens.is_empty() => {}
            Ok(tokens) if directions::names_a_drug(&tokens) => {
                self.open_item(line, |drug| directions::read(text, &tokens, drug));
            }
            Ok(tokens) => {
                self.continue_item(line, |drug| directions::read(text, &tokens, drug));
            }
            Err(reason) if self.is_below_item(line, text) => {
                self.continue_item(line, |_| Err(reason));
            }
            Err(reason) => self.open_item(line, |_| Err(reason)),
        }
    }

    /// Whether an illegible line hides directions of the item above: it stands under it, or its
    /// first word is one of directions.
    fn is_below_item(&self, line: Line<'_>, text: &str) -> bool {
        let Above::Item(_, lines) = &self.above else {
            return false;
        };
        let is_indented = lines.first().is_some_and(|head| head.indent() < line.indent());
        is_indented || begins_directions(text)
    }

    fn open_item(
        &mut self,
        line: Line<'a>,
        read: impl FnOnce(&mut PrescribedDrug) -> Result<(), Reason>,
    ) {
        self.close_item();
        let mut drug = Box::new(PrescribedDrug::on(line.number));
        self.above = match read(&mut drug) {
            Ok(()) => Above::Item(drug, vec![line]),
            Err(reason) => {
                self.report(line, reason);
                Above::Unreadable(line.number)
            }
        };
    }

    fn continue_item(
        &mut self,
        line: Line<'a>,
        read: impl FnOnce(&mut PrescribedDrug) -> Result<(), Reason>,
    ) {
        match &mut self.above {
            Above::Nothing => self.report(line, Reason::NoDrug),
            Above::Unreadable(culprit) => {
                let line_of_item = *culprit;
                self.report(line, Reason::BelongsTo { line: line_of_item });
            }
            Above::Item(drug, lines) => {
                let outcome = read(drug);
                lines.push(line);
                match outcome {
                    Ok(()) => drug.further_lines.push(line.number),
                    Err(reason) => self.refuse_item(line.number, reason),
                }
            }
        }
    }

    /// A drug without one of its lines could be dispensed wrongly: the whole item goes to a human.
    fn refuse_item(&mut self, culprit: u32, reason: Reason) {
        if let Above::Item(_, lines) =
            std::mem::replace(&mut self.above, Above::Unreadable(culprit))
        {
            for line in lines {
                let is_culprit = line.number == culprit;
                let reason = if is_culprit { reason } else { Reason::BelongsTo { line: culprit } };
                self.report(line, reason);
            }
        }
    }

    fn close_item(&mut self) {
        match &self.above {
            Above::Item(drug, _) if !drug.has_directions() => {
                self.refuse_item(drug.line, Reason::NoDirections);
            }
            _ => {}
        }
        if let Above::Item(drug, _) = std::mem::take(&mut self.above) {
            self.findings.items.push(*drug);
        }
    }

    fn report(&mut self, line: Line<'_>, reason: Reason) {
        self.findings.unreadable.push(UnreadableLine {
            line: line.number,
            text: line.text().to_owned(),
            reason,
        });
    }

    fn into_findings(mut self) -> Findings {
        self.close_item();
        if let Some(patient) = &mut self.findings.patient {
            patient.date_of_birth = self.date_of_birth;
        }
        // An item is refused when it ends, after lines that follow its first one.
        self.findings.unreadable.sort_by_key(|unreadable| unreadable.line);
        self.findings
    }
}

impl PrescribedDrug {
    fn on(line: u32) -> Self {
        Self {
            line,
            further_lines: Vec::new(),
            drug: String::new(),
            strength: None,
            form: None,
            dose: None,
            route: None,
            frequency: None,
            food: None,
            duration: None,
            daily_maximum: None,
            quantity: None,
            refills: None,
            remarks: Vec::new(),
        }
    }

    fn has_directions(&self) -> bool {
        self.strength.is_some() || self.dose.is_some() || self.frequency.is_some()
    }
}

fn is_illegible(value: &str) -> bool {
    value.contains(['?', '~', '\u{fffd}']) || value.to_lowercase().contains("illegible")
}

fn begins_directions(text: &str) -> bool {
    let word = text.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    !word.is_empty() && vocabulary::meaning(word, false) != vocabulary::Meaning::Other
}
