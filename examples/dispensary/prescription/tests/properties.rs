//! What holds for every text.

use std::collections::BTreeSet;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::super::{
    Amount, Course, Dose, Food, Form, Frequency, Measure, Moment, Period, PrescribedDrug, Quantity,
    Route, Spread, Strength, Timing, Unit,
    vocabulary::{Meaning, meaning},
};
use super::parse;

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn any_arrangement_of_what_prescriptions_contain_is_read_soundly(text in fragments()) {
        check(&text)?;
    }

    #[test]
    fn a_written_item_is_read_back_as_the_same_item(item in item()) {
        let findings = parse(&item.to_string());
        prop_assert_eq!(&findings.unreadable, &[], "{}", item);
        prop_assert_eq!(&findings.items, &[item]);
    }

    #[test]
    fn an_amount_is_read_back_as_the_same_amount(amount in amount()) {
        prop_assert_eq!(amount.to_string().parse(), Ok(amount));
    }

    #[test]
    fn a_mark_inside_the_name_never_leaves_an_item(item in item(), at in 1..3_usize) {
        let mut line = item.to_string();
        line.insert(at, '?');
        prop_assert_eq!(parse(&line).items, []);
    }
}

#[test]
fn long_texts_are_read_in_linear_time() {
    // Each would take minutes if any step were quadratic; the test would not end in good time.
    let fragments = [
        "a",
        "1",
        "1/",
        "1-",
        "(",
        "?",
        ":",
        "Patient:",
        "é",
        "½ ",
        "a.",
        "a-",
        "q8h ",
        "the ",
        "one ",
        "Ramipril 5 mg od\n",
        "Sig: prn\n",
        "Ramipril 5 mg\n ?\n",
        "Date: ",
        "1 (",
        "\n",
        "of a ",
        "max ",
        "500 mg/",
        "Dose: ",
    ];
    for fragment in fragments {
        let text = fragment.repeat((1 << 18) / fragment.len());
        let _ = parse(&text);
        let _ = parse(&format!("Ramipril 5 mg: {text}"));
    }
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let findings = parse(text);
    prop_assert_eq!(&findings, &parse(text), "parsing is deterministic");

    let lines: Vec<&str> = text.lines().collect();
    let mut claimed = BTreeSet::new();
    for unreadable in &findings.unreadable {
        prop_assert_eq!(lines[unreadable.line as usize - 1].trim(), &unreadable.text);
        prop_assert!(claimed.insert(unreadable.line), "line {} twice", unreadable.line);
    }
    for item in &findings.items {
        prop_assert!(
            lines[item.line as usize - 1].contains(item.drug.split(' ').next().unwrap_or_default())
        );
        for line in item.further_lines.iter().chain([&item.line]) {
            prop_assert!(claimed.insert(*line), "line {} twice", line);
        }
    }
    Ok(())
}

/// Texts that reach deeper into the grammar than arbitrary characters do.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = select(vec![
        "Ramipril",
        "Co-amoxiclav",
        "Vitamin D3",
        "500",
        "1.5",
        "½",
        "1/2",
        "5/7",
        "mg",
        "mL",
        "%",
        "units",
        "U",
        "tab",
        "caps",
        "cream",
        "eye",
        "drops",
        "take",
        "Sig:",
        "Disp:",
        "#",
        "Refills:",
        "every",
        "q8h",
        "bd",
        "od",
        "prn",
        "as",
        "needed",
        "once",
        "twice",
        "daily",
        "weekly",
        "a",
        "day",
        "x",
        "times",
        "max",
        "in",
        "24",
        "hours",
        "for",
        "days",
        "with",
        "food",
        "po",
        "one",
        "twenty-one",
        "(",
        ")",
        "/",
        "-",
        ",",
        ":",
        "?",
        "~",
        "[illegible]",
        "Patient:",
        "Date:",
        "VOID",
        "Rx",
        "\n",
        "\n",
        "\n  ",
        "\u{2028}",
        "\r\n",
        "é",
        "🦀",
        "\0",
    ]);
    let glue = select(vec![" ", " ", " ", ""]);
    vec((fragment, glue), 0..60)
        .prop_map(|pieces| pieces.into_iter().map(|(text, glue)| format!("{text}{glue}")).collect())
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![(1..2000_u32).prop_map(Amount::whole), (1..2000_u32).prop_map(Amount::quarters),]
}

fn name() -> impl Strategy<Value = String> {
    let word = "[A-Z][a-z]{3,9}".prop_filter("a word with a meaning is no name", |word| {
        meaning(word, false) == Meaning::Other && parse(&format!("{word} 1 mg")).items.len() == 1
    });
    vec(word, 1..3)
        .prop_map(|words| words.join(" "))
        .prop_filter("no signature", |name| parse(&format!("{name} 1 mg")).items.len() == 1)
}

