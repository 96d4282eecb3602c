//! Programs that come from package registries: each in one version, with all that it needs, installed
//! into a folder of its own below `target/tools` when it is wanted for the first time.

pub(crate) mod python;

use std::{
    error::Error as StdError,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::process;

/// Deploys templates of CloudFormation, and checks them with the cfn-lint that it brings.
pub(crate) static SAM: Tool = python::tool("aws-sam-cli", include_str!("tools/aws-sam-cli.txt"));

/// Looks for what is unsafe in templates.
pub(crate) static CHECKOV: Tool = python::tool("checkov", include_str!("tools/checkov.txt"));

/// Compiles functions for the processors and the C library of AWS Lambda, with the linker of Zig.
pub(crate) static CARGO_LAMBDA: Tool =
    python::tool("cargo-lambda", include_str!("tools/cargo-lambda.txt"));

/// A program that can be had.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// The release, with all that it needs, each in one version.
    pub(crate) release: &'static str,
    /// What must be on the machine to install it and to run it.
    pub(crate) needs: &'static str,
    /// Installs a release into an empty folder.
    pub(crate) install: fn(&Path, &str) -> Result<(), process::Error>,
}

/// A tool cannot be had.
#[derive(Debug)]
pub(crate) struct Error {
    tool: &'static str,
    needs: &'static str,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// What it needs is missing, or its packages cannot be had.
    Install(process::Error),
    /// Its folder cannot be made.
    Io(io::Error),
}

impl Tool {
    /// The folder that it is installed in, which is made now unless this release is there.
    ///
    /// # Errors
    ///
    /// When it cannot be installed.
    pub(crate) fn home(&self) -> Result<PathBuf, Error> {
        let home = process::root().join("target/tools").join(self.name);
        self.install_into(&home)?;
        Ok(home)
    }

    /// Installs the release, unless it is what is there.
    pub(crate) fn install_into(&self, home: &Path) -> Result<(), Error> {
        let stamp = home.join("installed");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == self.release) {
            return Ok(());
        }
        eprintln!("==> installing {} below {}", self.name, home.display());
        if home.exists() {
            fs::remove_dir_all(home).map_err(|error| self.error(Reason::Io(error)))?;
        }
        fs::create_dir_all(home).map_err(|error| self.error(Reason::Io(error)))?;
        (self.install)(home, self.release).map_err(|error| self.error(Reason::Install(error)))?;
        // Last, so that an installation that was cut off is begun again.
        fs::write(&stamp, self.release).map_err(|error| self.error(Reason::Io(error)))
    }

    fn error(&self, reason: Reason) -> Error {
        Error { tool: self.name, needs: self.needs, reason }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be installed; it needs {}", self.tool, self.needs)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.reason {
            Reason::Install(error) => Some(error),
            Reason::Io(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests;
