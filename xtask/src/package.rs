//! `cargo xtask package`: the program of an example's functions as AWS Lambda takes it, a file `bootstrap`
//! in the folder that the template names.

use std::{env, error::Error, ffi::OsString, fs, path::Path, path::PathBuf, process::Command};

use clap::ValueEnum;

use crate::{
    examples::{Example, Program},
    process,
    tools::{CARGO_LAMBDA, python},
};

/// The profile of what is deployed to AWS.
pub(crate) const PROFILE: &str = "lambda";

/// The processors that functions run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    /// AWS Graviton, which costs less
    Arm64,
    /// Intel and AMD
    #[value(name = "x86_64")]
    X86_64,
}

impl Architecture {
    /// As templates call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }

    /// That of this machine.
    pub(crate) fn here() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X86_64 }
    }
}

/// Compiles the functions of an example for AWS, and returns where the bootstrap is.
///
/// # Errors
///
/// When there are none, the tools cannot be had, or they do not compile.
pub(crate) fn for_lambda(
    example: &Example,
    architecture: Architecture,
    profile: &str,
) -> Result<PathBuf, Box<dyn Error>> {
    let program = example.functions()?;
    check_target(architecture)?;
    let home = CARGO_LAMBDA.home()?;
    // Beside the folders of the examples, as it names its folder after the program.
    let built = folder().join("built").join(architecture.name());
    let build = cargo_lambda(&home, &program, architecture, profile, &built)?;
    eprintln!("==> {}", process::shown_arguments(&build));
    process::run(build)?;
    let bootstrap = put(example, &built.join(&program.target).join("bootstrap"))?;
    tell(&bootstrap)?;
    Ok(bootstrap)
}

/// Compiles the functions of an example for this machine, as the tests are compiled: in seconds where
/// the tests have been. Returns where the bootstrap is.
///
/// # Errors
///
/// When there are none, or they do not compile.
pub(crate) fn for_this_machine(example: &Example) -> Result<PathBuf, Box<dyn Error>> {
    let program = example.functions()?;
    eprintln!("==> compiling {} for this machine", program.target);
    let executable = program.build()?;
    let bootstrap = put(example, &executable)?;
    strip(&bootstrap);
    tell(&bootstrap)?;
    Ok(bootstrap)
}

/// Where the folders of code are that templates name, one for each example.
pub(crate) fn folder() -> PathBuf {
    process::root().join("target/lambda")
}

fn cargo_lambda(
    home: &Path,
    program: &Program,
    architecture: Architecture,
    profile: &str,
    built: &Path,
) -> Result<Command, Box<dyn Error>> {
    let mut build = Command::new(python::program(home, "cargo-lambda"));
    build.args(["lambda", "build", "--package", "es-examples", "--features", "lambda"]);
    build.args(["--example", &program.target, "--profile", profile]);
    build.args(["--target", architecture.target(), "--lambda-dir"]).arg(built);
    // It looks there for the Zig that it was installed with.
    build.env("PATH", path_with(&python::programs(home))?).current_dir(process::root());
    Ok(build)
}

fn path_with(first: &Path) -> Result<OsString, env::JoinPathsError> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([first.to_owned()].into_iter().chain(env::split_paths(&path)))
}

/// Without the standard library for the processor, the compiler's message is of no help.
fn check_target(architecture: Architecture) -> Result<(), Box<dyn Error>> {
    let target = architecture.target();
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", target]).current_dir(process::root());
    check_libraries(Path::new(process::output(rustc)?.trim()), target)
}

fn check_libraries(folder: &Path, target: &str) -> Result<(), Box<dyn Error>> {
    match folder.is_dir() {
        true => Ok(()),
        false => Err(format!(
            "the standard library for {target} is missing; `rustup target add {target}` installs it"
        )
        .into()),
    }
}

/// Puts a program where the template looks for it.
fn put(example: &Example, executable: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let folder = folder().join(example.name());
    fs::create_dir_all(&folder)?;
    let bootstrap = folder.join("bootstrap");
    // A copy beside and a new name for it: one who deploys meanwhile has the old or the new one whole.
    let new = folder.with_extension("new");
    fs::copy(executable, &new)?;
    fs::rename(&new, &bootstrap)?;
    Ok(bootstrap)
}

fn tell(bootstrap: &Path) -> Result<(), Box<dyn Error>> {
    let megabytes = fs::metadata(bootstrap)?.len() as f64 / 1e6;
    eprintln!("==> {} ({megabytes:.1} MB)", bootstrap.display());
    Ok(())
}

/// Takes out what only debuggers read, most of the file; where there is no `strip`, it stays.
fn strip(bootstrap: &Path) {
    let mut strip = Command::new("strip");
    strip.arg("--strip-debug").arg(bootstrap);
    process::succeeds_quietly(strip);
}

#[cfg(test)]
mod tests;
