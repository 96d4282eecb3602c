//! A prescribed drug and what may be written about it.

use serde::{Deserialize, Serialize};

use super::Amount;

/// One drug with everything the prescription says about it.
///
/// A field that is not written is `None`: nothing is derived from other fields or from knowledge
/// about the drug. [`Display`](std::fmt::Display) writes the item in one line that
/// [`parse`](super::parse) reads back as the same item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrescribedDrug {
    /// The line, counted from 1, that names the drug.
    pub line: u32,
    /// Further lines with directions, quantity or refills of this drug.
    pub further_lines: Vec<u32>,
    /// The name as written, with its release marker: `Metformin MR`.
    pub drug: String,
    /// Strength of the product; for `Amoxicillin 500 mg tid` the amount after the name.
    pub strength: Option<Strength>,
    /// Pharmaceutical form.
    pub form: Option<Form>,
    /// How much is used each time.
    pub dose: Option<Dose>,
    /// Way of administration.
    pub route: Option<Route>,
    /// How often and when.
    pub frequency: Option<Frequency>,
    /// Relation to meals.
    pub food: Option<Food>,
    /// For how long.
    pub duration: Option<Course>,
    /// The most that may be used in 24 hours.
    pub daily_maximum: Option<Quantity>,
    /// How much is to be dispensed.
    pub quantity: Option<Quantity>,
    /// How many times dispensing may be repeated; 0 if written as none.
    pub refills: Option<u32>,
    /// Legible words that have no field of their own, in the order written: `for pain`.
    pub remarks: Vec<String>,
}

/// Strength of a product: `500 mg`, `500/125 mg`, `250 mg/5 mL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strength {
    /// One measure for each active ingredient, in the order written. Never empty.
    pub parts: Vec<Measure>,
    /// What contains the parts: 5 mL, one dose, 24 hours of a patch.
    pub per: Option<Measure>,
}

/// An amount with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// How many.
    pub amount: Amount,
    /// Of what.
    pub unit: Unit,
}

/// What amounts are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Unit {
    Microgram,
    Milligram,
    Gram,
    Millilitre,
    Millimole,
    Unit,
    InternationalUnit,
    Percent,
    Tablet,
    Capsule,
    Puff,
    Drop,
    Spray,
    Patch,
    Sachet,
    Suppository,
    Pessary,
    Lozenge,
    Nebule,
    Spoonful,
    Application,
    Dose,
    Hour,
    Inhaler,
    Pen,
    Vial,
    Ampoule,
    Tube,
    Bottle,
    Pack,
}

/// Pharmaceutical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Form {
    Tablet,
    Capsule,
    Suspension,
    Solution,
    Syrup,
    Elixir,
    Linctus,
    Cream,
    Ointment,
    Gel,
    Lotion,
    Shampoo,
    Mouthwash,
    Drops,
    EyeDrops,
    EarDrops,
    EyeOintment,
    Spray,
    NasalSpray,
    Inhaler,
    Nebule,
    Patch,
    Suppository,
    Pessary,
    Sachet,
    Powder,
    Lozenge,
    Injection,
    Pen,
}

/// How much is used each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dose {
    /// A number, or a range of numbers: `1 tablet`, `1-2 puffs`.
    Counted {
        /// The smaller end of a range, or the number itself.
        at_least: Amount,
        /// The larger end of a range, or the number itself.
        at_most: Amount,
        /// What is counted; not always written (`6 od`).
        unit: Option<Unit>,
    },
    /// Spread on the skin.
    Spread(Spread),
}

/// How much of a preparation is spread on the skin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// A thin layer, sparingly.
    Thinly,
    /// Liberally, generously.
    Liberally,
}

/// How often and when. At least one of the three fields says something.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frequency {
    /// How often, if written.
    pub timing: Option<Timing>,
    /// Times of day, in the order written.
    pub moments: Vec<Moment>,
    /// Only when needed (`prn`).
    pub as_needed: bool,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// One single time (`stat`).
    Once,
    /// A number of times in each period: `3 times a day`.
    Times {
        /// The smaller end of a range, or the number itself.
        at_least: u32,
        /// The larger end of a range, or the number itself.
        at_most: u32,
        /// The period that is meant.
        period: Period,
    },
    /// Again after a number of periods: `every 4-6 hours`.
    Every {
        /// The smaller end of a range, or the number itself.
        at_least: u32,
        /// The larger end of a range, or the number itself.
        at_most: u32,
        /// The period that is counted.
        period: Period,
    },
}

/// What frequencies and courses are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Period {
    Hour,
    Day,
    Week,
    Month,
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Moment {
    Morning,
    Midday,
    Evening,
    Bedtime,
}

/// Relation to meals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Food {
    Before,
    With,
    After,
}

/// Way of administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Route {
    Oral,
    Sublingual,
    Buccal,
    Rectal,
    Vaginal,
    Intramuscular,
    Intravenous,
    Subcutaneous,
    Inhaled,
    Nasal,
    Topical,
}

/// For how long a drug is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// `7 days`, `5/7`.
    Days(u32),
    /// `two weeks`, `2/52`.
    Weeks(u32),
    /// `3 months`, `3/12`.
    Months(u32),
    /// `3 doses`.
    Doses(u32),
}

impl Course {
    /// Length in days; `None` for months and doses, which have no fixed length.
    #[must_use]
    pub fn days(self) -> Option<u32> {
        match self {
            Self::Days(days) => Some(days),
            Self::Weeks(weeks) => weeks.checked_mul(7),
            Self::Months(_) | Self::Doses(_) => None,
        }
    }
}

/// How much is dispensed, or allowed in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    /// How many.
    pub amount: Amount,
    /// Of what; not always written (`#21`).
    pub unit: Option<Unit>,
}
