//! What runs tests: cargo-nextest where it is installed, `cargo test` otherwise.

use std::{ffi::OsStr, process::Command};

use crate::{
    process,
    summary::{self, Summary},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    Nextest,
    Libtest,
}

impl Runner {
    pub(super) fn installed() -> Self {
        match process::succeeds_quietly(process::cargo(["nextest", "--version"])) {
            true => Self::Nextest,
            false => Self::Libtest,
        }
    }

    /// All tests of the chosen targets.
    pub(super) fn command<A: AsRef<OsStr>>(self, targets: impl IntoIterator<Item = A>) -> Command {
        let mut command = match self {
            Self::Nextest => process::cargo(["nextest", "run", "--no-fail-fast"]),
            Self::Libtest => process::cargo(["test", "--no-fail-fast"]),
        };
        command.args(targets);
        command
    }

    /// How to read what it prints at its end.
    pub(super) fn summary(self) -> fn(&str) -> Option<Summary> {
        match self {
            Self::Nextest => summary::of_nextest,
            Self::Libtest => summary::of_libtest,
        }
    }
}
