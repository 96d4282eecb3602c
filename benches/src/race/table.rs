//! What came out of races, for readers.

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::{Floor, Limited, Ratio, Results};

/// One table of all races. Floors have letters; each ratio names the floor that it is to.
pub fn table(races: &[Results]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["", "floor", "per second", "of its floor", "quartiles", "target"]);
    for race in races {
        table.add_row([Cell::new(format!("**{}**", race.title))]);
        for (index, row) in race.rows.iter().enumerate() {
            let (floor, ratio, quartiles, target) = match &row.compared {
                None => (letter(Floor(index)), String::new(), String::new(), String::new()),
                Some(Ratio { with, ratio: None, .. }) => {
                    (letter(*with), String::new(), String::new(), String::new())
                }
                Some(Ratio { with, ratio: Some(ratio), target }) => (
                    match race.has_compared_with(index) {
                        true => format!("{} (to {})", letter(Floor(index)), letter(*with)),
                        false => letter(*with),
                    },
                    two_digits(ratio.median),
                    format!("{}–{}", two_digits(ratio.low), two_digits(ratio.high)),
                    target.map_or_else(String::new, |target| reached(ratio.median, target)),
                ),
            };
            let (name, per_second) = match &row.per_second {
                Ok(per_second) => (row.name.clone(), thousands(*per_second)),
                Err(absent) => (format!("{}; {absent}", row.name), String::new()),
            };
            table.add_row([
                Cell::new(name),
                Cell::new(floor),
                right(per_second),
                right(ratio),
                right(quartiles),
                right(target),
            ]);
        }
        for Limited { name, mib, limit } in &race.limited {
            let missed = if mib > limit { " (missed)" } else { "" };
            let (mib, limit) = (format!("{mib:.1} MiB"), format!("≤ {limit:.0} MiB{missed}"));
            let empty = || Cell::new("");
            table.add_row([Cell::new(name), empty(), right(mib), empty(), empty(), right(limit)]);
        }
    }
    table
}

fn reached(ratio: f64, target: f64) -> String {
    let missed = if ratio < target { " (missed)" } else { "" };
    format!("≥ {target:.2}{missed}")
}

fn letter(Floor(index): Floor) -> String {
    char::from_u32('A' as u32 + index as u32).unwrap_or('?').to_string()
}

/// A ratio to two decimal places, and a small one to more.
fn two_digits(ratio: f64) -> String {
    let places = if ratio < 0.01 {
        4
    } else if ratio < 0.1 {
        3
    } else {
        2
    };
    format!("{ratio:.places$}")
}

/// A whole number with a comma before each three digits.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ratios_keep_two_digits() {
        let shown = [17.618, 0.482, 0.0482, 0.00482].map(two_digits);
        assert_eq!(shown, ["17.62", "0.48", "0.048", "0.0048"]);
    }

    #[test]
    fn numbers_are_cut_in_thousands() {
        assert_eq!(thousands(12.0), "12");
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(123_456.0), "123,456");
    }
}
