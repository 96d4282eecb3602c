//! The server that stacks are deployed to on this machine: started when it is needed, and running until it
//! is stopped.
//!
//! Below `target/lambda/local` are its log, the code of functions while they run, and which process it is
//! on which port.

use std::{
    error::Error,
    fs,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::requests;
use crate::{
    package, process,
    servers::{MINISTACK, Place, free_port},
};

/// The port that servers of this kind have, where it is free: many programs look there.
const USUAL_PORT: u16 = 4566;

/// How long the server may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server, if it runs.
///
/// # Errors
///
/// When what was noted of it cannot be read.
pub(super) fn running() -> Result<Option<Place>, Box<dyn Error>> {
    let Some((pid, port)) = noted()? else { return Ok(None) };
    let place = Place::existing(folder(), port);
    // Both: the process may be gone and its id another's, and so may its port.
    let is_running = is_ministack(pid) && requests::is_healthy(&place);
    Ok(is_running.then_some(place))
}

/// The server, which is started if it does not run.
///
/// # Errors
///
/// When it cannot be installed or started.
pub(super) fn running_or_started() -> Result<Place, Box<dyn Error>> {
    if let Some(place) = running()? {
        return Ok(place);
    }
    let usual = TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT)).map(drop);
    let port = usual.map(|()| USUAL_PORT).or_else(|_| free_port())?;
    let place = Place::fresh(folder(), port)?;
    let pid = MINISTACK.start_for_good(place.clone())?;
    fs::write(note(), format!("{pid} {port}\n"))?;
    eprintln!("==> {} answers at {}", MINISTACK.tool.name, place.endpoint());
    Ok(place)
}

/// Stops the server, and returns where it was.
///
/// # Errors
///
/// When it goes on.
pub(super) fn stop() -> Result<Option<Place>, Box<dyn Error>> {
    let stopped = running()?;
    if let (Some(place), Some((pid, _))) = (&stopped, noted()?) {
        MINISTACK.stop(place)?;
        // It does not answer any longer, and ends the programs of functions still.
        let begun = Instant::now();
        while is_ministack(pid) {
            if begun.elapsed() > PATIENCE {
                return Err(format!("the process {pid} of the local server does not end").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
    if note().exists() {
        fs::remove_file(note())?;
    }
    Ok(stopped)
}

/// Removes what the server has written, and the packaged programs.
///
/// # Errors
///
/// When something cannot be removed.
pub(super) fn clean() -> Result<(), Box<dyn Error>> {
    if package::folder().exists() {
        fs::remove_dir_all(package::folder())?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    package::folder().join("local")
}

/// Which process it is, and on which port.
fn note() -> PathBuf {
    folder().join("server.pid")
}

fn noted() -> Result<Option<(u32, u16)>, Box<dyn Error>> {
    match note().exists() {
        true => Ok(parsed(&fs::read_to_string(note())?)),
        false => Ok(None),
    }
}

/// A note that was cut off is none.
fn parsed(note: &str) -> Option<(u32, u16)> {
    let (pid, port) = note.strip_suffix('\n')?.split_once(' ')?;
    Some((pid.parse().ok()?, port.parse().ok()?))
}

/// Whether a process is such a server; on Windows, which has no `ps`, one that answers is taken for ours.
fn is_ministack(pid: u32) -> bool {
    let mut ps = Command::new("ps");
    ps.args(["-p", &pid.to_string(), "-o", "command="]);
    match process::output_quietly(ps) {
        Some(command) => command.contains("ministack"),
        None => cfg!(windows),
    }
}

#[cfg(test)]
mod tests;
