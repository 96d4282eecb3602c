//! The counts that were accepted last, in a file that is checked in.

use std::{collections::BTreeMap, env, error::Error, fmt, fs, process::Command};

use serde::Deserialize;

use super::{comparison::Counted, valgrind};
use crate::{fuzz, process};

/// Where they are, from the workspace's root.
pub(crate) const FILE: &str = "benches/instructions/accepted.toml";

/// Counts, and what they were counted with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accepted {
    pub(crate) machine: Machine,
    /// By path.
    pub(crate) instructions: BTreeMap<String, u64>,
}

/// What counts depend on besides the code. Where it differs, they say nothing about each other.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Machine {
    /// The compiler, as it calls itself.
    pub(crate) rustc: String,
    /// What it compiles for.
    pub(crate) target: String,
    /// The C library, in which memory is allocated and copied.
    pub(crate) libc: String,
    /// What counts, and says to programs what the processor can.
    pub(crate) valgrind: String,
    /// The widest instructions that valgrind knows and this processor has: libraries choose by them.
    pub(crate) vectors: String,
}

impl Machine {
    /// This one.
    ///
    /// # Errors
    ///
    /// When the compiler does not say what it is.
    pub(crate) fn this() -> Result<Self, Box<dyn Error>> {
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.arg("--version").current_dir(process::root());
        let mut libc = Command::new("getconf");
        libc.arg("GNU_LIBC_VERSION");
        let libc = process::output_quietly(libc).unwrap_or_default();
        Ok(Self {
            rustc: process::output(rustc)?.trim().to_owned(),
            target: fuzz::platform()?,
            libc: if libc.is_empty() { "another".to_owned() } else { libc.trim().to_owned() },
            valgrind: valgrind::version().unwrap_or_default(),
            vectors: vectors().to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rustc, target, libc, valgrind, vectors } = self;
        write!(f, "{rustc} for {target} with {libc}, {valgrind} and {vectors} vectors")
    }
}

#[cfg(target_arch = "x86_64")]
fn vectors() -> &'static str {
    if std::is_x86_feature_detected!("avx2") { "avx2" } else { "narrower" }
}

#[cfg(not(target_arch = "x86_64"))]
fn vectors() -> &'static str {
    "the usual"
}

impl Accepted {
    pub(crate) fn of(machine: Machine, counted: &[Counted]) -> Self {
        let one = |counted: &Counted| (counted.path.clone(), counted.instructions);
        Self { machine, instructions: counted.iter().map(one).collect() }
    }

    /// # Errors
    ///
    /// When the file is missing or not as [`write`](Self::write) writes it.
    pub(crate) fn read() -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(process::root().join(FILE))
            .map_err(|error| format!("{FILE} cannot be read: {error}"))?;
        toml::from_str(&text).map_err(|error| format!("{FILE}: {error}").into())
    }

    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn write(&self) -> Result<(), process::Error> {
        process::write(&process::root().join(FILE), &self.to_toml())
    }

    pub(super) fn to_toml(&self) -> String {
        let Machine { rustc, target, libc, valgrind, vectors } = &self.machine;
        let mut text = format!(
            "# What each hot path takes, as `cargo xtask instructions --accept` wrote it.\n\n\
             [machine]\nrustc = \"{rustc}\"\ntarget = \"{target}\"\nlibc = \"{libc}\"\n\
             valgrind = \"{valgrind}\"\nvectors = \"{vectors}\"\n\n\
             [instructions]\n"
        );
        for (path, instructions) in &self.instructions {
            text += &format!("{path} = {instructions}\n");
        }
        text
    }
}
