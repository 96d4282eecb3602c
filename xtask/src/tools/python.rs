//! Programs from the Python Package Index, each in a virtual environment.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::Tool;
use crate::process;

/// A tool whose release is a file of requirements, with a version of every package.
pub(crate) const fn tool(name: &'static str, requirements: &'static str) -> Tool {
    Tool { name, release: requirements, needs: "Python 3 with venv and pip", install }
}

/// A program of a tool.
pub(crate) fn program(home: &Path, name: &str) -> PathBuf {
    programs(home).join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// The folder with the programs of a tool.
pub(crate) fn programs(home: &Path) -> PathBuf {
    home.join(if cfg!(windows) { "Scripts" } else { "bin" })
}

fn install(home: &Path, requirements: &str) -> Result<(), process::Error> {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let mut venv = Command::new(python);
    venv.args(["-m", "venv"]).arg(home).current_dir(process::root());
    process::run(venv)?;

    let wanted = home.join("requirements.txt");
    process::write(&wanted, requirements)?;
    let mut pip = Command::new(program(home, "python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    // Python compiles what is imported when it is. All at once takes as long as the download, and a third
    // of the disk, for modules of which most are never used.
    pip.args(["--no-compile", "--requirement"]).arg(&wanted).current_dir(process::root());
    process::run(pip)
}
