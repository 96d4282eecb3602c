//! The words of prescriptions.

use super::{Food, Form, Moment, Period, Route, Unit};

/// What a word means on a prescription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// No special meaning: part of a name or of a remark.
    Other,
    /// Letters with digits: part of a name (`B12`), nowhere else.
    Mixed,
    /// `of`, `the`: no meaning of its own.
    Connector,
    /// `a`, `per`, `each`: leads to a period.
    Per,
    And,
    /// `to`, `or`: joins the ends of a range.
    To,
    For,
    /// `in`, `within`: a following time is not a course.
    Within,
    /// `with`, `before`, `after`: may lead to a meal.
    Relation(Food),
    Meal,
    By,
    Mouth,
    Tongue,
    /// `as`, `when`, `if`: may lead to `needed`.
    Condition,
    Needed,
    Not,
    More,
    Than,
    Maximum,
    Number(u32),
    Hundred,
    Half,
    Times,
    Unit(Unit),
    Form(Form),
    /// `tube`, `bottle`: something that is dispensed, not taken.
    Pack(Unit),
    Site(Site),
    /// `MR`, `XL`: belongs to the name wherever it stands.
    Release,
    Period(Period),
    Dose,
    PerDay(u32),
    /// `once`, `twice`.
    Often(u32),
    /// `daily`, `weekly`.
    OnceA(Period),
    Every,
    Alternate,
    Hourly,
    Moment(Moment),
    AsNeeded,
    Stat,
    Single,
    Route(Route),
    Food(Food),
    Thin,
    Layer,
    Liberally,
    /// `take`, `apply`, `Sig`: what follows are directions.
    Directions,
    StrengthLabel,
    /// `Form`, `Route`: the label of a field that speaks for itself.
    FieldLabel,
    Dispense,
    Refills,
    /// `avoid`, `complete`: opens a line of advice about the drug above.
    Advice,
    /// `od` is once daily, or the right eye.
    OnceDailyOrRightEye,
    Unsafe,
    Illegible,
}

/// Where drops, ointments and sprays go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    Eye,
    Ear,
    Nose,
}

const LONGEST: usize = 16;

/// What `word` means where it stands; `after_number` admits one-letter units, which elsewhere
/// would swallow the D of vitamin D.
pub(super) fn meaning(word: &str, after_number: bool) -> Meaning {
    if word.len() > LONGEST {
        return Meaning::Other;
    }
    let word: String = word.chars().filter(|c| *c != '.').collect();
    let lower = word.to_lowercase();
    if after_number && let Some(meaning) = short_unit(&lower) {
        return meaning;
    }
    // `A` belongs to a name (vitamin A), `a` to a period (twice a day).
    if word == "A" {
        return Meaning::Other;
    }
    product(&lower)
        .or_else(|| timing(&lower))
        .or_else(|| direction(&lower))
        .or_else(|| warning(&lower))
        .unwrap_or(Meaning::Other)
}

fn warning(lower: &str) -> Option<Meaning> {
    Some(match lower {
        "illegible" | "unreadable" | "unclear" | "smudged" | "torn" => Meaning::Illegible,
        // Of the lists of error-prone abbreviations of ISMP and the Joint Commission.
        "cc" | "ccs" | "qod" | "ms" | "mso4" | "mgso4" => Meaning::Unsafe,
        _ => return None,
    })
}

fn short_unit(lower: &str) -> Option<Meaning> {
    Some(match lower {
        "g" => Meaning::Unit(Unit::Gram),
        "u" | "ui" => Meaning::Unsafe,
        "h" => Meaning::Period(Period::Hour),
        "d" => Meaning::Period(Period::Day),
        "w" => Meaning::Period(Period::Week),
        _ => return None,
    })
}

