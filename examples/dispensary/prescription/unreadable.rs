//! Lines that must be shown to a human.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A line with content that cannot be read with certainty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableLine {
    /// Line number, counted from 1.
    pub line: u32,
    /// The line as written, without surrounding white space.
    pub text: String,
    /// Why it was not read.
    pub reason: Reason,
}

/// Why a line was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// It contains signs that are not writing: `?????`, `~~~`, `[illegible]`.
    Illegible,
    /// A number that can be mistaken for another one: `1.0.5`, `5O0`, `05`, or a unit without a
    /// number.
    DoubtfulNumber,
    /// A number whose meaning is not written: `30/500` without a unit, `x 7`.
    UnexplainedNumber,
    /// An abbreviation known to cause mistakes: `10 U`, `cc`, `qod`, `MSO4`.
    UnsafeAbbreviation,
    /// Two different statements about the same thing.
    Contradictory(Part),
    /// Directions without a drug that they could belong to.
    NoDrug,
    /// A name without strength, dose or frequency.
    NoDirections,
    /// Legible, but part of an item that another line makes unreadable.
    BelongsTo {
        /// The line that could not be read.
        line: u32,
    },
}

/// A part of an item that may be stated only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "named as the fields of PrescribedDrug")]
pub enum Part {
    Strength,
    Form,
    Dose,
    Route,
    Frequency,
    Food,
    Duration,
    DailyMaximum,
    Quantity,
    Refills,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Illegible => f.write_str("illegible"),
            Self::DoubtfulNumber => f.write_str("a number can be mistaken for another one"),
            Self::UnexplainedNumber => f.write_str("the meaning of a number is not written"),
            Self::UnsafeAbbreviation => f.write_str("an abbreviation is known to cause mistakes"),
            Self::Contradictory(part) => write!(f, "contradictory statements of {part}"),
            Self::NoDrug => f.write_str("directions without a drug"),
            Self::NoDirections => f.write_str("no strength, dose or frequency is written"),
            Self::BelongsTo { line } => write!(f, "belongs to unreadable line {line}"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strength => "strength",
            Self::Form => "form",
            Self::Dose => "dose",
            Self::Route => "route",
            Self::Frequency => "frequency",
            Self::Food => "relation to meals",
            Self::Duration => "duration",
            Self::DailyMaximum => "daily maximum",
            Self::Quantity => "quantity",
            Self::Refills => "refills",
        })
    }
}
