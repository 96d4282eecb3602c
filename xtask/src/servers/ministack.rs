//! `ministack`: one server for most of AWS, from the Python Package Index.

use std::{path::Path, process::Command};

use super::{Place, Server};
use crate::{process, tools::python};

pub(crate) static MINISTACK: Server = Server {
    tool: python::tool("ministack", include_str!("../tools/ministack.txt")),
    command,
    stop: Some(stop),
};

fn command(home: &Path, place: &Place) -> Command {
    let mut server = program(home, place);
    server
        .envs([("BIND_HOST", "127.0.0.1"), ("MINISTACK_HOST", "127.0.0.1")])
        .envs([("SFTP_ENABLED", "0"), ("IOT_MTLS_ENABLED", "0")])
        // The programs of functions get its environment, and find it by this.
        .env("AWS_ENDPOINT_URL", place.endpoint());
    server
}

/// It ends the programs of functions with itself; killed, it leaves them.
fn stop(home: &Path, place: &Place) -> Command {
    let mut stop = program(home, place);
    stop.arg("--stop");
    stop
}

fn program(home: &Path, place: &Place) -> Command {
    let mut program = Command::new(python::program(home, "ministack"));
    process::without_account(&mut program);
    // Where it unpacks functions, and writes which process it is.
    program.env("TMPDIR", place.folder()).env("GATEWAY_PORT", place.port.to_string());
    program
}
