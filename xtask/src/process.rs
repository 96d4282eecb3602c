//! Starting programs in the workspace's root, with their output on ours.

use std::{
    env,
    error::Error as StdError,
    ffi::{OsStr, OsString},
    fmt, fs,
    io::{self, IsTerminal, Read, Write},
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

/// A program that did not do its work.
#[derive(Debug)]
pub(crate) struct Error {
    command: String,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// It could not be started, or its output could not be passed on.
    Io(io::Error),
    Exit(ExitStatus),
    /// It is a file that a program needs.
    Write(io::Error),
}

/// `cargo` with these arguments, to be run in the workspace's root.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    // Cargo names itself in this variable; the same toolchain then serves the nested call.
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The command as one would type it, with the variables that it sets.
pub(crate) fn shown(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.display(), quoted(value?))));
    variables.chain([shown_arguments(command)]).collect::<Vec<_>>().join(" ")
}

/// The command without the variables that it sets.
pub(crate) fn shown_arguments(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem();
    let words = program.into_iter().chain(command.get_args()).map(quoted);
    words.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let harmless = |character: char| character.is_alphanumeric() || "-_=./:,+@".contains(character);
    if !word.is_empty() && word.chars().all(harmless) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Runs a program to its end.
///
/// # Errors
///
/// When it cannot be started, and when it exits with anything but success.
pub(crate) fn run(mut command: Command) -> Result<(), Error> {
    let status = command.status().map_err(|error| Error::new(&command, Reason::Io(error)))?;
    if status.success() { Ok(()) } else { Err(Error::new(&command, Reason::Exit(status))) }
}

/// Runs a program to its end and returns what it prints on its standard output; the rest is on ours.
///
/// # Errors
///
/// When it cannot be started, and when it exits with anything but success.
pub(crate) fn output(mut command: Command) -> Result<String, Error> {
    command.stderr(Stdio::inherit());
    let output = command.output().map_err(|error| Error::new(&command, Reason::Io(error)))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(Error::new(&command, Reason::Exit(output.status))),
    }
}

/// What a program prints on its standard output; `None` when it cannot be started or fails.
pub(crate) fn output_quietly(mut command: Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Keeps from a program what the environment says about an account in AWS: who asks, where, and what is
/// trusted.
pub(crate) fn without_account(command: &mut Command) {
    without_account_in(command, env::vars_os().map(|(name, _)| name));
}

fn without_account_in(command: &mut Command, variables: impl Iterator<Item = OsString>) {
    for name in variables.filter(|name| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
}

/// Writes a file that a program needs.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|error| Error {
        command: path.display().to_string(),
        reason: Reason::Write(error),
    })
}

/// Whether a program can be started and succeeds; what it prints is dropped.
pub(crate) fn succeeds_quietly(mut command: Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a program to its end, passes on what it prints as it comes, and returns a copy of it.
///
/// The program's two streams share one pipe, which keeps their lines in the order of printing; all
/// of it goes to our standard output.
///
/// # Errors
///
/// When it cannot be started or its output cannot be passed on. How it exits is for the caller to
/// judge.
pub(crate) fn tee(mut command: Command) -> Result<(ExitStatus, String), Error> {
    let text = shown(&command);
    keep_colours(&mut command);
    tee_to(command, &mut io::stdout().lock())
        .map_err(|error| Error { command: text, reason: Reason::Io(error) })
}

fn tee_to(mut command: Command, screen: &mut impl Write) -> io::Result<(ExitStatus, String)> {
    let (mut output, input) = io::pipe()?;
    command.stdout(input.try_clone()?).stderr(input);
    let mut child = command.spawn()?;
    // The command holds the pipe's writing ends; while they are open the output has no end.
    drop(command);

    let mut copy = Vec::new();
    // Bytes, not lines: a test's name is printed before its result, and shows which one hangs.
    let mut chunk = [0; 8192];
    loop {
        let length = match output.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        screen.write_all(&chunk[..length])?;
        screen.flush()?;
        copy.extend_from_slice(&chunk[..length]);
    }
    Ok((child.wait()?, String::from_utf8_lossy(&copy).into_owned()))
}

/// A program that writes to a pipe drops its colours; where ours would be seen, it keeps them.
fn keep_colours(command: &mut Command) {
    let chosen = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !chosen("NO_COLOR") && !chosen("CARGO_TERM_COLOR") {
        command.env("CARGO_TERM_COLOR", "always");
    }
}

impl Error {
    fn new(command: &Command, reason: Reason) -> Self {
        Self { command: shown(command), reason }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Io(_) => write!(f, "`{}` could not be run", self.command),
            Reason::Exit(status) => write!(f, "`{}` failed ({status})", self.command),
            Reason::Write(_) => write!(f, "{} could not be written", self.command),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.reason {
            Reason::Io(error) | Reason::Write(error) => Some(error),
            Reason::Exit(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
