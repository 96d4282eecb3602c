//! Everything around the drugs: who, when, and whether it still holds.

/// What a line that is not a drug says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heading<'a> {
    /// The prescription must not be dispensed.
    Cancelled,
    /// `Patient: …   DOB: …`, label by label.
    Fields(Vec<(Label, &'a str)>),
    /// `-----`.
    Ruler,
    /// Signatures, printed small print.
    Boilerplate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Patient,
    DateOfBirth,
    Prescriber,
    Date,
    /// A field that is no concern of the dispensary.
    Other,
}

/// What `line` says if it is none of a drug's lines.
pub(super) fn heading(line: &str) -> Option<Heading<'_>> {
    if line.chars().all(|c| c.is_whitespace() || "-=_*+.|–—─═│┌┐└┘".contains(c)) {
        return Some(Heading::Ruler);
    }
    let opening = opening(line);
    if is_cancellation(&opening) {
        return Some(Heading::Cancelled);
    }
    let fields = fields(line);
    if !fields.is_empty() {
        return Some(Heading::Fields(fields));
    }
    is_boilerplate(&opening).then_some(Heading::Boilerplate)
}

/// The line after its label (`Rx:`, `Medication:`), list number or bullet.
pub(super) fn without_marker(line: &str) -> &str {
    let mut line = line.trim_start_matches(['℞', '*', '•', '-', '–', '·', '|', ' ', '\t']);
    if let Some(label) = drug_label(line) {
        line = line[label.len()..].trim_start_matches([':', ' ', '\t']);
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = line.split_at(digits);
    let rest = rest.strip_prefix(['.', ')', ':']).unwrap_or_default();
    if (1..=2).contains(&number.len()) && rest.starts_with([' ', '\t']) {
        line = rest;
    }
    line.trim()
}

/// Whether the line says of itself that it names a drug.
pub(super) fn has_drug_label(line: &str) -> bool {
    drug_label(line).is_some()
}

fn drug_label(line: &str) -> Option<&str> {
    let label = line.split([':', ' ', '\t']).next()?;
    matches!(
        label.to_ascii_lowercase().as_str(),
        "rx" | "rp" | "medication" | "medications" | "medicine" | "drug" | "item" | "prescription"
    )
    .then_some(label)
}

/// `YYYY-MM-DD` from a date that can be read in one way only: `2026-03-14`, `14/03/2026`,
/// `14 Mar 2026`. `03/04/2026` is April in one country and March in another.
pub(super) fn unambiguous_date(written: &str) -> Option<String> {
    let written = written.trim();
    if let Some(date) = iso_date(written) {
        return Some(date);
    }
    let parts: Vec<&str> = written.splitn(4, ['/', '.', ' ', '-']).collect();
    let &[day, month, year] = parts.as_slice() else {
        return None;
    };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(day) || year.len() != 4 {
        return None;
    }
    let day: u8 = day.parse().ok()?;
    let month = match month_by_name(month) {
        Some(month) => month,
        None => month.parse().ok().filter(|month| day > 12 || day == *month)?,
    };
    iso_date(&format!("{year}-{month:02}-{day:02}"))
}

/// The text itself if it is a day of the Gregorian calendar in ISO 8601.
pub(super) fn iso_date(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !is_shaped {
        return None;
    }
    let year: u32 = text[..4].parse().ok()?;
    let month: u32 = text[5..7].parse().ok()?;
    let day: u32 = text[8..].parse().ok()?;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    (1..=days).contains(&day).then(|| text.to_owned())
}

fn month_by_name(name: &str) -> Option<u8> {
    let lower = name.to_ascii_lowercase();
    let months =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let index = months.iter().position(|month| lower.starts_with(month))?;
    u8::try_from(index + 1).ok()
}

/// The first words in lower case, without the signs around them.
fn opening(line: &str) -> Vec<String> {
    line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '/' | '\'' | '-')))
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(8)
        .map(str::to_lowercase)
        .collect()
}

fn is_cancellation(opening: &[String]) -> bool {
    let words: Vec<&str> = opening.iter().map(String::as_str).collect();
    let words = match words.as_slice() {
        ["status", rest @ ..] => rest,
        all => all,
    };
    let words = match words {
        ["this", rest @ ..] => rest,
        all => all,
    };
    match words {
        // Printed small print: `Void if altered`, `VOID AFTER 90 DAYS`.
        [_, "if" | "after" | "unless" | "without" | "when", ..] => false,
        ["prescription" | "rx", rest @ ..] => rest
            .iter()
            .find(|word| !matches!(**word, "is" | "has" | "been" | "was" | "now"))
            .is_some_and(|word| means_cancelled(word)),
        ["do", "not", "dispense", ..] => true,
        [first, ..] => means_cancelled(first),
        [] => false,
    }
}

