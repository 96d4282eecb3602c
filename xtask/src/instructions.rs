//! `cargo xtask instructions`: how many instructions the hot paths take, beside the last accepted values.
//!
//! Counts do not depend on what else a machine does, as times do. A program, `benches/instructions`, runs one path
//! a number of times; it runs twice under callgrind, once for no times, and the difference is what the path takes.

mod accepted;
mod comparison;
mod valgrind;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use self::{
    accepted::{Accepted, Machine},
    comparison::{Comparison, Counted},
};
use crate::{examples::executable, process};

/// What is wanted besides a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Write the counts as the accepted ones.
    pub(crate) accept: bool,
    /// Install valgrind when it is missing; where that cannot be done, say so and count nothing.
    pub(crate) install_valgrind: bool,
}

/// Counts and prints a table; fails when a path takes more than accepted, or so much less that it should be accepted.
///
/// # Errors
///
/// When valgrind is missing, the program does not build or does not run, or the accepted values cannot be read.
pub(crate) fn run(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    if valgrind::version().is_none() {
        if !options.install_valgrind {
            return Err(valgrind::MISSING.into());
        }
        if !valgrind::install() {
            println!("note: instructions are not counted: {}", valgrind::MISSING);
            return Ok(ExitCode::SUCCESS);
        }
    }
    let machine = Machine::this()?;
    let counted = count(&build()?)?;
    if options.accept {
        let accepted = Accepted::of(machine, &counted);
        // Beside what was accepted before, if that can be read.
        let before = Accepted::read().unwrap_or_else(|_| accepted.clone());
        print!("{}", Comparison::between(&counted, &before));
        accepted.write()?;
        println!("accepted, in {}", accepted::FILE);
        return Ok(ExitCode::SUCCESS);
    }
    let accepted = Accepted::read()?;
    let comparison = Comparison::between(&counted, &accepted);
    print!("{comparison}");
    Ok(match Verdict::on(&comparison, &accepted, &machine) {
        Verdict::AsAccepted => ExitCode::SUCCESS,
        Verdict::NotCompared(why) => {
            println!("note: the counts are not compared: {why}");
            ExitCode::SUCCESS
        }
        Verdict::Complaints(complaints) => {
            for complaint in complaints {
                eprintln!("error: {complaint}");
            }
            eprintln!("`cargo xtask instructions --accept` accepts what was counted");
            ExitCode::FAILURE
        }
    })
}

/// What a comparison comes to.
#[derive(Debug)]
enum Verdict {
    AsAccepted,
    /// And why not.
    NotCompared(String),
    Complaints(Vec<String>),
}

impl Verdict {
    fn on(comparison: &Comparison<'_>, accepted: &Accepted, machine: &Machine) -> Self {
        if accepted.machine != *machine {
            let accepted = &accepted.machine;
            return Self::NotCompared(format!("{accepted} was accepted, and this is {machine}"));
        }
        match comparison.complaints() {
            none if none.is_empty() => Self::AsAccepted,
            complaints => Self::Complaints(complaints),
        }
    }
}

/// The bench's name.
const PROGRAM: &str = "instructions";

fn build() -> Result<PathBuf, Box<dyn Error>> {
    let mut build = process::cargo(["bench", "--package", "es-benches", "--bench", PROGRAM]);
    build.args(["--no-run", "--message-format=json-render-diagnostics"]);
    let messages = process::output(build)?;
    executable(&messages, PROGRAM)
        .ok_or_else(|| format!("cargo does not say where it has put {PROGRAM}").into())
}

fn count(program: &Path) -> Result<Vec<Counted>, Box<dyn Error>> {
    // Kept, so that `callgrind_annotate` can be asked where the instructions of a path are.
    let folder = process::root().join("target/instructions");
    let files = folder.join("files");
    if files.exists() {
        fs::remove_dir_all(&files)?;
    }
    fs::create_dir_all(&files)?;
    let mut make_files = Command::new(program);
    make_files.arg("--files").arg(&files);
    process::run(make_files)?;
    let mut paths = Command::new(program);
    paths.arg("--paths");
    let mut counted = Vec::new();
    for line in process::output(paths)?.lines() {
        let path = HotPath::listed(line).ok_or_else(|| format!("no path: {line}"))?;
        eprintln!("{} …", path.name);
        let run = |times: u64| {
            let mut run = Command::new(program);
            run.args(["--run", &path.name, &times.to_string()]).arg(&files);
            valgrind::count(&run, &folder.join(format!("{}.{times}-times", path.name)))
        };
        let (prepared, all) = (run(0)?, run(path.times)?);
        let instructions = all.saturating_sub(prepared) / path.times.max(1);
        counted.push(Counted { path: path.name, items: path.items, item: path.item, instructions });
    }
    Ok(counted)
}

/// A line of what the program lists.
#[derive(Debug, PartialEq, Eq)]
struct HotPath {
    name: String,
    items: u64,
    item: String,
    times: u64,
}

impl HotPath {
    /// As `name 1000 event 10`.
    fn listed(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next().map(str::to_owned);
        let (name, items, item, times) = (word()?, word()?, word()?, word()?);
        let (items, times) = (items.parse().ok()?, times.parse().ok()?);
        Some(Self { name, items, item, times })
    }
}

#[cfg(test)]
mod tests;
