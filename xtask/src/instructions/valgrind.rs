//! Counting with valgrind's callgrind.

use std::{error::Error, fs, path::Path, process::Command};

use crate::process;

/// What to tell who has none.
pub(crate) const MISSING: &str = "valgrind is missing; `apt-get install valgrind` installs it, and so do most systems' package managers";

/// As `valgrind-3.19.0`; `None` where there is none.
pub(crate) fn version() -> Option<String> {
    let mut version = Command::new("valgrind");
    version.arg("--version");
    process::output_quietly(version).map(|printed| printed.trim().to_owned())
}

/// Installs it with apt, as who runs this or with sudo, if that asks for no password. Whether it is there then.
pub(crate) fn install() -> bool {
    const APT: [&[&str]; 2] = [
        &["apt-get", "update", "--quiet"],
        &["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "valgrind"],
    ];
    const AS: [&[&str]; 2] = [&[], &["sudo", "--non-interactive"]];
    eprintln!("==> installing valgrind with apt-get");
    AS.iter().any(|who| {
        for command in APT {
            let mut words = who.iter().chain(command);
            let Some(program) = words.next() else { continue };
            let mut apt = Command::new(program);
            apt.args(words).env("DEBIAN_FRONTEND", "noninteractive");
            // Old lists of packages may still do, and whether it worked is asked of valgrind.
            process::succeeds_quietly(apt);
        }
        version().is_some()
    })
}

/// Runs a program and counts the instructions of all its threads. Where they are is in the file `profile`.
///
/// # Errors
///
/// When it cannot be run, or fails.
pub(crate) fn count(program: &Command, profile: &Path) -> Result<u64, Box<dyn Error>> {
    let log = profile.with_added_extension("log");
    let of = |option: &str, path: &Path| format!("--{option}={}", path.display());
    let mut counted = Command::new("valgrind");
    counted.args(["--tool=callgrind", &of("callgrind-out-file", profile), &of("log-file", &log)]);
    counted.arg(program.get_program()).args(program.get_args());
    process::output(counted)?;
    let printed = fs::read_to_string(&log)?;
    fs::remove_file(&log)?;
    collected(&printed).ok_or_else(|| format!("callgrind says no count: {printed}").into())
}

/// The number in the line `==123== Collected : 4567`.
pub(super) fn collected(printed: &str) -> Option<u64> {
    let line = printed.lines().find_map(|line| line.split_once("Collected : "));
    line?.1.trim().parse().ok()
}
