//! `cargo xtask fuzz`: the fuzz targets in `fuzz/`, on the stable toolchain.
//!
//! cargo-fuzz asks for a nightly one for the sanitizers. Without them a fuzz target is an ordinary
//! program that is compiled with coverage counters, and for those a stable compiler is enough; libFuzzer
//! itself is compiled by the build script of `libfuzzer-sys`.

use std::{ffi::OsString, fs, io, path::Path, path::PathBuf, process::Command};

use crate::process;

/// What makes the compiler put in the counters and the traces of comparisons that libFuzzer steers by:
/// the flags of cargo-fuzz without a sanitizer.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
     -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

pub(crate) const TARGET_DIRECTORY: &str = "target/fuzz";

/// Runs a target, or each of them, for so many seconds, beginning with its seeds and what earlier runs
/// have found. `arguments` go to libFuzzer.
///
/// # Errors
///
/// When the targets do not build, there is no such target, or one has failed: libFuzzer has then said
/// what on, and kept the input.
pub(crate) fn run(
    only: Option<&str>,
    seconds: u64,
    arguments: &[OsString],
) -> Result<(), Box<dyn std::error::Error>> {
    let targets: Vec<String> =
        targets()?.into_iter().filter(|target| only.is_none_or(|only| only == target)).collect();
    if targets.is_empty() {
        return Err(format!("there is no fuzz target {}", only.unwrap_or("at all")).into());
    }
    // Named, so that build scripts and procedural macros are compiled without the flags.
    let platform = platform()?;
    process::run(build(&platform))?;
    for target in &targets {
        println!("==> {target}");
        process::run(fuzzer(target, &platform, seconds, arguments)?)?;
    }
    Ok(())
}

/// The names of all targets, which are those of their files.
fn targets() -> io::Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(process::root().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        targets.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    targets.sort();
    Ok(targets)
}

/// What this compiler compiles for.
pub(crate) fn platform() -> io::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "host-tuple"]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn build(platform: &str) -> Command {
    let mut build = process::cargo(["build", "--manifest-path", "fuzz/Cargo.toml", "--target"]);
    build.args([platform, "--target-dir", TARGET_DIRECTORY]);
    build.env("RUSTFLAGS", FLAGS);
    build
}

fn fuzzer(
    target: &str,
    platform: &str,
    seconds: u64,
    arguments: &[OsString],
) -> io::Result<Command> {
    let root = process::root();
    let (corpus, artifacts) =
        (format!("fuzz/corpus/{target}"), format!("fuzz/artifacts/{target}/"));
    for directory in [&corpus, &artifacts] {
        fs::create_dir_all(root.join(directory))?;
    }
    let program: PathBuf = [TARGET_DIRECTORY, platform, "debug", target].iter().collect();
    let mut fuzzer = Command::new(root.join(program));
    fuzzer
        .current_dir(root)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={artifacts}"))
        // Longer inputs find nothing that shorter ones do not, only more slowly.
        .arg("-max_len=4096")
        .args(["-rss_limit_mb=1024", "-timeout=10", "-verbosity=0", "-print_funcs=0"])
        .args(arguments);
    // An input to be tried again is an argument that is a file: then there is no corpus.
    if !arguments.iter().any(|argument| root.join(Path::new(argument)).is_file()) {
        fuzzer.args([corpus, format!("fuzz/seeds/{target}")]);
    }
    Ok(fuzzer)
}