fn means_cancelled(word: &str) -> bool {
    matches!(
        word,
        "cancelled" | "canceled" | "cancel" | "void" | "voided" | "withdrawn" | "revoked"
    )
}

/// All labelled fields of a line that begins with a label; otherwise none.
fn fields(line: &str) -> Vec<(Label, &str)> {
    let mut fields: Vec<(Label, &str)> = Vec::new();
    let mut value_start = 0;
    let mut segment_start = 0;
    for (colon, _) in line.match_indices(':') {
        let segment = &line[segment_start..colon];
        if let Some((label, start)) = trailing_label(segment, fields.is_empty()) {
            if let Some(last) = fields.last_mut() {
                last.1 = line[value_start..segment_start + start].trim_matches(is_gap);
            }
            fields.push((label, ""));
            value_start = colon + 1;
        }
        if fields.is_empty() {
            return fields;
        }
        segment_start = colon + 1;
    }
    if let Some(last) = fields.last_mut() {
        last.1 = line[value_start..].trim_matches(is_gap);
    }
    fields
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || matches!(c, '|' | ',' | ';')
}

/// The label that ends `segment`, and where it starts. The first label must fill its segment.
fn trailing_label(segment: &str, must_fill: bool) -> Option<(Label, usize)> {
    let segment = segment.trim_end();
    let whole = segment.trim_start_matches(['*', '#', '|', ' ', '\t']);
    if must_fill {
        return label(whole).map(|label| (label, 0));
    }
    let mut start = segment.len();
    let mut longest = None;
    for _ in 0..3 {
        let before = segment[..start].trim_end();
        // White space can be longer than a byte.
        let gap = before.char_indices().rfind(|(_, c)| is_gap(*c));
        start = gap.map_or(0, |(at, c)| at + c.len_utf8());
        if let Some(label) = segment.get(start..).and_then(label) {
            longest = Some((label, start));
        }
    }
    longest
}

fn label(text: &str) -> Option<Label> {
    const LONGEST: usize = 24;
    if text.len() > LONGEST {
        return None;
    }
    let lower = text.trim().to_lowercase().replace('.', "");
    Some(match lower.as_str() {
        "patient" | "patient name" | "pt" | "pt name" | "name" => Label::Patient,
        "dob" | "date of birth" | "born" => Label::DateOfBirth,
        "prescriber" | "prescribed by" | "doctor" | "physician" | "dr" | "clinician" | "gp" => {
            Label::Prescriber
        }
        "date" | "date issued" | "issued" | "date written" | "written" | "rx date" => Label::Date,
        "status" | "allergies" | "allergy" | "address" | "addr" | "tel" | "phone" | "telephone"
        | "fax" | "email" | "nhs no" | "nhs number" | "nhs" | "mrn" | "hospital no" | "id"
        | "patient id" | "sex" | "gender" | "age" | "weight" | "wt" | "height" | "clinic"
        | "surgery" | "practice" | "ward" | "hospital" | "department" | "dept" | "signature"
        | "signed" | "sign" | "prescriber no" | "gmc" | "gmc no" | "reg no" | "licence"
        | "license" | "lic" | "npi" | "dea" | "dea no" | "diagnosis" | "dx" | "indication"
        | "note" | "notes" | "comment" | "comments" | "pharmacy" | "pharmacist" | "rx no"
        | "rx #" | "rx number" | "prescription no" | "page" | "substitution" | "daw"
        | "insurance" | "valid until" | "expires" | "next review" | "review date" | "exemption"
        | "endorsement" | "bed" | "consultant" | "species" | "owner" => Label::Other,
        _ => return None,
    })
}

fn is_boilerplate(opening: &[String]) -> bool {
    let words: Vec<&str> = opening.iter().map(String::as_str).collect();
    matches!(
        words.as_slice(),
        ["rx" | "medication" | "medications" | "prescription" | "signed" | "signature"]
            | ["drug" | "medicine" | "medicines" | "items"]
            | ["signed" | "signature" | "electronically" | "e-signed" | "/s/" | "page", ..]
            | ["void", "if" | "after" | "unless" | "without", ..]
            | ["generic", "substitution", ..]
            | ["substitution", "permitted" | "allowed" | "not", ..]
            | ["may", "substitute", ..]
            | ["no", "substitution" | "substitutions", ..]
            | ["dispense", "as", "written"]
            | ["no", "further" | "more", "items", ..]
            | ["end", "of", "prescription", ..]
            | ["valid", "for", ..]
            | ["pharmacy" | "patient", "copy", ..]
            | ["computer", "generated", ..]
            | ["computer-generated", ..]
            | ["printed", ..]
            | ["discharge" | "repeat" | "private" | "outpatient" | "inpatient", "prescription", ..]
    ) || matches!(words.first(), Some(&("dr" | "prof" | "professor"))) && words.len() > 1
}
