//! `ministack`, a local server with AWS's interfaces: installed below the target folder on first use,
//! started for a run of tests, and stopped when it is over.

use std::{
    env,
    error::Error as StdError,
    fmt, fs, io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::process;

/// The release, with all that it needs, each in one version.
const REQUIREMENTS: &str = include_str!("ministack/requirements.txt");

/// How long it may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that ends with this value.
#[derive(Debug)]
pub(crate) struct Ministack {
    /// Where it answers.
    pub(crate) endpoint: String,
    server: Child,
    log: PathBuf,
}

/// There is no server.
#[derive(Debug)]
pub(crate) enum Error {
    /// Python is missing, or the packages cannot be had.
    Install(process::Error),
    /// Its files, its port or its process cannot be made.
    Io(io::Error),
    /// It ended, or said nothing for too long; with what it printed.
    NotReady(String),
}

impl Ministack {
    /// Starts a server of its own on a free port of the loopback interface, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub(crate) fn start() -> Result<Self, Error> {
        install().map_err(Error::Install)?;
        // Free now; whoever takes it before the server does makes it fail loudly.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = home().join("server.log");
        let output = fs::File::create(&log)?;
        let server = Command::new(in_venv("ministack"))
            .envs([("BIND_HOST", "127.0.0.1"), ("MINISTACK_HOST", "127.0.0.1")])
            .envs([("SFTP_ENABLED", "0"), ("IOT_MTLS_ENABLED", "0")])
            .env("GATEWAY_PORT", port.to_string())
            .current_dir(home())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut started = Self { endpoint: format!("http://127.0.0.1:{port}"), server, log };
        started.wait_until_it_answers(port)?;
        Ok(started)
    }

    /// The end of what it has printed.
    pub(crate) fn last_lines(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(50)..].join("\n")
    }

    fn wait_until_it_answers(&mut self, port: u16) -> Result<(), Error> {
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let has_ended = self.server.try_wait()?.is_some();
            if has_ended || begun.elapsed() > PATIENCE {
                return Err(Error::NotReady(self.last_lines()));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // It has nothing to save.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Makes the environment, unless the one that is there has these requirements.
fn install() -> Result<(), process::Error> {
    let stamp = home().join("requirements.txt");
    let is_there = fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS);
    if is_there && in_venv("ministack").is_file() {
        return Ok(());
    }
    println!("==> installing ministack below {}", home().display());
    let python = if cfg!(windows) { "python" } else { "python3" };
    let mut venv = Command::new(python);
    venv.args(["-m", "venv", "--clear"]).arg(home()).current_dir(process::root());
    process::run(venv)?;

    let wanted = home().join("wanted.txt");
    process::write(&wanted, REQUIREMENTS)?;
    let mut pip = Command::new(in_venv("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    pip.arg(&wanted).current_dir(process::root());
    process::run(pip)?;
    // Last, so that an installation that was cut off is begun again.
    process::write(&stamp, REQUIREMENTS)
}

fn home() -> PathBuf {
    process::root().join("target/tools/ministack")
}

fn in_venv(program: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    home().join(folder).join(format!("{program}{}", env::consts::EXE_SUFFIX))
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Install(_) => {
                f.write_str("ministack cannot be installed; it needs Python 3 with venv and pip")
            }
            Self::Io(_) => f.write_str("ministack cannot be started"),
            Self::NotReady(log) => write!(f, "ministack does not answer; it printed:\n{log}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Install(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::NotReady(_) => None,
        }
    }
}
