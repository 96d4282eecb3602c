//! Contenders measured beside each other.
//!
//! A benchmark that measures one contender after the other compares, on a machine that others use, too, how
//! busy the machine was. Here each round runs every contender once, in an order that turns from round to
//! round, and a ratio is taken within a round; the table has medians over the rounds.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

mod table;

pub use table::{table, thousands};

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

/// Why a contender has no time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    /// It has no way to do the work.
    Cannot(String),
    /// It should have done the work, and did not: the table is not worth much.
    Failed(String),
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cannot(reason) => write!(f, "cannot: {reason}"),
            Self::Failed(reason) => write!(f, "FAILED: {reason}"),
        }
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
    run: Run<'a>,
}

enum Run<'a> {
    Work(Box<dyn FnMut() -> Result<Timed, Absent> + 'a>),
    /// So much of what another one does in its time.
    PartOf(Floor, f64),
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
    pub fn floor(&mut self, name: impl Into<String>, mut run: impl FnMut() -> Timed + 'a) -> Floor {
        self.push(name, None, Run::Work(Box::new(move || Ok(run()))))
    }

    /// Adds a contender that is compared with a floor.
    pub fn row(
        &mut self,
        name: impl Into<String>,
        with: Floor,
        mut run: impl FnMut() -> Timed + 'a,
    ) {
        let compared = Some(Compared { with, target: None });
        self.push(name, compared, Run::Work(Box::new(move || Ok(run()))));
    }

    /// Adds a contender that may be absent. One that is compared with none is a floor for others.
    pub fn guest(
        &mut self,
        name: impl Into<String>,
        with: Option<Floor>,
        run: impl FnMut() -> Result<Timed, Absent> + 'a,
    ) -> Floor {
        let compared = with.map(|with| Compared { with, target: None });
        self.push(name, compared, Run::Work(Box::new(run)))
    }

    /// Adds a contender whose ratio to the floor is to be at least `target`. Others may be compared with it.
    pub fn aimed(
        &mut self,
        name: impl Into<String>,
        with: Floor,
        target: f64,
        mut run: impl FnMut() -> Timed + 'a,
    ) -> Floor {
        let compared = Some(Compared { with, target: Some(target) });
        self.push(name, compared, Run::Work(Box::new(move || Ok(run()))))
    }

    /// Adds a row for a part of what another contender does in its time, as that of one core of several. It is
    /// not measured again.
    pub fn part(
        &mut self,
        name: impl Into<String>,
        of: Floor,
        part: f64,
        with: Floor,
        target: f64,
    ) {
        self.push(name, Some(Compared { with, target: Some(target) }), Run::PartOf(of, part));
    }

    fn push(&mut self, name: impl Into<String>, compared: Option<Compared>, run: Run<'a>) -> Floor {
        self.contenders.push(Contender { name: name.into(), compared, run });
        Floor(self.contenders.len() - 1)
    }

    /// Runs all contenders, each once before it counts. One that is absent once is not asked again.
    pub fn run(mut self, rounds: Rounds) -> Results {
        eprintln!("{} …", self.title);
        let count = self.contenders.len();
        let mut times: Vec<Result<Vec<f64>, Absent>> = Vec::with_capacity(count);
        for contender in &mut self.contenders {
            let first = contender.for_a_round(Duration::ZERO);
            times.push(first.map(|_| Vec::with_capacity(rounds.rounds)));
        }
        for round in 0..rounds.rounds {
            for turn in 0..count {
                let index = (round + turn) % count;
                let Ok(so_far) = &mut times[index] else { continue };
                match self.contenders[index].for_a_round(rounds.at_least) {
                    Ok(timed) => so_far.extend(timed.map(Timed::seconds_per_item)),
                    Err(absent) => times[index] = Err(absent),
                }
            }
        }
        for (index, contender) in self.contenders.iter().enumerate() {
            if let Run::PartOf(Floor(whole), part) = contender.run {
                let whole = times[whole].clone();
                times[index] = whole.map(|times| times.iter().map(|time| time / part).collect());
            }
        }
        let rows = self.contenders.iter().enumerate().map(|(index, contender)| Row {
            name: contender.name.clone(),
            per_second: times[index].clone().map(|times| 1.0 / median(times)),
            compared: contender.compared.map(|compared| {
                let ratios = match (&times[compared.with.0], &times[index]) {
                    (Ok(floor), Ok(own)) => floor.iter().zip(own).map(|(a, b)| a / b).collect(),
                    _ => Vec::new(),
                };
                Ratio {
                    with: compared.with,
                    ratio: (!ratios.is_empty()).then(|| Spread::of(ratios)),
                    target: compared.target,
                }
            }),
        });
        Results { title: self.title, rows: rows.collect(), limited: Vec::new() }
    }
}

