//! Whether the lock files of the programs are those of their manifests, which is seen without a registry.
//!
//! Cargo itself sees it only when it resolves, for which it wants the index of the registry, or all of the packages. But
//! a lock file becomes wrong only when it is changed by hand, or a package of this repository declares something else. What they have declared is
//! in [`FILE`] since the lock files were written, beside what is locked for them and the checksums of the lock files.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::{self, Write as _},
    fs,
    io::ErrorKind,
    process::Command,
};

use serde::Deserialize;

use crate::process;

/// What the lock files were written for, from the workspace's root.
pub(crate) const FILE: &str = "benches/peers/lock-files.txt";

/// Checks that nothing else is declared, or locked, than when the lock files were written.
///
/// # Errors
///
/// The first difference.
pub(crate) fn check(manifests: &[&str]) -> Result<(), Box<dyn Error>> {
    let written = match fs::read_to_string(process::root().join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read?,
    };
    compare(&written, &listing(manifests)?)
}

/// Brings the lock files up to date, and writes down what for.
///
/// # Errors
///
/// When cargo fails.
pub(crate) fn write(manifests: &[&str]) -> Result<(), Box<dyn Error>> {
    for manifest in manifests {
        process::run(process::cargo(["update", "--workspace", "--manifest-path", manifest]))?;
    }
    Ok(process::write(&process::root().join(FILE), &listing(manifests)?)?)
}

fn compare(written: &str, now: &str) -> Result<(), Box<dyn Error>> {
    if written == now {
        return Ok(());
    }
    let line = written.lines().zip(now.lines()).take_while(|(was, is)| was == is).count();
    let [was, is] = [written, now].map(|text| text.lines().nth(line).unwrap_or("nothing").trim());
    Err(format!(
        "the lock files below benches/peers were written for something else ({FILE}, line {}):\n  \
         there: {was}\n  now:   {is}\n`cargo xtask bench-peers --lock` writes them again",
        line + 1
    )
    .into())
}

/// What the packages of this repository declare that are in each lock file, and what is locked for them.
fn listing(manifests: &[&str]) -> Result<String, Box<dyn Error>> {
    let ours = declared("Cargo.toml")?;
    let mut text = "# What the lock files below benches/peers were written for. `cargo xtask bench-peers --lock` writes this and them.\n"
        .to_owned();
    for manifest in manifests {
        let lock_file = process::root().join(manifest).with_extension("lock");
        let lock_file = fs::read_to_string(lock_file)?;
        let locked: LockFile = toml::from_str(&lock_file)?;
        write!(text, "\n{manifest}\n  lock file {}\n", checksum(&lock_file))?;
        text += &workspace(&declared(manifest)?, &ours, &locked.package);
    }
    Ok(text)
}

/// Of all of it: what a merge has mangled has another one, whosever package it is.
fn checksum(lock_file: &str) -> String {
    // On all systems as where lines end in one byte.
    format!("crc32:{:08x}", crc32fast::hash(lock_file.replace('\r', "").as_bytes()))
}

/// The part of a workspace: its members, and which of ours they come to.
fn workspace(members: &Packages, ours: &Packages, locked: &[Locked]) -> String {
    let mut text = String::new();
    let of_ours = locked
        .iter()
        .filter(|package| package.source.is_none() && !members.contains_key(&package.name))
        .filter_map(|package| ours.get(&package.name));
    for (package, is_member) in
        members.values().map(|it| (it, true)).chain(of_ours.map(|it| (it, false)))
    {
        let _ = writeln!(text, "  {} {}", package.name, package.version);
        for (feature, enables) in &package.features {
            let _ = writeln!(text, "    feature {feature} = {}", enables.join(" "));
        }
        // What others need for their own tests is not locked.
        for one in
            package.dependencies.iter().filter(|it| is_member || it.kind.as_deref() != Some("dev"))
        {
            let _ = writeln!(text, "    {one}");
        }
        let found = locked.iter().find(|it| it.source.is_none() && it.name == package.name);
        let found = found.map_or("nothing".to_owned(), Locked::to_string);
        let _ = writeln!(text, "    locked {found}");
    }
    text
}

type Packages = BTreeMap<String, Package>;

/// The packages of a workspace, as cargo reads their manifests; it resolves nothing.
fn declared(manifest: &str) -> Result<Packages, Box<dyn Error>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let metadata: Metadata = serde_json::from_str(&process::output(metadata(manifest))?)?;
    let by_name = |package: Package| (package.name.clone(), package);
    Ok(metadata.packages.into_iter().map(by_name).collect())
}

fn metadata(manifest: &str) -> Command {
    process::cargo([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
        "--manifest-path",
        manifest,
    ])
}

#[derive(Debug, Clone, Deserialize)]
struct Package {
    name: String,
    version: String,
    features: BTreeMap<String, Vec<String>>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone, Deserialize)]
struct Dependency {
    name: String,
    req: String,
    /// `None` for those that a library needs.
    kind: Option<String>,
    optional: bool,
    uses_default_features: bool,
    features: Vec<String>,
    target: Option<String>,
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_deref().unwrap_or("needs");
        write!(f, "{kind} {} {}", self.name, self.req)?;
        if let Some(target) = &self.target {
            write!(f, " on {target}")?;
        }
        if self.optional {
            f.write_str(" optionally")?;
        }
        if !self.uses_default_features {
            f.write_str(" without defaults")?;
        }
        if !self.features.is_empty() {
            write!(f, " with {}", self.features.join(" "))?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct LockFile {
    package: Vec<Locked>,
}

#[derive(Debug, Clone, Deserialize)]
struct Locked {
    name: String,
    version: String,
    /// `None` for packages of this repository.
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A version is there when a package is locked in two, and becomes another one with each update.
        let names = self.dependencies.iter().filter_map(|it| it.split(' ').next());
        write!(f, "{}: {}", self.version, names.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests;
