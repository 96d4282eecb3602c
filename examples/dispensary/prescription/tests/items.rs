//! Drug lines and the lines below them.

use super::super::{
    Amount, Course, Dose, Form, Frequency, Measure, Period, PrescribedDrug, Quantity, Strength,
    Timing, Unit,
};
use super::{parse, refusals, wordings};

/// A line as clinics write it, and what it says.
const LINES: &[(&str, &str)] = &[
    (
        "Amoxicillin 500 mg capsules, take 1 capsule three times daily for 7 days, #21",
        "Amoxicillin 500 mg capsules: 1 capsule, 3 times a day, for 7 days, dispense 21",
    ),
    (
        "Metformin 850mg tab 1 BID x 90d disp 180",
        "Metformin 850 mg tablets: 1, twice a day, for 90 days, dispense 180",
    ),
    (
        "1. Salbutamol inhaler 100 mcg 2 puffs q4-6h prn",
        "Salbutamol 100 mcg inhaler: 2 puffs, every 4-6 hours, as needed",
    ),
    (
        "Amoxicillin susp 250 mg/5 mL: 5 mL po tid x10 days",
        "Amoxicillin 250 mg/5 mL suspension: 5 mL, by mouth, 3 times a day, for 10 days",
    ),
    (
        "Hydrocortisone 1% cream apply thin layer bid 14 days",
        "Hydrocortisone 1% cream: thin layer, twice a day, for 14 days",
    ),
    (
        "Insulin glargine 100 units/mL inject 20 units at bedtime",
        "Insulin glargine 100 units/mL: 20 units, at bedtime",
    ),
    (
        "Prednisolone 5mg tabs – 6 od for 5/7",
        "Prednisolone 5 mg tablets: 6, once a day, for 5 days",
    ),
    // Strengths.
    ("Co-amoxiclav 500/125 mg tabs 1 tds", "Co-amoxiclav 500 mg/125 mg tablets: 1, 3 times a day"),
    ("Olmetec 20mg/12.5mg od", "Olmetec 20 mg/12.5 mg: once a day"),
    (
        "Co-amoxiclav susp 400/57 mg/5 mL bd",
        "Co-amoxiclav 400 mg/57 mg/5 mL suspension: twice a day",
    ),
    ("Digoxin .0625 mg mane", "Digoxin 0.0625 mg: in the morning"),
    ("Fentanyl 25 mcg/hr patch every 72 hours", "Fentanyl 25 mcg/hour patches: every 72 hours"),
    ("Nicotine patch 21 mg/24 h daily", "Nicotine 21 mg/24 hours patches: once a day"),
    ("Fusidic acid 20 mg/g cream tds", "Fusidic acid 20 mg/g cream: 3 times a day"),
    ("Vitamin D3 1,000 units od", "Vitamin D3 1000 units: once a day"),
    ("Vitamin D 800 IU od", "Vitamin D 800 IU: once a day"),
    ("Vitamin A 5000 units daily", "Vitamin A 5000 units: once a day"),
    // Names.
    ("Tab. Metformin 500 mg bd", "Metformin 500 mg tablets: twice a day"),
    ("Metformin 500 mg MR tablets od", "Metformin MR 500 mg tablets: once a day"),
    ("• Omega-Vit B12 1 mg od", "Omega-Vit B12 1 mg: once a day"),
    ("Rx: Ramipril 5 mg od", "Ramipril 5 mg: once a day"),
    (
        "Zinc and castor oil ointment liberally tds",
        "Zinc and castor oil ointment: liberally, 3 times a day",
    ),
    ("Fluticasone/salmeterol 250/50 mcg bd", "Fluticasone/salmeterol 250 mcg/50 mcg: twice a day"),
    // Numbers.
    ("Sertraline 50 mg tabs ½ tab od", "Sertraline 50 mg tablets: 0.5 tablets, once a day"),
    ("Sertraline 50 mg tabs 1/2 tab od", "Sertraline 50 mg tablets: 0.5 tablets, once a day"),
    ("Sertraline 50 mg tabs 1½ tabs od", "Sertraline 50 mg tablets: 1.5 tablets, once a day"),
    ("Sertraline 50 mg tabs 1 1/2 tabs od", "Sertraline 50 mg tablets: 1.5 tablets, once a day"),
    ("Sertraline 50 mg: half a tablet od", "Sertraline 50 mg: 0.5 tablets, once a day"),
    ("Sertraline 50 mg: one and a half tabs od", "Sertraline 50 mg: 1.5 tablets, once a day"),
    (
        "Paracetamol 500 mg: one or two tablets qds",
        "Paracetamol 500 mg: 1-2 tablets, 4 times a day",
    ),
    (
        "Codeine 30 mg tabs 1 qds, qty 28 (twenty-eight)",
        "Codeine 30 mg tablets: 1, 4 times a day, dispense 28",
    ),
    (
        "Codeine 30 mg tabs 1 qds, qty two hundred tabs",
        "Codeine 30 mg tablets: 1, 4 times a day, dispense 200 tablets",
    ),
    // Frequencies.
    ("Naproxen 500 mg every 8 hours", "Naproxen 500 mg: every 8 hours"),
    ("Naproxen 500 mg q 8 h", "Naproxen 500 mg: every 8 hours"),
    ("Naproxen 500 mg 8-hourly", "Naproxen 500 mg: every 8 hours"),
    ("Naproxen 500 mg b.i.d. p.c.", "Naproxen 500 mg: twice a day, after food"),
    ("Naproxen 500 mg twice a day with meals", "Naproxen 500 mg: twice a day, with food"),
    ("Naproxen 500 mg 2-3 times per day", "Naproxen 500 mg: 2-3 times a day"),
    ("Naproxen 500 mg 2x daily", "Naproxen 500 mg: twice a day"),
    ("Naproxen 500 mg as required", "Naproxen 500 mg: as needed"),
    ("Alendronic acid 70 mg once-weekly", "Alendronic acid 70 mg: once a week"),
    ("Prednisolone 5 mg on alternate days", "Prednisolone 5 mg: every 2 days"),
    ("Prednisolone 5 mg every other day", "Prednisolone 5 mg: every 2 days"),
    ("Cyanocobalamin 1 mg IM every 3 months", "Cyanocobalamin 1 mg: intramuscular, every 3 months"),
    ("Ceftriaxone 1 g IM stat", "Ceftriaxone 1 g: intramuscular, single dose"),
    ("Gaviscon 10 mL mane and nocte", "Gaviscon: 10 mL, in the morning, at bedtime"),
    ("Simvastatin 40 mg qhs", "Simvastatin 40 mg: at bedtime"),
    // Courses.
    ("Doxycycline 100 mg od 2/52", "Doxycycline 100 mg: once a day, for 2 weeks"),
    ("Ferrous fumarate 210 mg od 3/12", "Ferrous fumarate 210 mg: once a day, for 3 months"),
    ("Doxycycline 100 mg od for two weeks", "Doxycycline 100 mg: once a day, for 2 weeks"),
    ("Diazepam 5 mg pr x 2 doses", "Diazepam 5 mg: rectal, for 2 doses"),
    // Quantities, limits, refills.
    ("Hydrocortisone 1% cream 30 g tube bd", "Hydrocortisone 1% cream: twice a day, dispense 30 g"),
    (
        "Codeine 30 mg tabs prn max 8 tablets in 24 hours",
        "Codeine 30 mg tablets: as needed, maximum 8 tablets a day",
    ),
    (
        "Codeine 30 mg tabs prn no more than 4 a day",
        "Codeine 30 mg tablets: as needed, maximum 4 a day",
    ),
    ("Apixaban 5 mg bd #56, 5 refills", "Apixaban 5 mg: twice a day, dispense 56, refills 5"),
    ("Apixaban 5 mg bd no refills", "Apixaban 5 mg: twice a day, refills 0"),
    ("Apixaban 5 mg bd, repeat x 2", "Apixaban 5 mg: twice a day, refills 2"),
    // Sites and routes.
    ("Timolol 0.5% eye drops 1 drop bd", "Timolol 0.5% eye drops: 1 drop, twice a day"),
    (
        "GTN 400 mcg/dose spray 1 puff under the tongue prn",
        "GTN 400 mcg/dose spray: 1 puff, sublingual, as needed",
    ),
    ("Enoxaparin 40 mg s.c. od", "Enoxaparin 40 mg: subcutaneous, once a day"),
    // What has no field is kept.
    ("Codeine 30 mg prn for back pain", "Codeine 30 mg: as needed, for back pain"),
];