fn product(lower: &str) -> Option<Meaning> {
    Some(match lower {
        "mcg" | "mcgs" | "µg" | "μg" | "ug" | "microgram" | "micrograms" => {
            Meaning::Unit(Unit::Microgram)
        }
        "mg" | "mgs" | "milligram" | "milligrams" => Meaning::Unit(Unit::Milligram),
        "gm" | "gram" | "grams" => Meaning::Unit(Unit::Gram),
        "ml" | "mls" | "millilitre" | "millilitres" | "milliliter" | "milliliters" => {
            Meaning::Unit(Unit::Millilitre)
        }
        "mmol" => Meaning::Unit(Unit::Millimole),
        "unit" | "units" => Meaning::Unit(Unit::Unit),
        "iu" => Meaning::Unit(Unit::InternationalUnit),
        "percent" => Meaning::Unit(Unit::Percent),
        "puff" | "puffs" | "actuation" | "actuations" => Meaning::Unit(Unit::Puff),
        "drop" | "gtt" | "gtts" => Meaning::Unit(Unit::Drop),
        "spoonful" | "spoonfuls" => Meaning::Unit(Unit::Spoonful),
        "application" | "applications" => Meaning::Unit(Unit::Application),
        "tube" | "tubes" => Meaning::Pack(Unit::Tube),
        "bottle" | "bottles" => Meaning::Pack(Unit::Bottle),
        "vial" | "vials" => Meaning::Pack(Unit::Vial),
        "ampoule" | "ampoules" | "amp" | "amps" => Meaning::Pack(Unit::Ampoule),
        "pack" | "packs" | "box" | "boxes" => Meaning::Pack(Unit::Pack),
        "tab" | "tabs" | "tablet" | "tablets" => Meaning::Form(Form::Tablet),
        "cap" | "caps" | "capsule" | "capsules" => Meaning::Form(Form::Capsule),
        "susp" | "suspension" => Meaning::Form(Form::Suspension),
        "soln" | "solution" => Meaning::Form(Form::Solution),
        "syr" | "syrup" => Meaning::Form(Form::Syrup),
        "elixir" => Meaning::Form(Form::Elixir),
        "linctus" => Meaning::Form(Form::Linctus),
        "cream" | "crm" => Meaning::Form(Form::Cream),
        "ointment" | "oint" => Meaning::Form(Form::Ointment),
        "gel" => Meaning::Form(Form::Gel),
        "lotion" => Meaning::Form(Form::Lotion),
        "shampoo" => Meaning::Form(Form::Shampoo),
        "mouthwash" => Meaning::Form(Form::Mouthwash),
        "drops" => Meaning::Form(Form::Drops),
        "spray" | "sprays" => Meaning::Form(Form::Spray),
        "inhaler" | "inhalers" | "mdi" | "dpi" => Meaning::Form(Form::Inhaler),
        "nebule" | "nebules" => Meaning::Form(Form::Nebule),
        "patch" | "patches" => Meaning::Form(Form::Patch),
        "supp" | "suppository" | "suppositories" => Meaning::Form(Form::Suppository),
        "pessary" | "pessaries" => Meaning::Form(Form::Pessary),
        "sachet" | "sachets" => Meaning::Form(Form::Sachet),
        "powder" => Meaning::Form(Form::Powder),
        "lozenge" | "lozenges" => Meaning::Form(Form::Lozenge),
        "inj" | "injection" => Meaning::Form(Form::Injection),
        "pen" | "pens" => Meaning::Form(Form::Pen),
        "eye" => Meaning::Site(Site::Eye),
        "ear" => Meaning::Site(Site::Ear),
        "nasal" => Meaning::Site(Site::Nose),
        "mr" | "sr" | "xl" | "xr" | "er" | "la" | "cr" | "ec" => Meaning::Release,
        _ => return None,
    })
}

fn timing(lower: &str) -> Option<Meaning> {
    Some(match lower {
        "od" => Meaning::OnceDailyOrRightEye,
        "qd" => Meaning::PerDay(1),
        "bd" | "bid" => Meaning::PerDay(2),
        "tds" | "tid" => Meaning::PerDay(3),
        "qds" | "qid" => Meaning::PerDay(4),
        "once" => Meaning::Often(1),
        "twice" => Meaning::Often(2),
        "thrice" => Meaning::Often(3),
        "daily" => Meaning::OnceA(Period::Day),
        "nightly" | "qhs" | "hs" | "nocte" | "bedtime" | "night" | "bed" | "qpm" => {
            Meaning::Moment(Moment::Bedtime)
        }
        "mane" | "morning" | "mornings" | "qam" => Meaning::Moment(Moment::Morning),
        "noon" | "midday" | "lunchtime" => Meaning::Moment(Moment::Midday),
        "evening" | "teatime" => Meaning::Moment(Moment::Evening),
        "weekly" | "qw" | "qwk" => Meaning::OnceA(Period::Week),
        "monthly" => Meaning::OnceA(Period::Month),
        "hourly" | "hrly" => Meaning::Hourly,
        "q" | "every" => Meaning::Every,
        "other" | "second" | "alternate" => Meaning::Alternate,
        "hour" | "hours" | "hr" | "hrs" => Meaning::Period(Period::Hour),
        "day" | "days" => Meaning::Period(Period::Day),
        "week" | "weeks" | "wk" | "wks" => Meaning::Period(Period::Week),
        "month" | "months" => Meaning::Period(Period::Month),
        "dose" | "doses" => Meaning::Dose,
        "prn" | "sos" => Meaning::AsNeeded,
        "needed" | "required" | "necessary" => Meaning::Needed,
        "stat" | "immediately" => Meaning::Stat,
        "single" => Meaning::Single,
        "times" | "time" | "x" | "×" => Meaning::Times,
        "one" => Meaning::Number(1),
        "two" => Meaning::Number(2),
        "three" => Meaning::Number(3),
        "four" => Meaning::Number(4),
        "five" => Meaning::Number(5),
        "six" => Meaning::Number(6),
        "seven" => Meaning::Number(7),
        "eight" => Meaning::Number(8),
        "nine" => Meaning::Number(9),
        "ten" => Meaning::Number(10),
        "eleven" => Meaning::Number(11),
        "twelve" => Meaning::Number(12),
        "thirteen" => Meaning::Number(13),
        "fourteen" => Meaning::Number(14),
        "fifteen" => Meaning::Number(15),
        "sixteen" => Meaning::Number(16),
        "seventeen" => Meaning::Number(17),
        "eighteen" => Meaning::Number(18),
        "nineteen" => Meaning::Number(19),
        "twenty" => Meaning::Number(20),
        "thirty" => Meaning::Number(30),
        "forty" => Meaning::Number(40),
        "fifty" => Meaning::Number(50),
        "sixty" => Meaning::Number(60),
        "seventy" => Meaning::Number(70),
        "eighty" => Meaning::Number(80),
        "ninety" => Meaning::Number(90),
        "hundred" => Meaning::Hundred,
        "half" => Meaning::Half,
        _ => return None,
    })
}

