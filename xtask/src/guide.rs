//! `cargo xtask guide`: renders the guide with mdBook, which is installed on first use.

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
};

use crate::process;

/// The release of mdBook that renders the guide.
const VERSION: &str = "0.5.4";

/// Renders the guide below the target folder; `open` shows it in a browser.
///
/// # Errors
///
/// When mdBook cannot be installed or started.
pub(crate) fn run(open: bool) -> Result<ExitCode, process::Error> {
    if !tool().is_file() {
        process::run(install())?;
    }
    let mut build = Command::new(tool());
    build.args(["build", "docs/guide"]).current_dir(process::root());
    if open {
        build.arg("--open");
    }
    let (status, output) = process::tee(build)?;
    // It goes on over what it cannot include.
    if !status.success() || output.contains("WARN") || output.contains("ERROR") {
        eprintln!("error: the guide was not rendered without complaints");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// From its sources, as nobody else publishes it for all machines; without its server and its
/// search, and without optimisation, which takes half a minute on two cores.
fn install() -> Command {
    let mut install = process::cargo(["install", "mdbook", "--version", VERSION, "--locked"]);
    install.args(["--no-default-features", "--debug", "--root"]).arg(home());
    install.env("CARGO_PROFILE_DEV_DEBUG", "false");
    install
}

fn tool() -> PathBuf {
    home().join("bin").join(format!("mdbook{}", env::consts::EXE_SUFFIX))
}

/// A folder for each release, so that another one is installed when it changes.
fn home() -> PathBuf {
    process::root().join("target/tools").join(format!("mdbook-{VERSION}"))
}
