use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use super::place::Place;

/// An example program.
#[derive(Debug, Clone, Copy)]
pub struct Program(pub &'static str);

pub const DISPENSARY: Program = Program("dispensary");
pub const INGEST: Program = Program("ingest");
pub const INVENTORY: Program = Program("inventory");
pub const ORDERS: Program = Program("orders");
pub const USERS: Program = Program("users");

impl Program {
    /// Runs it to its end.
    pub fn run<I: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = I>) -> Output {
        self.start(arguments).finish()
    }

    /// Runs it to its end, on the data in `data`.
    pub fn run_on<I: AsRef<OsStr>>(
        self,
        data: &(impl Place + ?Sized),
        arguments: impl IntoIterator<Item = I>,
    ) -> Output {
        self.start_on(data, arguments).finish()
    }

    pub fn start<I: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = I>) -> Running {
        Running::spawn(self.command().args(arguments))
    }

    /// On the data in `data`.
    pub fn start_on<I: AsRef<OsStr>>(
        self,
        data: &(impl Place + ?Sized),
        arguments: impl IntoIterator<Item = I>,
    ) -> Running {
        Running::spawn(self.command().args(arguments).args(data.arguments()))
    }

    /// Starts `serve` with these flags on a free port and returns when it listens.
    pub fn serve_on(self, data: &(impl Place + ?Sized), flags: &[&str]) -> Server {
        let mut command = self.command();
        Server::spawn(command.args(["serve", "--port", "0"]).args(flags).args(data.arguments()))
    }

    /// Runs it to its end, on the data in `data`, with this on its standard input.
    pub fn run_with_input<I: AsRef<OsStr>>(
        self,
        input: &[u8],
        data: &(impl Place + ?Sized),
        arguments: impl IntoIterator<Item = I>,
    ) -> Output {
        let mut command = self.command();
        let command = command.args(arguments).args(data.arguments()).stdin(Stdio::piped());
        let mut running = Running::spawn_with_stdin(command);
        let mut stdin = running.0.stdin.take().unwrap();
        // A program that reads nothing has ended by then.
        let _ = stdin.write_all(input);
        drop(stdin);
        running.finish()
    }

    /// Starts it on a terminal of its own, on the data in `data`. What does not come within a minute does
    /// not come.
    #[cfg(unix)]
    pub fn on_terminal<I: AsRef<OsStr>>(
        self,
        data: &(impl Place + ?Sized),
        arguments: impl IntoIterator<Item = I>,
    ) -> rexpect::session::PtySession {
        let mut command = self.command();
        command.args(arguments).args(data.arguments());
        rexpect::session::spawn_command(command, Some(60_000)).unwrap()
    }

    /// With variables of the environment; those that say who asks AWS are these only.
    pub fn start_with<I: AsRef<OsStr>>(
        self,
        environment: &[(&str, &OsStr)],
        arguments: impl IntoIterator<Item = I>,
    ) -> Running {
        let mut command = self.command();
        for name in ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_REGION"] {
            command.env_remove(name);
        }
        Running::spawn(command.args(arguments).envs(environment.iter().copied()))
    }

    /// It, with nothing of the environment that says what it is to do.
    fn command(self) -> Command {
        let mut command = Command::new(executable(self.0));
        for name in CONFIGURING {
            command.env_remove(name);
        }
        command
    }
}

/// What the programs read from the environment; a test says it where it is about that.
const CONFIGURING: [&str; 8] = [
    "BUCKET_NAME",
    "CONFIRMATION_QUEUE_NAME",
    "DEAD_LETTER_QUEUE_NAME",
    "QUEUE_NAME",
    "RUST_LOG",
    "TABLE_NAME",
    "TOPIC_ARN",
    "TTL_DAYS",
];