fn direction(lower: &str) -> Option<Meaning> {
    Some(match lower {
        "take" | "takes" | "give" | "apply" | "use" | "inject" | "inhale" | "instil"
        | "instill" | "insert" | "place" | "put" | "dissolve" | "chew" | "swallow" | "suck"
        | "sig" | "directions" | "dosage" | "label" => Meaning::Directions,
        "po" | "oral" | "orally" => Meaning::Route(Route::Oral),
        "sl" | "sublingual" | "sublingually" => Meaning::Route(Route::Sublingual),
        "buccal" => Meaning::Route(Route::Buccal),
        "pr" | "rectal" | "rectally" => Meaning::Route(Route::Rectal),
        "pv" | "vaginal" | "vaginally" => Meaning::Route(Route::Vaginal),
        "im" | "intramuscular" => Meaning::Route(Route::Intramuscular),
        "iv" | "intravenous" => Meaning::Route(Route::Intravenous),
        "sc" | "subcut" | "subcutaneous" | "subcutaneously" => Meaning::Route(Route::Subcutaneous),
        "inh" | "inhaled" => Meaning::Route(Route::Inhaled),
        "intranasal" | "intranasally" => Meaning::Route(Route::Nasal),
        "topical" | "topically" => Meaning::Route(Route::Topical),
        "mouth" => Meaning::Mouth,
        "tongue" => Meaning::Tongue,
        "by" => Meaning::By,
        "ac" => Meaning::Food(Food::Before),
        "pc" => Meaning::Food(Food::After),
        "with" => Meaning::Relation(Food::With),
        "before" => Meaning::Relation(Food::Before),
        "after" => Meaning::Relation(Food::After),
        "food" | "meal" | "meals" => Meaning::Meal,
        "thin" => Meaning::Thin,
        "layer" | "film" => Meaning::Layer,
        "thinly" | "sparingly" => Meaning::Layer,
        "liberally" | "generously" => Meaning::Liberally,
        "and" => Meaning::And,
        "to" | "or" => Meaning::To,
        "for" => Meaning::For,
        "in" | "within" => Meaning::Within,
        "as" | "when" | "if" => Meaning::Condition,
        "not" | "no" | "nil" | "none" => Meaning::Not,
        "more" | "exceed" => Meaning::More,
        "than" => Meaning::Than,
        "max" | "maximum" => Meaning::Maximum,
        "a" | "per" | "each" | "an" => Meaning::Per,
        "at" | "the" | "of" | "on" | "into" | "onto" | "under" => Meaning::Connector,
        "strength" => Meaning::StrengthLabel,
        "form" | "route" | "frequency" | "duration" => Meaning::FieldLabel,
        "disp" | "dispense" | "qty" | "quantity" | "supply" | "mitte" | "total" => {
            Meaning::Dispense
        }
        "refill" | "refills" | "repeat" | "repeats" | "rpt" => Meaning::Refills,
        "avoid" | "complete" | "until" | "do" | "shake" | "finish" | "stop" | "wash" | "rinse"
        | "may" | "please" | "then" | "review" | "continue" | "keep" | "store" | "leave" => {
            Meaning::Advice
        }
        _ => return None,
    })
}
