//! The grammar of drug lines and of the lines of directions below them.

mod count;
mod name;
mod number;
mod statement;
mod strength;
mod supply;
mod timing;

use super::{
    Period, PrescribedDrug, Reason, Route, Timing,
    token::{Kind, Token, tokens},
    vocabulary::{Meaning, meaning},
};

/// Whether a line opens an item.
pub(super) fn names_a_drug(tokens: &[Token]) -> bool {
    let mut kinds = tokens.iter().map(|token| token.kind);
    let is_name = |kind| matches!(kind, Some(Kind::Word(Meaning::Other | Meaning::Mixed)));
    match kinds.next() {
        // `Tab. Metformin`
        Some(Kind::Word(Meaning::Form(_))) => is_name(kinds.next()),
        first => is_name(first),
    }
}

/// Whether a line speaks of doses or is illegible, unlike an address or a letterhead.
pub(super) fn concerns_drugs(line: &str) -> bool {
    match tokens(line) {
        Ok(tokens) => tokens.iter().any(|token| match token.kind {
            Kind::Word(known) => speaks_of_doses(known),
            kind => kind == Kind::Percent,
        }),
        // Telephone numbers and postcodes are doubtful numbers, but then no unit is near.
        Err(Reason::DoubtfulNumber) => line
            .split(|c: char| !c.is_alphabetic())
            .any(|word| speaks_of_doses(meaning(word, false))),
        Err(_) => true,
    }
}

fn speaks_of_doses(known: Meaning) -> bool {
    matches!(
        known,
        Meaning::Unit(_)
            | Meaning::Form(_)
            | Meaning::PerDay(_)
            | Meaning::OnceA(_)
            | Meaning::AsNeeded
            | Meaning::Unsafe
    )
}

/// Reads the tokens of `line` into `drug`, naming it if it has no name yet.
///
/// # Errors
///
/// A line is read as a whole or not at all; after an error `drug` must be discarded.
pub(super) fn read(line: &str, tokens: &[Token], drug: &mut PrescribedDrug) -> Result<(), Reason> {
    let opens_item = drug.drug.is_empty();
    let mut reader =
        Reader { line, tokens, at: 0, drug, directing: !opens_item, remark: Remark::default() };
    if opens_item {
        reader.name()?;
    }
    while reader.at < tokens.len() {
        reader.phrase()?;
    }
    reader.end_remark();
    Ok(())
}

struct Reader<'a> {
    line: &'a str,
    tokens: &'a [Token],
    at: usize,
    drug: &'a mut PrescribedDrug,
    /// Past the product, so that an amount is a dose and not a strength.
    directing: bool,
    remark: Remark,
}

/// A run of legible words without a field of their own.
#[derive(Default)]
struct Remark {
    span: Option<(usize, usize)>,
    has_content: bool,
}

// Looking ahead.
impl Reader<'_> {
    fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn known(&self, at: usize) -> Option<Meaning> {
        match self.kind(at) {
            Some(Kind::Word(known)) => Some(known),
            _ => None,
        }
    }

    fn previous(&self) -> Option<Kind> {
        self.at.checked_sub(1).and_then(|at| self.kind(at))
    }

    /// `at`, or the index after one token of the given kind.
    fn past(&self, at: usize, kind: Kind) -> usize {
        at + usize::from(self.kind(at) == Some(kind))
    }

    fn past_word(&self, at: usize, known: Meaning) -> usize {
        self.past(at, Kind::Word(known))
    }
}