/// The path of the built example. Cargo builds examples before it runs all tests of a package, but
/// not for `--test NAME`: then it may be missing, or older than its sources.
pub(super) fn executable(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/PROFILE/deps/TEST → target/PROFILE/examples/NAME
    let profile = test.ancestors().nth(2).unwrap();
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let built = std::fs::metadata(&path).and_then(|built| built.modified()).ok();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    // What runs as functions is beside the rest of its system.
    let system = name.strip_suffix("-functions").unwrap_or(name);
    let changed = [system, "aws", "command_line", "data_directory.rs", "health", "http"]
        .map(|part| newest_source(&sources.join(part)));
    let changed = changed.into_iter().max().unwrap();
    assert!(
        built.is_some_and(|built| built >= changed),
        "{} is not built, or not since its sources changed: run `cargo build --examples`",
        path.display()
    );
    path
}

fn newest_source(directory: &Path) -> SystemTime {
    if directory.is_file() {
        return directory.metadata().unwrap().modified().unwrap();
    }
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter_map(|path| match path.extension() {
            _ if path.is_dir() => Some(newest_source(&path)),
            Some(extension) if extension == "rs" => path.metadata().unwrap().modified().ok(),
            _ => None,
        })
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Output {
    pub success: bool,
    /// The exit code; `None` for a run that was killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The standard output as JSON; the run must have succeeded.
    pub fn json(&self) -> serde_json::Value {
        assert!(self.success, "it failed: {}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }

    /// The one sentence of a run that failed.
    pub fn error(&self) -> &str {
        assert!(!self.success, "it succeeded: {}", self.stdout);
        let sentence = self.stderr.trim();
        assert_eq!(sentence.lines().count(), 1, "not one sentence: {sentence}");
        assert!(sentence.starts_with("error: "), "{sentence}");
        sentence
    }
}

/// Runs the dispensary to its end.
pub fn dispensary<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    DISPENSARY.run(arguments)
}

/// Runs the dispensary to its end, on the data in `data`.
pub fn dispensary_on<I: AsRef<OsStr>>(
    data: &(impl Place + ?Sized),
    arguments: impl IntoIterator<Item = I>,
) -> Output {
    DISPENSARY.run_on(data, arguments)
}

/// A run of the program that has not ended, or whose end was not looked at.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    fn spawn(command: &mut Command) -> Self {
        Self::spawn_with_stdin(command.stdin(Stdio::null()))
    }

    fn spawn_with_stdin(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(piped.spawn().unwrap())
    }

    /// What it has said on standard error, up to the first line that has this in it.
    pub fn said(&mut self, what: &str) -> String {
        let lines = BufReader::new(self.0.stderr.as_mut().unwrap()).lines();
        let mut lines = lines.map(|line| line.unwrap());
        lines.find(|line| line.contains(what)).expect("it ended before it said so")
    }

    /// What it has printed, up to the first line that has this in it.
    pub fn printed(&mut self, what: &str) -> String {
        let lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        let mut lines = lines.map(|line| line.unwrap());
        lines.find(|line| line.contains(what)).expect("it ended before it printed so")
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// `kill -9`; nothing happens if it has ended.
    pub fn kill(mut self) -> Output {
        self.0.kill().unwrap();
        self.finish()
    }

    /// What Ctrl-C does.
    #[cfg(unix)]
    pub fn interrupt(self) -> Output {
        self.signal("-INT");
        self.finish()
    }

    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        signal(&self.0, name);
    }

    /// Waits for its end.
    pub fn finish(self) -> Output {
        let output = self.0.wait_with_output().unwrap();
        Output {
            success: output.status.success(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

#[cfg(unix)]
fn signal(process: &Child, signal: &str) {
    let pid = process.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Child,
    pub url: String,
}

impl Server {
    /// Starts that of the dispensary.
    pub fn start(data: &(impl Place + ?Sized)) -> Self {
        Self::start_with(data, &[])
    }

    /// The same, with these flags.
    pub fn start_with(data: &(impl Place + ?Sized), flags: &[&str]) -> Self {
        DISPENSARY.serve_on(data, flags)
    }

    fn spawn(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = lines
            .by_ref()
            .map(|line| line.unwrap())
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .expect("the server ended before it listened");
        Self { process, url }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to stop and tells whether it ended well.
    #[cfg(unix)]
    pub fn terminate(mut self) -> bool {
        signal(&self.process, "-TERM");
        self.process.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
