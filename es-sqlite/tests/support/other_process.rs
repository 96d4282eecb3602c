//! A test's own binary, started again as another process on the same file.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::Place;

/// The path of the database, for a child.
const ROLE: &str = "ES_SQLITE_TEST_CHILD";
/// What a child says begins with this, unlike what the test harness says.
const SAYS: &str = "child: ";

pub(crate) fn child_database() -> Option<PathBuf> {
    std::env::var_os(ROLE).map(PathBuf::from)
}

pub(crate) fn say(what: &str) {
    // One write per line: a line that was begun is there whole, however the process ends.
    use std::io::Write as _;
    std::io::stdout().lock().write_all(format!("\n{SAYS}{what}\n").as_bytes()).unwrap();
}

/// A running child.
pub(crate) struct Other {
    child: Child,
    said: BufReader<ChildStdout>,
    _stdin: ChildStdin,
}

impl Other {
    pub(crate) fn start(role: &str, place: &Place) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", role, "--nocapture"])
            .env(ROLE, place.db())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let stdin = child.stdin.take().unwrap();
        Self { child, said, _stdin: stdin }
    }

    /// The next thing that the child says; `None` when it has ended.
    pub(crate) fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            // The last line of a child that was killed may be cut: it has no end then.
            if self.said.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
                return None;
            }
            if let Some(said) = line.trim_end().strip_prefix(SAYS) {
                return Some(said.to_owned());
            }
        }
    }

    /// Ends it without a warning, and returns what it had said until then.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.next()).collect()
    }

    pub(crate) fn wait(mut self) -> Vec<String> {
        let said = std::iter::from_fn(|| self.next()).collect();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}
