//! `cargo xtask ci`: everything that a change has to pass, cheapest verdict first, tests last.
//!
//! All steps that compile name the whole workspace with all features. Cargo then finds the same
//! set of dependencies in each: lints and documentation share one pass over them, benches and
//! tests the other.
//!
//! What no later step needs is removed when a step is over, as the machines that run this have little disk.

use std::{
    env, io,
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use crate::{disk, fuzz, process, test};

struct Step {
    name: &'static str,
    command: fn() -> Command,
    /// What to do when it fails: a step whose failure says nothing about the later ones does not
    /// keep their verdicts from the reader.
    on_failure: OnFailure,
    /// Removes what no later step needs.
    clean_up: fn() -> io::Result<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OnFailure {
    GoOn,
    Stop,
}

const STEPS: [Step; 13] = [
    Step {
        name: "formatting",
        command: || process::cargo(["fmt", "--all", "--check"]),
        on_failure: OnFailure::GoOn,
        clean_up: nothing,
    },
    Step {
        name: "fuzz formatting",
        command: || process::cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]),
        on_failure: OnFailure::GoOn,
        clean_up: nothing,
    },
    Step {
        name: "costs formatting",
        command: || {
            process::cargo(["fmt", "--manifest-path", "benches/costs/Cargo.toml", "--check"])
        },
        on_failure: OnFailure::GoOn,
        clean_up: nothing,
    },
    // Their programs are not compiled: that takes half an hour.
    Step {
        name: "peers",
        command: || {
            process::cargo(["run", "--quiet", "--package", "xtask", "--", "bench-peers", "--check"])
        },
        on_failure: OnFailure::GoOn,
        clean_up: nothing,
    },
    Step {
        name: "lints",
        command: || {
            process::cargo([
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ])
        },
        on_failure: OnFailure::Stop,
        clean_up: nothing,
    },
    Step {
        name: "documentation",
        command: || {
            let mut doc = process::cargo(["doc", "--workspace", "--all-features", "--no-deps"]);
            doc.env("RUSTDOCFLAGS", "-Dwarnings");
            doc
        },
        on_failure: OnFailure::GoOn,
        clean_up: || disk::remove_check_metadata(&programs()),
    },
    Step {
        name: "benches",
        // With the profile of the tests the dependencies are compiled once for both, and the glob
        // leaves out the libraries' and binaries' unit tests, which are benches too for cargo.
        command: || {
            process::cargo([
                "bench",
                "--workspace",
                "--all-features",
                "--profile",
                "dev",
                "--bench",
                "*",
                "--no-run",
            ])
        },
        on_failure: OnFailure::Stop,
        clean_up: nothing,
    },
    // Of those that need no server: that it comes to its end, and counts right.
    Step {
        name: "benchmark of messages",
        command: || {
            let mut bench = process::cargo(["bench", "--workspace", "--all-features"]);
            bench.args(["--profile", "dev", "--bench", "messages", "--", "--test"]);
            bench
        },
        on_failure: OnFailure::GoOn,
        clean_up: || disk::remove_programs(&programs(), &BENCHES),
    },
    // With an optimised build of es-core and es-sqlite, which nothing else needs.
    Step {
        name: "instructions",
        command: || {
            let mut count = process::cargo(["run", "--quiet", "--package", "xtask", "--"]);
            count.args(["instructions", "--install-valgrind"]);
            count
        },
        on_failure: OnFailure::GoOn,
        clean_up: || disk::remove(target().join("release")),
    },
    Step {
        name: "guide",
        command: || process::cargo(["run", "--quiet", "--package", "xtask", "--", "guide"]),
        on_failure: OnFailure::GoOn,
        clean_up: nothing,
    },
    Step {
        name: "templates",
        command: || {
            process::cargo(["run", "--quiet", "--package", "xtask", "--", "templates", "--check"])
        },
        on_failure: OnFailure::GoOn,
        clean_up: nothing,
    },
    // In a workspace of its own, which nothing else compiles.
    Step {
        name: "costs",
        command: || process::cargo(["run", "--quiet", "--package", "xtask", "--", "costs"]),
        on_failure: OnFailure::GoOn,
        clean_up: || disk::remove("benches/costs/target"),
    },
    // The seeds, and a look at what is near them; longer runs are for those who wait for them.
    Step {
        name: "fuzzing",
        command: || {
            process::cargo(["run", "--quiet", "--package", "xtask", "--", "fuzz", "--seconds", "3"])
        },
        on_failure: OnFailure::GoOn,
        clean_up: || disk::remove(fuzz::TARGET_DIRECTORY),
    },
];

/// The benchmarks, which are not run again. Their programs are among the largest.
const BENCHES: [&str; 6] = ["dynamodb", "instructions", "kinesis", "messages", "peers", "replay"];

fn nothing() -> io::Result<()> {
    Ok(())
}

/// Where cargo puts libraries and programs.
fn programs() -> PathBuf {
    target().join("debug/deps")
}

fn target() -> PathBuf {
    process::root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Runs all steps and ends with the closing lines of the tests.
///
/// # Errors
///
/// The first failure of a step that the later ones depend on.
pub(crate) fn run() -> Result<ExitCode, process::Error> {
    let mut times = Vec::new();
    let mut failed = Vec::new();

    for step in &STEPS {
        let command = (step.command)();
        announce(step.name, &process::shown(&command));
        let (outcome, time) = timed(|| process::run(command));
        times.push((step.name, time));
        clean_up(step);
        match outcome {
            Ok(()) => println!("==> {}: ok after {}", step.name, seconds(time)),
            Err(error) if step.on_failure == OnFailure::GoOn => {
                eprintln!("==> {}: FAILED after {}, going on: {error}", step.name, seconds(time));
                failed.push(step.name);
            }
            Err(error) => {
                failed.push(step.name);
                eprintln!(
                    "==> {}: FAILED after {}, stopping here; failed so far: {}",
                    step.name,
                    seconds(time),
                    failed.join(", ")
                );
                return Err(error);
            }
        }
    }

    announce("tests", "cargo xtask test");
    let (report, time) = timed(|| test::run(&[]));
    let report = report?;
    times.push(("tests", time));
    if let Some(free) = disk::free() {
        println!("==> tests: {free} of the disk are free");
    }
    if !report.succeeded() {
        failed.push("tests");
    }

    println!();
    for (name, time) in times {
        let verdict = if failed.contains(&name) { "FAILED" } else { "ok" };
        println!("{name:<16} {:>8}  {verdict}", seconds(time));
    }
    if !failed.is_empty() {
        eprintln!("error: failed: {}", failed.join(", "));
    }
    let tests = report.conclude();
    Ok(if failed.is_empty() { tests } else { ExitCode::FAILURE })
}

/// Removes what no later step needs, and says how much of the disk is free.
fn clean_up(step: &Step) {
    let before = disk::free();
    if let Err(error) = (step.clean_up)() {
        eprintln!("note: what {} has left cannot be removed: {error}", step.name);
    }
    let Some(free) = disk::free() else { return };
    match before.filter(|before| *before != free) {
        Some(before) => println!("==> {}: {before} of the disk were free, now {free}", step.name),
        None => println!("==> {}: {free} of the disk are free", step.name),
    }
}

fn announce(name: &str, command: &str) {
    println!("\n==> {name}: {command}");
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let outcome = work();
    (outcome, start.elapsed())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
