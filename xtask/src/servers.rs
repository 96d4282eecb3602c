//! Local servers with AWS's interfaces: installed below the target folder on first use, started for a
//! run of tests, and stopped when it is over.
//!
//! What they share is here; how each is installed and started is a module of its own.

mod kinesis_local;
mod ministack;

use std::{
    error::Error as StdError,
    fmt, fs, io,
    net::{IpAddr, Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub(crate) use self::{kinesis_local::KINESIS_LOCAL, ministack::MINISTACK};
use crate::process;

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that can be had.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// The release, with all that it needs, each in one version.
    release: &'static str,
    /// What must be on the machine to install it and to run it.
    needs: &'static str,
    /// Installs the release into an empty folder.
    install: fn(&Path) -> Result<(), process::Error>,
    /// Starts what was installed into the folder, on a port of the loopback interface.
    command: fn(&Path, u16) -> Command,
}

/// A server that ends with this value.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it answers.
    pub(crate) endpoint: String,
    process: Child,
    log: PathBuf,
}

/// There is no server.
#[derive(Debug)]
pub(crate) struct Error {
    server: &'static str,
    needs: &'static str,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// What it needs is missing, or its packages cannot be had.
    Install(process::Error),
    /// Its files, its port or its process cannot be made.
    Io(io::Error),
    /// It ended, or said nothing for too long; with what it printed.
    Silent(String),
    /// Other machines could talk to it.
    Exposed,
}

impl Server {
    /// Starts it on a free port of the loopback interface, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub(crate) fn start(&self) -> Result<Running, Error> {
        self.start_from(&process::root().join("target/tools").join(self.name))
            .map_err(|reason| Error { server: self.name, needs: self.needs, reason })
    }

    fn start_from(&self, home: &Path) -> Result<Running, Reason> {
        self.install_into(home)?;
        // Free now; whoever takes it before the server does makes it fail loudly.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = home.join("server.log");
        let output = fs::File::create(&log)?;
        let process = (self.command)(home, port)
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut running = Running { endpoint: format!("http://127.0.0.1:{port}"), process, log };
        running.wait_until_it_answers(port)?;
        if is_exposed(port) { Err(Reason::Exposed) } else { Ok(running) }
    }

    /// Installs the release, unless it is what is there.
    fn install_into(&self, home: &Path) -> Result<(), Reason> {
        let stamp = home.join("installed");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == self.release) {
            return Ok(());
        }
        println!("==> installing {} below {}", self.name, home.display());
        if home.exists() {
            fs::remove_dir_all(home)?;
        }
        fs::create_dir_all(home)?;
        (self.install)(home).map_err(Reason::Install)?;
        // Last, so that an installation that was cut off is begun again.
        Ok(fs::write(&stamp, self.release)?)
    }
}

/// Whether a server listens on all interfaces of this machine, as far as it can tell by itself: on
/// Linux the whole network 127.0.0.0/8 leads here, but not to a server of 127.0.0.1.
fn is_exposed(port: u16) -> bool {
    answers(Ipv4Addr::new(127, 0, 0, 2).into(), port)
}

fn answers(address: IpAddr, port: u16) -> bool {
    TcpStream::connect((address, port)).is_ok()
}

impl Running {
    /// The end of what it has printed.
    pub(crate) fn last_lines(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(50)..].join("\n")
    }

    fn wait_until_it_answers(&mut self, port: u16) -> Result<(), Reason> {
        let begun = Instant::now();
        while !answers(Ipv4Addr::LOCALHOST.into(), port) {
            let has_ended = self.process.try_wait()?.is_some();
            if has_ended || begun.elapsed() > PATIENCE {
                return Err(Reason::Silent(self.last_lines()));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has nothing to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, needs, reason } = self;
        match reason {
            Reason::Install(_) => write!(f, "{server} cannot be installed; it needs {needs}"),
            Reason::Io(_) => write!(f, "{server} cannot be started; it needs {needs}"),
            Reason::Silent(log) => {
                write!(f, "{server} does not answer; it needs {needs}, and printed:\n{log}")
            }
            Reason::Exposed => write!(f, "{server} would answer other machines, too"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.reason {
            Reason::Install(error) => Some(error),
            Reason::Io(error) => Some(error),
            Reason::Silent(_) | Reason::Exposed => None,
        }
    }
}

#[cfg(test)]
mod tests;
