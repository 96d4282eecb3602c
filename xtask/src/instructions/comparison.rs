//! Counts beside the accepted ones.

use std::{collections::BTreeMap, fmt};

use super::accepted::Accepted;

/// By how much a count may differ from the accepted one, of a hundred. Some of it varies from run to run: hash maps
/// have random seeds, and threads wait for each other.
const TOLERANCE: u64 = 2;

/// What a path takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) path: String,
    /// On so many items.
    pub(crate) items: u64,
    /// What an item is.
    pub(crate) item: String,
    /// For all items together.
    pub(crate) instructions: u64,
}

/// All paths that were counted or accepted. Printed, it is a table.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    rows: Vec<(&'a Counted, Option<u64>)>,
    /// Paths that were accepted and not counted.
    gone: Vec<&'a str>,
}

impl<'a> Comparison<'a> {
    pub(crate) fn between(counted: &'a [Counted], accepted: &'a Accepted) -> Self {
        let mut left: BTreeMap<&str, u64> = accepted
            .instructions
            .iter()
            .map(|(path, instructions)| (path.as_str(), *instructions))
            .collect();
        let with_accepted = |counted: &'a Counted| (counted, left.remove(counted.path.as_str()));
        let rows = counted.iter().map(with_accepted).collect();
        Self { rows, gone: left.into_keys().collect() }
    }

    /// What is not to be passed over, a sentence each.
    ///
    /// Less than accepted is among it: until it is accepted, a later loss of as much would go unnoticed.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let of_row = |(counted, accepted): &(&Counted, Option<u64>)| {
            let path = &counted.path;
            let Some(accepted) = *accepted else {
                return Some(format!("{path} has no accepted value"));
            };
            let now = counted.instructions;
            if now.abs_diff(accepted).saturating_mul(100) <= accepted.saturating_mul(TOLERANCE) {
                return None;
            }
            let what = match now > accepted {
                true => "more instructions than accepted",
                false => "fewer instructions than accepted, which should be accepted",
            };
            Some(format!("{path} takes {:.1} % {what}", difference(accepted, now).abs()))
        };
        let gone = self.gone.iter().map(|path| format!("{path} is accepted and was not counted"));
        self.rows.iter().filter_map(of_row).chain(gone).collect()
    }
}

/// Of a hundred.
fn difference(accepted: u64, now: u64) -> f64 {
    match (accepted, now) {
        (0, 0) => 0.0,
        (0, _) => f64::INFINITY,
        _ => (now as f64 / accepted as f64 - 1.0) * 100.0,
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["path", "accepted", "now", "difference", "for each"].map(str::to_owned);
        let row = |(counted, accepted): &(&Counted, Option<u64>)| {
            let Counted { path, items, item, instructions } = counted;
            let (was, difference) = match accepted {
                Some(accepted) => (
                    thousands(*accepted),
                    format!("{:+.2} %", difference(*accepted, *instructions)),
                ),
                None => ("none".to_owned(), String::new()),
            };
            let each = format!("{} per {item}", thousands(instructions / items.max(&1)));
            [path.clone(), was, thousands(*instructions), difference, each]
        };
        let rows: Vec<_> = [head].into_iter().chain(self.rows.iter().map(row)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; 5] = std::array::from_fn(|column| width(column).unwrap_or(0));
        for [path, accepted, now, difference, each] in &rows {
            let [a, b, c, d, e] = widths;
            writeln!(f, "{path:<a$}  {accepted:>b$}  {now:>c$}  {difference:>d$}  {each:>e$}")?;
        }
        Ok(())
    }
}

/// A whole number with a comma before each three digits.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
