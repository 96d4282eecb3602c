//! The example systems: which there are, and their programs.

use std::{error::Error, fs, path::PathBuf};

use serde_json::Value;

use crate::process;

/// An example system, by the name of its folder in `examples/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Example(String);

/// The same for all commands, so that one does not compile anew what another has compiled.
pub(crate) const WHOLE_WORKSPACE: [&str; 2] = ["--workspace", "--all-features"];

impl Example {
    /// # Errors
    ///
    /// When there is none of this name; says which there are.
    pub(crate) fn named(name: &str) -> Result<Self, Box<dyn Error>> {
        let all = Self::all()?;
        match all.iter().find(|example| example.0 == name) {
            Some(example) => Ok(example.clone()),
            None => {
                let names: Vec<&str> = all.iter().map(Self::name).collect();
                let names = names.join(", ");
                Err(format!("there is no example `{name}`; there are {names}").into())
            }
        }
    }

    /// All of them: folders with a program.
    pub(crate) fn all() -> Result<Vec<Self>, Box<dyn Error>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(process::root().join("examples"))? {
            let folder = entry?.path();
            if folder.join("main.rs").is_file() {
                all.extend(folder.file_name().map(|name| Self(name.to_string_lossy().into())));
            }
        }
        all.sort();
        Ok(all)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// The program that a person runs.
    pub(crate) fn program(&self) -> Program {
        Program { target: self.0.clone() }
    }

    /// The program of its functions, all in one.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub(crate) fn functions(&self) -> Result<Program, Box<dyn Error>> {
        let Self(name) = self;
        let main = process::root().join("examples").join(name).join("functions/main.rs");
        match main.is_file() {
            true => Ok(Program { target: format!("{name}-functions") }),
            false => Err(format!(
                "the example `{name}` has no functions: there is no examples/{name}/functions/main.rs"
            )
            .into()),
        }
    }

    /// Its template of CloudFormation.
    pub(crate) fn template(&self) -> PathBuf {
        process::root().join("examples").join(&self.0).join("template.json")
    }
}

/// A program of an example.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name of the target.
    pub(crate) target: String,
}

impl Program {
    /// Compiles it as the tests are compiled, and returns where it is.
    ///
    /// # Errors
    ///
    /// When it does not compile.
    pub(crate) fn build(&self) -> Result<PathBuf, Box<dyn Error>> {
        let mut build = process::cargo(["build", "--message-format=json-render-diagnostics"]);
        build.args(WHOLE_WORKSPACE).args(["--example", &self.target]);
        let messages = process::output(build)?;
        executable(&messages, &self.target)
            .ok_or_else(|| format!("cargo does not say where it has put {}", self.target).into())
    }
}

/// Where cargo says that it has put a program.
pub(crate) fn executable(messages: &str, target: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_target = |message: &Value| message["target"]["name"] == *target;
    let mut executables = messages
        .filter(of_target)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    executables.next()
}

#[cfg(test)]
mod tests;
