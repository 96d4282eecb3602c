//! How full the disk is, and what can be taken off it between the steps of `ci`: the machines that build
//! have little.

use std::{fs, io, path::Path, process::Command};

use crate::process;

/// The free space of the disk that the workspace is on, as `12.3 GB`; `None` where there is no `df`.
pub(crate) fn free() -> Option<String> {
    let mut df = Command::new("df");
    df.args(["-Pk", "."]).current_dir(process::root());
    let kilobytes = free_kilobytes(&process::output_quietly(df)?)?;
    Some(format!("{:.1} GB", kilobytes as f64 * 1024.0 / 1e9))
}

/// In what `df -Pk` prints, the fourth number of the second line.
fn free_kilobytes(printed: &str) -> Option<u64> {
    // Counted from the end: the name of a device may have spaces, that of the root has none.
    let words: Vec<&str> = printed.lines().nth(1)?.split_whitespace().collect();
    let percent = words.iter().rposition(|word| word.ends_with('%'))?;
    words.get(percent.checked_sub(1)?)?.parse().ok()
}

/// Removes a folder of the workspace, if it is there.
///
/// # Errors
///
/// When it cannot be removed.
pub(crate) fn remove(folder: impl AsRef<Path>) -> io::Result<()> {
    match fs::remove_dir_all(process::root().join(folder)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what cargo keeps of libraries that were checked and not compiled, as for lints and documentation:
/// metadata beside no library. Compiling makes its own.
///
/// # Errors
///
/// When the folder cannot be read, or a file not removed.
pub(crate) fn remove_check_metadata(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_metadata = path.extension().is_some_and(|extension| extension == "rmeta");
        if is_metadata && !path.with_extension("rlib").exists() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Removes the programs of these targets from a folder in which cargo puts programs, each under its name, a
/// dash and a hash.
///
/// # Errors
///
/// When the folder cannot be read, or a program not removed.
pub(crate) fn remove_programs(folder: &Path, targets: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let target = name.rsplit_once('-').map(|(target, _)| target);
        // Beside them are lists of what they depend on, and of their metadata.
        let is_program = path.extension().is_none_or(|extension| extension == "exe");
        if is_program && target.is_some_and(|target| targets.contains(&target)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
