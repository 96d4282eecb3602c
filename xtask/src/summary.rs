//! The closing lines of test runners, read from what they printed.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
};

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that ended as they should.
    pub(crate) passed: u64,
    /// Tests that ended in any other way: failed, timed out, could not be started.
    pub(crate) failed: u64,
    /// Tests that were ignored or filtered out.
    pub(crate) skipped: u64,
}

/// What a runner said at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The closing line, in the runner's own form, without colours.
    pub(crate) line: String,
    /// The numbers of that line.
    pub(crate) tally: Tally,
}

impl Tally {
    /// The number of tests that ran.
    pub(crate) fn ran(&self) -> u64 {
        self.passed + self.failed
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Add::add)
    }
}

/// The summary of a `cargo nextest run`, or `None` when it did not come that far.
///
/// The last such line counts: a failed test's output is printed before it and may hold another.
pub(crate) fn of_nextest(output: &str) -> Option<Summary> {
    plain(output).lines().rev().find_map(|line| {
        let line = line.trim();
        let (_, results) = line.strip_prefix("Summary [")?.split_once(" run: ")?;
        Some(Summary { line: line.to_owned(), tally: nextest_tally(results)? })
    })
}

/// Reads `14 passed (1 slow), 1 failed, 1 timed out, 2 skipped`.
fn nextest_tally(results: &str) -> Option<Tally> {
    let mut tally = Tally::default();
    for result in without_parentheses(results).split(',') {
        let (count, outcome) = result.trim().split_once(' ')?;
        let count: u64 = count.parse().ok()?;
        match outcome.trim() {
            "passed" => tally.passed += count,
            "skipped" => tally.skipped += count,
            // "failed", "exec failed", "timed out", and whatever nextest will tell apart one day.
            _ => tally.failed += count,
        }
    }
    Some(tally)
}

/// The sum of the results of a `cargo test`, or `None` when it has none.
///
/// Cargo runs one program after the other, each with a `running N tests` and a `test result:`.
pub(crate) fn of_libtest(output: &str) -> Option<Summary> {
    // A failed test's captured output stands between the two and may hold another result, so the
    // last one of each program counts.
    let mut programs: Vec<Option<LibtestCounts>> = Vec::new();
    for line in plain(output).lines() {
        if is_libtest_start(line) {
            programs.push(None);
        } else if let (Some(program), Some(counts)) = (programs.last_mut(), libtest_counts(line)) {
            *program = Some(counts);
        }
    }

    let mut total: Option<LibtestCounts> = None;
    for counts in programs.into_iter().flatten() {
        *total.get_or_insert_default() += counts;
    }
    total.map(|total| Summary { line: total.to_string(), tally: total.tally() })
}

#[derive(Clone, Copy, Debug, Default)]
struct LibtestCounts {
    passed: u64,
    failed: u64,
    ignored: u64,
    measured: u64,
    filtered_out: u64,
}

impl LibtestCounts {
    fn tally(&self) -> Tally {
        Tally {
            passed: self.passed + self.measured,
            failed: self.failed,
            skipped: self.ignored + self.filtered_out,
        }
    }
}

impl AddAssign for LibtestCounts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.measured += other.measured;
        self.filtered_out += other.filtered_out;
    }
}

impl fmt::Display for LibtestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.failed == 0 { "ok" } else { "FAILED" };
        write!(
            f,
            "test result: {verdict}. {} passed; {} failed; {} ignored; {} measured; {} filtered out",
            self.passed, self.failed, self.ignored, self.measured, self.filtered_out
        )
    }
}

/// Recognises `running 3 tests`.
fn is_libtest_start(line: &str) -> bool {
    let count = line
        .strip_prefix("running ")
        .and_then(|rest| rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test")));
    count.is_some_and(|count| count.parse::<u64>().is_ok())
}

/// Reads `test result: ok. 1 passed; 0 failed; ...; finished in 0.00s`.
fn libtest_counts(line: &str) -> Option<LibtestCounts> {
    let (_, results) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = LibtestCounts::default();
    for result in results.split("; ") {
        let (count, outcome) = result.split_once(' ')?;
        let slot = match outcome {
            "passed" => &mut counts.passed,
            "failed" => &mut counts.failed,
            "ignored" => &mut counts.ignored,
            "measured" => &mut counts.measured,
            "filtered out" => &mut counts.filtered_out,
            // "finished in 0.00s"
            _ => continue,
        };
        *slot = count.parse().ok()?;
    }
    Some(counts)
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|character| match character {
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

/// The text without terminal control: colours (`ESC [ ... m`), and the character set selection
/// (`ESC ( B`, on some terminals a lone shift-in) with which libtest resets them.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape_sequence(&mut characters),
            '\n' | '\t' => plain.push(character),
            _ if character.is_control() => {}
            _ => plain.push(character),
        }
    }
    plain
}

fn skip_escape_sequence(characters: &mut impl Iterator<Item = char>) {
    match characters.next() {
        // A control sequence ends with its first character from '@' to '~' (ECMA-48, 5.4).
        Some('[') => {
            characters.find(|character| matches!(character, '@'..='~'));
        }
        // An escape sequence has intermediate characters and one final one (ECMA-35, 13.2).
        Some(' '..='/') => {
            characters.find(|character| !matches!(character, ' '..='/'));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
