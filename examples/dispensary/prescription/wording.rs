//! Writes findings the way [`parse`](super::parse) reads them.

use std::fmt;

use super::{
    Amount, Course, Dose, Food, Form, Frequency, Measure, Moment, Period, PrescribedDrug, Quantity,
    Route, Spread, Strength, Timing, Unit,
};

impl fmt::Display for PrescribedDrug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.drug)?;
        if let Some(strength) = &self.strength {
            write!(f, " {strength}")?;
        }
        if let Some(form) = self.form {
            write!(f, " {form}")?;
        }
        let mut separator = ": ";
        let mut directions = |written: Option<String>| {
            if let Some(written) = written {
                write!(f, "{separator}{written}")?;
                separator = ", ";
            }
            Ok(())
        };
        directions(self.dose.map(|dose| dose.to_string()))?;
        directions(self.route.map(|route| route.to_string()))?;
        directions(self.frequency.as_ref().map(Frequency::to_string))?;
        directions(self.food.map(|food| food.to_string()))?;
        directions(self.duration.map(|course| format!("for {course}")))?;
        directions(self.daily_maximum.map(|maximum| format!("maximum {maximum} a day")))?;
        directions(self.quantity.map(|quantity| format!("dispense {quantity}")))?;
        directions(self.refills.map(|refills| format!("refills {refills}")))?;
        self.remarks.iter().try_for_each(|remark| directions(Some(remark.clone())))
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            write!(f, "{part}")?;
        }
        match &self.per {
            Some(per) if per.amount == Amount::whole(1) => {
                write!(f, "/{}", unit_word(per.amount, per.unit))
            }
            Some(per) => write!(f, "/{per}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if self.unit == Unit::Percent { "" } else { " " };
        write!(f, "{}{gap}{}", self.amount, unit_word(self.amount, self.unit))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Some(unit) => Measure { amount: self.amount, unit }.fmt(f),
            None => self.amount.fmt(f),
        }
    }
}

impl fmt::Display for Dose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Counted { at_least, at_most, unit } => {
                range(f, at_least, at_most)?;
                match unit {
                    Some(unit) => write!(f, " {}", unit_word(at_most, unit)),
                    None => Ok(()),
                }
            }
            Self::Spread(Spread::Thinly) => f.write_str("thin layer"),
            Self::Spread(Spread::Liberally) => f.write_str("liberally"),
        }
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timing = self.timing.map(|timing| timing.to_string());
        let moments = self.moments.iter().map(Moment::to_string);
        let as_needed = self.as_needed.then(|| "as needed".to_owned());
        let written: Vec<String> = timing.into_iter().chain(moments).chain(as_needed).collect();
        f.write_str(&written.join(", "))
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Once => f.write_str("single dose"),
            Self::Times { at_least: 1, at_most: 1, period } => write!(f, "once a {period}"),
            Self::Times { at_least: 2, at_most: 2, period } => write!(f, "twice a {period}"),
            Self::Times { at_least, at_most, period } => {
                range(f, at_least, at_most)?;
                write!(f, " times a {period}")
            }
            Self::Every { at_least, at_most, period } => {
                f.write_str("every ")?;
                range(f, at_least, at_most)?;
                write!(f, " {period}{}", if at_most == 1 { "" } else { "s" })
            }
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Morning => "in the morning",
            Self::Midday => "at midday",
            Self::Evening => "in the evening",
            Self::Bedtime => "at bedtime",
        })
    }
}

impl fmt::Display for Food {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before food",
            Self::With => "with food",
            Self::After => "after food",
        })
    }
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, what) = match *self {
            Self::Days(count) => (count, "day"),
            Self::Weeks(count) => (count, "week"),
            Self::Months(count) => (count, "month"),
            Self::Doses(count) => (count, "dose"),
        };
        write!(f, "{count} {what}{}", if count == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oral => "by mouth",
            Self::Sublingual => "sublingual",
            Self::Buccal => "buccal",
            Self::Rectal => "rectal",
            Self::Vaginal => "vaginal",
            Self::Intramuscular => "intramuscular",
            Self::Intravenous => "intravenous",
            Self::Subcutaneous => "subcutaneous",
            Self::Inhaled => "inhaled",
            Self::Nasal => "intranasal",
            Self::Topical => "topical",
        })
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tablet => "tablets",
            Self::Capsule => "capsules",
            Self::Suspension => "suspension",
            Self::Solution => "solution",
            Self::Syrup => "syrup",
            Self::Elixir => "elixir",
            Self::Linctus => "linctus",
            Self::Cream => "cream",
            Self::Ointment => "ointment",
            Self::Gel => "gel",
            Self::Lotion => "lotion",
            Self::Shampoo => "shampoo",
            Self::Mouthwash => "mouthwash",
            Self::Drops => "drops",
            Self::EyeDrops => "eye drops",
            Self::EarDrops => "ear drops",
            Self::EyeOintment => "eye ointment",
            Self::Spray => "spray",
            Self::NasalSpray => "nasal spray",
            Self::Inhaler => "inhaler",
            Self::Nebule => "nebules",
            Self::Patch => "patches",
            Self::Suppository => "suppositories",
            Self::Pessary => "pessaries",
            Self::Sachet => "sachets",
            Self::Powder => "powder",
            Self::Lozenge => "lozenges",
            Self::Injection => "injection",
            Self::Pen => "pen",
        })
    }
}

fn range<T: fmt::Display + PartialEq>(
    f: &mut fmt::Formatter<'_>,
    at_least: T,
    at_most: T,
) -> fmt::Result {
    if at_least == at_most { at_least.fmt(f) } else { write!(f, "{at_least}-{at_most}") }
}

fn unit_word(amount: Amount, unit: Unit) -> &'static str {
    let (singular, plural) = match unit {
        Unit::Microgram => ("mcg", "mcg"),
        Unit::Milligram => ("mg", "mg"),
        Unit::Gram => ("g", "g"),
        Unit::Millilitre => ("mL", "mL"),
        Unit::Millimole => ("mmol", "mmol"),
        Unit::Unit => ("unit", "units"),
        Unit::InternationalUnit => ("IU", "IU"),
        Unit::Percent => ("%", "%"),
        Unit::Tablet => ("tablet", "tablets"),
        Unit::Capsule => ("capsule", "capsules"),
        Unit::Puff => ("puff", "puffs"),
        Unit::Drop => ("drop", "drops"),
        Unit::Spray => ("spray", "sprays"),
        Unit::Patch => ("patch", "patches"),
        Unit::Sachet => ("sachet", "sachets"),
        Unit::Suppository => ("suppository", "suppositories"),
        Unit::Pessary => ("pessary", "pessaries"),
        Unit::Lozenge => ("lozenge", "lozenges"),
        Unit::Nebule => ("nebule", "nebules"),
        Unit::Spoonful => ("spoonful", "spoonfuls"),
        Unit::Application => ("application", "applications"),
        Unit::Dose => ("dose", "doses"),
        Unit::Hour => ("hour", "hours"),
        Unit::Inhaler => ("inhaler", "inhalers"),
        Unit::Pen => ("pen", "pens"),
        Unit::Vial => ("vial", "vials"),
        Unit::Ampoule => ("ampoule", "ampoules"),
        Unit::Tube => ("tube", "tubes"),
        Unit::Bottle => ("bottle", "bottles"),
        Unit::Pack => ("pack", "packs"),
    };
    if amount == Amount::whole(1) { singular } else { plural }
}