impl Reader<'_> {
    fn phrase(&mut self) -> Result<(), Reason> {
        if let Some(course) = self.short_course(self.at) {
            return self.course(course, self.at + 3);
        }
        if let Some(span) = self.span(self.at)? {
            self.end_remark();
            return self.amount(span);
        }
        match self.kind(self.at) {
            Some(Kind::Word(known)) => self.word(known),
            Some(Kind::Hash) => {
                let span = self.span(self.at + 1)?.ok_or(Reason::Illegible)?;
                self.dispense(span)
            }
            Some(Kind::Percent) => Err(Reason::DoubtfulNumber),
            Some(sign) => {
                self.sign(sign);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A colon ends the description of the product, a comma does once its form is known.
    fn sign(&mut self, sign: Kind) {
        self.end_remark();
        let has_form = self.drug.form.is_some();
        self.directing |= match sign {
            Kind::Colon => true,
            Kind::Break | Kind::Dash => has_form,
            _ => false,
        };
        self.at += 1;
    }

    fn word(&mut self, known: Meaning) -> Result<(), Reason> {
        let at = self.at;
        match known {
            Meaning::Unit(_) => Err(Reason::DoubtfulNumber),
            Meaning::Mixed => Err(Reason::DoubtfulNumber),
            Meaning::Unsafe => Err(Reason::UnsafeAbbreviation),
            Meaning::Illegible => Err(Reason::Illegible),
            Meaning::Directions => self.directions(),
            Meaning::Dose if self.kind(at + 1) == Some(Kind::Colon) => self.directions(),
            Meaning::StrengthLabel => {
                self.directing = false;
                self.skip_to(self.past(at + 1, Kind::Colon))
            }
            Meaning::FieldLabel if self.kind(at + 1) == Some(Kind::Colon) => self.skip_to(at + 2),
            Meaning::Release if !self.directing && self.remark.span.is_none() => {
                let token = self.tokens[at];
                self.drug.drug.push(' ');
                self.drug.drug.push_str(&self.line[token.start..token.end]);
                self.skip_to(at + 1)
            }
            Meaning::Form(form) => self.form(form, at + 1),
            Meaning::Site(_) => match self.site_form(at) {
                Some(form) => self.form(form, at + 2),
                None => self.remark(true),
            },
            Meaning::Dispense => self.dispense_label(),
            Meaning::Refills => self.refills_label(),
            Meaning::Maximum => self.daily_maximum(at + 1),
            Meaning::Not => self.negation(),
            Meaning::Thin | Meaning::Layer | Meaning::Liberally => self.spread(known),
            Meaning::Route(route) => self.route(route, at + 1),
            Meaning::By if self.known(at + 1) == Some(Meaning::Mouth) => {
                self.route(Route::Oral, at + 2)
            }
            Meaning::Connector if self.under_tongue() => self.route(Route::Sublingual, at + 3),
            Meaning::Food(food) => self.food(food, at + 1),
            Meaning::Relation(food) if self.known(at + 1) == Some(Meaning::Meal) => {
                self.food(food, at + 2)
            }
            Meaning::Often(times) => self.often(times),
            Meaning::Every => self.every(),
            Meaning::OnceDailyOrRightEye => self.once_daily_or_right_eye(),
            Meaning::PerDay(times) => self.times(times, times, Period::Day, at + 1),
            Meaning::OnceA(period) => self.times(1, 1, period, at + 1),
            Meaning::Alternate if self.is_period(at + 1, Period::Day) => {
                self.timing(timing::every(2, 2, Period::Day), at + 2)
            }
            Meaning::Moment(moment) => self.moment(moment, at + 1),
            Meaning::AsNeeded => self.as_needed(at + 1),
            Meaning::Condition if self.known(at + 1) == Some(Meaning::Needed) => {
                self.as_needed(at + 2)
            }
            Meaning::Stat => self.timing(Timing::Once, at + 1),
            Meaning::Single if self.known(at + 1) == Some(Meaning::Dose) => {
                self.timing(Timing::Once, at + 2)
            }
            Meaning::Times => self.skip_to(at + 1),
            Meaning::Connector
            | Meaning::To
            | Meaning::For
            | Meaning::And
            | Meaning::Per
            | Meaning::Within
            | Meaning::Period(_)
            | Meaning::Relation(_)
            | Meaning::By
            | Meaning::Condition => self.remark(false),
            _ => self.remark(true),
        }
    }

    fn directions(&mut self) -> Result<(), Reason> {
        self.directing = true;
        // `rinse mouth after use`
        let ends_phrase = matches!(self.kind(self.at + 1), None | Some(Kind::Break));
        if self.remark.has_content && ends_phrase {
            return self.remark(true);
        }
        let next = self.past(self.at + 1, Kind::Colon);
        self.skip_to(next)
    }

    fn skip_to(&mut self, next: usize) -> Result<(), Reason> {
        self.end_remark();
        self.at = next;
        Ok(())
    }

    fn remark(&mut self, has_content: bool) -> Result<(), Reason> {
        let token = self.tokens[self.at];
        let start = self.remark.span.map_or(token.start, |(start, _)| start);
        self.remark.span = Some((start, token.end));
        self.remark.has_content |= has_content;
        self.at += 1;
        Ok(())
    }

    fn end_remark(&mut self) {
        let remark = std::mem::take(&mut self.remark);
        if let Some((start, end)) = remark.span
            && remark.has_content
        {
            self.drug.remarks.push(self.line[start..end].to_owned());
        }
    }

    fn is_period(&self, at: usize, period: Period) -> bool {
        self.known(at) == Some(Meaning::Period(period))
    }

    fn under_tongue(&self) -> bool {
        self.known(self.at + 1) == Some(Meaning::Connector)
            && self.known(self.at + 2) == Some(Meaning::Tongue)
    }
}