impl Contender<'_> {
    /// `None` if it does nothing of its own.
    fn for_a_round(&mut self, at_least: Duration) -> Result<Option<Timed>, Absent> {
        let Run::Work(run) = &mut self.run else { return Ok(None) };
        let mut all = run()?;
        while all.took < at_least {
            let more = run()?;
            all.items += more.items;
            all.took += more.took;
        }
        Ok(Some(all))
    }
}

/// What came out of a race.
#[derive(Debug)]
pub struct Results {
    title: String,
    rows: Vec<Row>,
    limited: Vec<Limited>,
}

/// Something that is to be at most so much, whatever others take.
#[derive(Debug)]
struct Limited {
    name: String,
    mib: f64,
    limit: f64,
}

impl Results {
    /// Adds a row for memory, in MiB, that is to be at most so much.
    #[must_use]
    pub fn with_memory(mut self, name: impl Into<String>, mib: f64, limit: f64) -> Self {
        self.limited.push(Limited { name: name.into(), mib, limit });
        self
    }

    fn has_compared_with(&self, index: usize) -> bool {
        let compared = self.rows.iter().filter_map(|row| row.compared.as_ref());
        let mut floors = compared.map(|compared| compared.with.0);
        floors.any(|floor| floor == index)
    }

    /// Contenders that did not do what they should have done, and what went wrong.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        self.rows.iter().filter_map(|row| match &row.per_second {
            Err(Absent::Failed(reason)) => Some(format!("{}: {reason}", row.name)),
            _ => None,
        })
    }
}

#[derive(Debug)]
struct Row {
    name: String,
    per_second: Result<f64, Absent>,
    compared: Option<Ratio>,
}

#[derive(Debug)]
struct Ratio {
    with: Floor,
    /// `None` when one of the two is absent.
    ratio: Option<Spread>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn times<const N: usize>(seconds: [u64; N]) -> impl FnMut() -> Timed {
        let mut seconds = seconds.into_iter();
        move || Timed { items: 1, took: Duration::from_secs(seconds.next().unwrap_or(1)) }
    }

    #[test]
    fn a_ratio_is_to_the_floor_of_its_own_round() {
        // The first run does not count. The medians of the two are 2 and 20 seconds.
        let mut race = Race::new("a busy machine");
        let floor = race.floor("floor", times([9, 1, 2, 10]));
        race.aimed("twice the time, but once", floor, 0.6, times([9, 2, 40, 20]));
        let results = race.run(Rounds { rounds: 3, at_least: Duration::ZERO });
        let text = table(&[results]).to_string();
        assert!(text.contains("0.50") && !text.contains("0.10"), "{text}");
        assert!(text.contains("≥ 0.60 (missed)"), "{text}");
    }

    #[test]
    fn a_part_of_another_takes_no_time_of_its_own() {
        let mut race = Race::new("two cores");
        let floor = race.floor("floor", times([9, 2, 2, 2]));
        let both = race.aimed("both cores", floor, 1.5, times([9, 1, 1, 1]));
        race.part("one of them", both, 0.5, floor, 1.5);
        race.row("compared with both", both, times([9, 4, 4, 4]));
        let results = race.run(Rounds { rounds: 3, at_least: Duration::ZERO });
        let results = results.with_memory("most memory", 70.5, 64.0);
        let text = table(&[results]).to_string();
        assert_eq!(text.matches("2.00–2.00").count(), 1, "{text}");
        assert_eq!(text.matches("1.00–1.00").count(), 1, "{text}");
        assert_eq!(text.matches("≥ 1.50 (missed)").count(), 1, "{text}");
        assert!(text.contains("B (to A)"), "{text}");
        assert!(text.contains("70.5 MiB") && text.contains("≤ 64 MiB (missed)"), "{text}");
    }

    #[test]
    fn who_is_absent_once_has_a_reason_in_the_place_of_a_ratio() {
        let mut race = Race::new("a guest that breaks down");
        let floor = race.floor("floor", times([]));
        race.guest("unable", Some(floor), || Err(Absent::Cannot("it has no streams".to_owned())));
        let mut left = 2;
        race.guest("broken", Some(floor), || {
            left -= 1;
            assert!(left >= -1, "it is asked again");
            if left < 0 { Err(Absent::Failed("it has ended".to_owned())) } else { Ok(times([])()) }
        });
        race.row("sound", floor, times([2, 2, 2, 2, 2]));
        let results = race.run(Rounds { rounds: 4, at_least: Duration::ZERO });
        assert_eq!(results.failures().collect::<Vec<_>>(), ["broken: it has ended"]);
        let text = table(&[results]).to_string();
        assert!(text.contains("unable; cannot: it has no streams"), "{text}");
        assert!(text.contains("broken; FAILED: it has ended"), "{text}");
        assert_eq!(text.matches("0.50").count(), 3, "one row and its quartiles: {text}");
    }
}
