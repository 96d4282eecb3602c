//! Contenders measured beside each other.
//!
//! A benchmark that measures one contender after the other compares, on a machine that others use, too, how
//! busy the machine was. Here each round runs every contender once, in an order that turns from round to
//! round, and a ratio is taken within a round; the table has medians over the rounds.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use comfy_table::{Cell, CellAlignment, Table, presets};

/// How often, and for how long each time.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    /// How many there are.
    pub rounds: usize,
    /// For how long each contender works in a round, at least; at least once in any case.
    pub at_least: Duration,
}

/// Work and how long it took.
#[derive(Debug, Clone, Copy)]
pub struct Timed {
    /// How many events or commands.
    pub items: u64,
    /// In this time.
    pub took: Duration,
}

impl Timed {
    /// Measures `work` on so many items. What it gives is not dropped within the time.
    pub fn of<T>(items: usize, work: impl FnOnce() -> T) -> Self {
        let began = Instant::now();
        let result = black_box(work());
        let took = began.elapsed();
        drop(result);
        Self { items: items as u64, took }
    }

    fn seconds_per_item(self) -> f64 {
        self.took.as_secs_f64() / self.items as f64
    }
}

/// What others are compared with: the index of a contender.
#[derive(Debug, Clone, Copy)]
pub struct Floor(usize);

/// Contenders that do the same work.
pub struct Race<'a> {
    title: String,
    contenders: Vec<Contender<'a>>,
}

struct Contender<'a> {
    name: String,
    /// `None` for a floor.
    compared: Option<Compared>,
    run: Box<dyn FnMut() -> Timed + 'a>,
}

#[derive(Clone, Copy)]
struct Compared {
    with: Floor,
    target: Option<f64>,
}

impl fmt::Debug for Race<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.contenders.iter().map(|contender| &contender.name);
        f.debug_struct("Race")
            .field("title", &self.title)
            .field("contenders", &names.collect::<Vec<_>>())
            .finish()
    }
}

impl<'a> Race<'a> {
    /// A race without contenders.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), contenders: Vec::new() }
    }

    /// Adds what has to be done at least.
    pub fn floor(&mut self, name: impl Into<String>, run: impl FnMut() -> Timed + 'a) -> Floor {
        self.contenders.push(Contender { name: name.into(), compared: None, run: Box::new(run) });
        Floor(self.contenders.len() - 1)
    }

    /// Adds a contender that is compared with a floor.
    pub fn row(&mut self, name: impl Into<String>, with: Floor, run: impl FnMut() -> Timed + 'a) {
        self.push(name, Compared { with, target: None }, run);
    }

    /// Adds a contender whose ratio to the floor is to be at least `target`.
    pub fn aimed(
        &mut self,
        name: impl Into<String>,
        with: Floor,
        target: f64,
        run: impl FnMut() -> Timed + 'a,
    ) {
        self.push(name, Compared { with, target: Some(target) }, run);
    }

    fn push(
        &mut self,
        name: impl Into<String>,
        compared: Compared,
        run: impl FnMut() -> Timed + 'a,
    ) {
        let (name, compared, run) = (name.into(), Some(compared), Box::new(run));
        self.contenders.push(Contender { name, compared, run });
    }

    /// Runs all contenders, each once before it counts.
    pub fn run(mut self, rounds: Rounds) -> Results {
        eprintln!("{} …", self.title);
        for contender in &mut self.contenders {
            (contender.run)();
        }
        let count = self.contenders.len();
        let mut times = vec![Vec::with_capacity(rounds.rounds); count];
        for round in 0..rounds.rounds {
            for turn in 0..count {
                let index = (round + turn) % count;
                let timed = self.contenders[index].for_a_round(rounds.at_least);
                times[index].push(timed.seconds_per_item());
            }
        }
        let rows = self.contenders.iter().enumerate().map(|(index, contender)| Row {
            name: contender.name.clone(),
            per_second: 1.0 / median(times[index].clone()),
            compared: contender.compared.map(|compared| {
                let floor = &times[compared.with.0];
                let ratios = floor.iter().zip(&times[index]).map(|(floor, time)| floor / time);
                Ratio {
                    with: compared.with,
                    ratio: Spread::of(ratios.collect()),
                    target: compared.target,
                }
            }),
        });
        Results { title: self.title, rows: rows.collect() }
    }
}

impl Contender<'_> {
    fn for_a_round(&mut self, at_least: Duration) -> Timed {
        let mut all = (self.run)();
        while all.took < at_least {
            let more = (self.run)();
            all.items += more.items;
            all.took += more.took;
        }
        all
    }
}

/// What came out of a race.
#[derive(Debug)]
pub struct Results {
    title: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    per_second: f64,
    compared: Option<Ratio>,
}

#[derive(Debug)]
struct Ratio {
    with: Floor,
    ratio: Spread,
    target: Option<f64>,
}

/// The median and the quartiles.
#[derive(Debug, Clone, Copy)]
struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| values[(values.len() - 1) * quarter / 4];
        Self { low: at(1), median: median(values.clone()), high: at(3) }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

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
                Some(Ratio { with, ratio, target }) => (
                    letter(*with),
                    format!("{:.2}", ratio.median),
                    format!("{:.2}–{:.2}", ratio.low, ratio.high),
                    target.map_or_else(String::new, |target| reached(ratio.median, target)),
                ),
            };
            table.add_row([
                Cell::new(&row.name),
                Cell::new(floor),
                right(thousands(row.per_second)),
                right(ratio),
                right(quartiles),
                right(target),
            ]);
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

/// A whole number with a comma before each three digits.
fn thousands(number: f64) -> String {
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
    fn a_ratio_is_to_the_floor_of_its_own_round() {
        // The first run does not count. The medians of the two are 2 and 20 seconds.
        let times = |seconds: [u64; 4]| {
            let mut seconds = seconds.into_iter();
            move || Timed { items: 1, took: Duration::from_secs(seconds.next().unwrap_or(1)) }
        };
        let mut race = Race::new("a busy machine");
        let floor = race.floor("floor", times([9, 1, 2, 10]));
        race.aimed("twice the time, but once", floor, 0.6, times([9, 2, 40, 20]));
        let results = race.run(Rounds { rounds: 3, at_least: Duration::ZERO });
        let text = table(&[results]).to_string();
        assert!(text.contains("0.50") && !text.contains("0.10"), "{text}");
        assert!(text.contains("≥ 0.60 (missed)"), "{text}");
    }

    #[test]
    fn numbers_are_cut_in_thousands() {
        assert_eq!(thousands(12.0), "12");
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(123_456.0), "123,456");
    }
}