#[test]
fn each_line_says_what_was_written() {
    for (line, expected) in LINES {
        assert_eq!(refusals(line), [], "{line}");
        assert_eq!(wordings(line), [*expected], "{line}");
    }
}

#[test]
fn what_is_written_out_is_read_back_as_the_same_item() {
    for (line, _) in LINES {
        let read = parse(line);
        let again = parse(&read.items[0].to_string());
        assert_eq!(again, read, "{line}");
    }
}

#[test]
fn an_item_has_all_that_is_written_and_nothing_else() {
    let findings = parse("\nAmoxicillin 500 mg caps, 1-2 caps tid\n  for 7 days\n\n  #21");
    let expected = PrescribedDrug {
        line: 2,
        further_lines: vec![3, 5],
        drug: "Amoxicillin".to_owned(),
        strength: Some(Strength {
            parts: vec![Measure { amount: Amount::whole(500), unit: Unit::Milligram }],
            per: None,
        }),
        form: Some(Form::Capsule),
        dose: Some(Dose::Counted {
            at_least: Amount::whole(1),
            at_most: Amount::whole(2),
            unit: Some(Unit::Capsule),
        }),
        route: None,
        frequency: Some(Frequency {
            timing: Some(Timing::Times { at_least: 3, at_most: 3, period: Period::Day }),
            moments: vec![],
            as_needed: false,
        }),
        food: None,
        duration: Some(Course::Days(7)),
        daily_maximum: None,
        quantity: Some(Quantity { amount: Amount::whole(21), unit: None }),
        refills: None,
        remarks: vec![],
    };
    assert_eq!(findings.items, [expected]);
}

#[test]
fn directions_belong_to_the_drug_above_them() {
    let text = "Levothyroxine 50 mcg tablets\n\
                Sig: one tablet every morning\n\
                Disp: #28\n\
                Refills: 5\n\
                Folic acid\n\
                Strength: 5 mg\n\
                Form: tablet\n\
                Dose: 1 tablet\n\
                Frequency: once weekly\n\
                Rinse mouth after use";
    assert_eq!(refusals(text), []);
    assert_eq!(
        wordings(text),
        [
            "Levothyroxine 50 mcg tablets: 1 tablet, in the morning, dispense 28, refills 5",
            "Folic acid 5 mg tablets: 1 tablet, once a week, Rinse mouth after use",
        ]
    );
}

#[test]
fn a_month_has_no_fixed_number_of_days() {
    assert_eq!(Course::Weeks(2).days(), Some(14));
    assert_eq!(Course::Months(3).days(), None);
    assert_eq!(Course::Weeks(u32::MAX).days(), None);
}
