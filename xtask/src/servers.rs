//! Local servers with AWS's interfaces: installed below the target folder on first use, started for a
//! run of tests and stopped when it is over, or left running for those who try something out.
//!
//! What they share is here; how each is installed and started is a module of its own.

mod kinesis_local;
mod ministack;

use std::{
    error::Error as StdError,
    fmt, fs, io, mem,
    net::{IpAddr, Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub(crate) use self::{kinesis_local::KINESIS_LOCAL, ministack::MINISTACK};
use crate::tools::{self, Tool};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a server may take to end when it is asked to, before it is killed.
const FAREWELL: Duration = Duration::from_secs(10);

/// A server that can be had.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) tool: Tool,
    /// Starts what was installed into the folder, for the place.
    command: fn(&Path, &Place) -> Command,
    /// Asks the one at the place to end, where that is better than killing it.
    stop: Option<fn(&Path, &Place) -> Command>,
}

/// Where a server answers, and keeps what it writes.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
    pub(crate) port: u16,
}

/// A server that ends with this value.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it answers.
    pub(crate) endpoint: String,
    server: &'static Server,
    home: PathBuf,
    place: Place,
    process: Child,
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
    Install(tools::Error),
    /// Its files, its port or its process cannot be made.
    Io(io::Error),
    /// It ended, or said nothing for too long; with what it printed.
    Silent(String),
    /// Other machines could talk to it.
    Exposed,
}

impl Place {
    /// Keeps things in this folder, which is there and empty afterwards, and answers on this port of the
    /// loopback interface.
    pub(crate) fn fresh(folder: PathBuf, port: u16) -> io::Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, port })
    }

    /// Where one was started before.
    pub(crate) fn existing(folder: PathBuf, port: u16) -> Self {
        Self { folder, port }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the server prints.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    pub(crate) fn answers(&self) -> bool {
        answers(Ipv4Addr::LOCALHOST.into(), self.port)
    }

    /// The end of what was printed.
    fn last_lines(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(50)..].join("\n")
    }
}

impl Server {
    /// Starts it on a free port of the loopback interface, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub(crate) fn start(&'static self) -> Result<Running, Error> {
        self.home()
            .and_then(|home| {
                let place = Place::fresh(home.join("run"), free_port()?)?;
                self.start_from(home, place, |_| {})
            })
            .map_err(|reason| self.error(reason))
    }

    /// Starts it so that it goes on when this program and its terminal end, and waits until it answers.
    /// Returns the id of its process.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub(crate) fn start_for_good(&'static self, place: Place) -> Result<u32, Error> {
        self.home()
            .and_then(|home| self.start_from(home, place, in_a_group_of_its_own))
            .map(Running::leave)
            .map_err(|reason| self.error(reason))
    }

    /// Asks the one at this place to end, and waits until it does not answer any longer.
    ///
    /// # Errors
    ///
    /// [`Error`], when it goes on.
    pub(crate) fn stop(&self, place: &Place) -> Result<(), Error> {
        self.home()
            .and_then(|home| self.ask_to_end(&home, place))
            .and_then(|()| {
                let begun = Instant::now();
                while place.answers() {
                    if begun.elapsed() > FAREWELL {
                        return Err(Reason::Silent(place.last_lines()));
                    }
                    thread::sleep(Duration::from_millis(50));
                }
                Ok(())
            })
            .map_err(|reason| self.error(reason))
    }

    fn home(&self) -> Result<PathBuf, Reason> {
        self.tool.home().map_err(Reason::Install)
    }

    fn start_from(
        &'static self,
        home: PathBuf,
        place: Place,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Running, Reason> {
        let output = fs::File::create(place.log())?;
        let mut command = (self.command)(&home, &place);
        command.current_dir(&home).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        prepare(&mut command);
        let process = command.spawn()?;
        let endpoint = place.endpoint();
        let mut running = Running { endpoint, server: self, home, place, process };
        running.wait_until_it_answers()?;
        if is_exposed(running.place.port) { Err(Reason::Exposed) } else { Ok(running) }
    }

    fn ask_to_end(&self, home: &Path, place: &Place) -> Result<(), Reason> {
        let Some(stop) = self.stop else { return Ok(()) };
        stop(home, place).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
        Ok(())
    }

    fn error(&self, reason: Reason) -> Error {
        Error { server: self.tool.name, needs: self.tool.needs, reason }
    }
}

/// Ctrl-C in the terminal, meant for us, is then not for it.
fn in_a_group_of_its_own(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

/// Free now; whoever takes it before the server does makes it fail loudly.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
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
        self.place.last_lines()
    }

    fn wait_until_it_answers(&mut self) -> Result<(), Reason> {
        let begun = Instant::now();
        while !self.place.answers() {
            let has_ended = self.process.try_wait()?.is_some();
            if has_ended || begun.elapsed() > PATIENCE {
                return Err(Reason::Silent(self.last_lines()));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Lets it go on. Returns the id of its process.
    fn leave(self) -> u32 {
        let id = self.process.id();
        mem::forget(self);
        id
    }

    fn has_ended_within(&mut self, time: Duration) -> bool {
        let begun = Instant::now();
        loop {
            match self.process.try_wait() {
                Ok(None) if begun.elapsed() < time => thread::sleep(Duration::from_millis(20)),
                outcome => return matches!(outcome, Ok(Some(_))),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let asked =
            self.server.stop.is_some() && self.server.ask_to_end(&self.home, &self.place).is_ok();
        if !(asked && self.has_ended_within(FAREWELL)) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
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
            Reason::Install(error) => error.fmt(f),
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
            // It has said what the error of the tool says.
            Reason::Install(error) => error.source(),
            Reason::Io(error) => Some(error),
            Reason::Silent(_) | Reason::Exposed => None,
        }
    }
}

#[cfg(test)]
mod tests;