fn strength() -> impl Strategy<Value = Strength> {
    let unit = select(vec![Unit::Microgram, Unit::Milligram, Unit::Unit, Unit::InternationalUnit]);
    let part = (amount(), unit).prop_map(|(amount, unit)| Measure { amount, unit });
    let per = select(vec![Unit::Millilitre, Unit::Dose, Unit::Hour]);
    let per = (amount(), per).prop_map(|(amount, unit)| Measure { amount, unit });
    (vec(part, 1..4), option::of(per)).prop_map(|(parts, per)| Strength { parts, per })
}

fn dose() -> impl Strategy<Value = Dose> {
    let unit = select(vec![
        None,
        Some(Unit::Milligram),
        Some(Unit::Millilitre),
        Some(Unit::Unit),
        Some(Unit::Tablet),
        Some(Unit::Capsule),
        Some(Unit::Puff),
        Some(Unit::Drop),
        Some(Unit::Spray),
        Some(Unit::Patch),
        Some(Unit::Suppository),
    ]);
    let counted = (amount(), option::of(amount()), unit).prop_map(|(one, other, unit)| {
        let other = other.unwrap_or(one);
        Dose::Counted { at_least: one.min(other), at_most: one.max(other), unit }
    });
    prop_oneof![
        8 => counted,
        1 => Just(Dose::Spread(Spread::Thinly)),
        1 => Just(Dose::Spread(Spread::Liberally)),
    ]
}

fn frequency() -> impl Strategy<Value = Frequency> {
    let period = || select(vec![Period::Day, Period::Week, Period::Month]);
    let times = (1..5_u32, 0..3_u32, period()).prop_map(|(at_least, more, period)| Timing::Times {
        at_least,
        at_most: at_least + more,
        period,
    });
    // Every single day, week or month is once a day, week or month.
    let every = (2..13_u32, 0..3_u32, period()).prop_map(|(at_least, more, period)| {
        Timing::Every { at_least, at_most: at_least + more, period }
    });
    let hours = (1..25_u32).prop_map(|hours| Timing::Every {
        at_least: hours,
        at_most: hours,
        period: Period::Hour,
    });
    let timing = prop_oneof![Just(Timing::Once), times, every, hours];
    let moments = proptest::sample::subsequence(
        vec![Moment::Morning, Moment::Midday, Moment::Evening, Moment::Bedtime],
        0..3,
    );
    (option::of(timing), moments, any::<bool>())
        .prop_map(|(timing, moments, as_needed)| Frequency { timing, moments, as_needed })
        .prop_filter("it says something", |frequency| *frequency != Frequency::default())
}

fn course() -> impl Strategy<Value = Course> {
    (1..100_u32, 0..4_u8).prop_map(|(count, unit)| match unit {
        0 => Course::Days(count),
        1 => Course::Weeks(count),
        2 => Course::Months(count),
        _ => Course::Doses(count),
    })
}

fn quantity() -> impl Strategy<Value = Quantity> {
    let unit = select(vec![
        None,
        Some(Unit::Gram),
        Some(Unit::Millilitre),
        Some(Unit::Tablet),
        Some(Unit::Inhaler),
        Some(Unit::Bottle),
    ]);
    (amount(), unit).prop_map(|(amount, unit)| Quantity { amount, unit })
}

fn item() -> impl Strategy<Value = PrescribedDrug> {
    let form = select(vec![
        Form::Tablet,
        Form::Suspension,
        Form::Cream,
        Form::EyeDrops,
        Form::NasalSpray,
        Form::Inhaler,
        Form::Patch,
        Form::Injection,
    ]);
    let route = select(vec![Route::Oral, Route::Sublingual, Route::Rectal, Route::Subcutaneous]);
    let food = select(vec![Food::Before, Food::With, Food::After]);
    let product = (name(), option::of(strength()), option::of(form));
    let use_ = (option::of(dose()), option::of(route), option::of(frequency()), option::of(food));
    let supply = (
        option::of(course()),
        option::of(quantity()),
        option::of(quantity()),
        option::of(0..12_u32),
    );
    (product, use_, supply)
        .prop_map(|((drug, strength, form), (dose, route, frequency, food), supply)| {
            let (duration, daily_maximum, quantity, refills) = supply;
            PrescribedDrug {
                strength,
                form,
                dose,
                route,
                frequency,
                food,
                duration,
                daily_maximum,
                quantity,
                refills,
                drug,
                ..PrescribedDrug::on(1)
            }
        })
        .prop_filter("it says how to use it", PrescribedDrug::has_directions)
}
