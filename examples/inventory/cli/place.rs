//! Which data a command is about.

use std::path::PathBuf;

use clap::Args;

use crate::command_line::{AnyError, default_directory};

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Where the database is [default: a fresh directory under the system's temporary directory]
    #[arg(long, alias = "data", global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Place {
    /// Whether the data is where it can be found again.
    pub(super) fn is_named(&self) -> bool {
        self.data_dir.is_some()
    }

    /// Refuses a place that is another one each time.
    pub(super) fn check_named(&self) -> Result<(), AnyError> {
        match self.is_named() {
            true => Ok(()),
            false => Err("--data-dir DIR says whose data this is about".into()),
        }
    }

    /// The data directory.
    pub(super) fn directory(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| default_directory::fresh("inventory"))
    }
}
