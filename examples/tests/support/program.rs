use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

/// The path of the built example. Cargo builds examples before it runs all tests of a package, but
/// not for `--test NAME`: then it may be missing, or older than its sources.
fn executable() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/PROFILE/deps/TEST → target/PROFILE/examples/dispensary
    let profile = test.ancestors().nth(2).unwrap();
    let path = profile.join("examples").join(format!("dispensary{}", std::env::consts::EXE_SUFFIX));
    let built = std::fs::metadata(&path).and_then(|built| built.modified()).ok();
    let changed = newest_source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("dispensary"));
    assert!(
        built.is_some_and(|built| built >= changed),
        "{} is not built, or not since its sources changed: run `cargo build --examples`",
        path.display()
    );
    path
}

fn newest_source(directory: &Path) -> SystemTime {
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

/// Runs the program to its end.
pub fn dispensary<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    let output = Command::new(executable())
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Output {
        success: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Child,
    pub url: String,
}

impl Server {
    /// Starts `serve` on a free port and returns when it listens.
    pub fn start(data: &Path) -> Self {
        let mut process = Command::new(executable())
            .args(["serve", "--port", "0", "--data-dir"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
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
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.process.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
